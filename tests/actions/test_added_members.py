"""Tests, on SQLite and PostgreSQL, that a group is new for a user whom somebody has added, until the user opens it."""

from __future__ import annotations

import uuid

import pytest

from chat import actions, selectors
from chat.actions.read_markers import MarkerMove, move_markers
from chat.actions.sending import SendCommand, SentMessage, send_many
from chat.models import Membership
from chat.payloads import SendPayload

pytestmark = pytest.mark.usefixtures("each_database")


def added_by(user, conversation_id: int) -> int | None:
    mine = selectors.get_conversation(user.pk, conversation_id).mine
    summary = {item.id: item for item in selectors.list_conversation_summaries(user.pk)}[conversation_id]
    assert mine and summary.is_added == (mine.added_by_id is not None)
    return mine.added_by_id


def test_reading_opens_the_group_even_without_messages(alice, bob, carol):
    group = actions.create_group(alice.pk, "Walk", [bob.pk, carol.pk]).id
    assert [added_by(user, group) for user in (alice, bob, carol)] == [None, alice.pk, alice.pk]
    assert selectors.list_conversation_summaries(bob.pk)[0].badge_count == 0  # it is no unread message
    (outcome,) = move_markers([MarkerMove(bob.pk, group, read_seq=0)])
    assert outcome.added_by_id is None and outcome.me_version
    assert [added_by(user, group) for user in (bob, carol)] == [None, alice.pk]
    (again,) = move_markers([MarkerMove(bob.pk, group, read_seq=0)])
    assert again.me_version == outcome.me_version  # nothing has changed


def test_receiving_a_message_or_marking_it_as_unread_does_not_open_the_group(alice, bob):
    group = actions.create_group(alice.pk, "Walk", [bob.pk]).id
    actions.send_message(alice.pk, group, uuid.uuid4(), "hello")
    move_markers([MarkerMove(bob.pk, group, delivered_seq=1), MarkerMove(bob.pk, group, read_seq=1, back=True)])
    assert added_by(bob, group) == alice.pk


def test_a_message_of_the_user_opens_the_group(alice, bob):
    group = actions.create_group(alice.pk, "Walk", [bob.pk]).id
    version = Membership.objects.get(user=bob, conversation=group).me_version
    (outcome,) = send_many([SendCommand(bob.pk, SendPayload(group, uuid.uuid4(), "hello"))])
    assert isinstance(outcome, SentMessage) and added_by(bob, group) is None
    assert Membership.objects.get(user=bob, conversation=group).me_version > version  # so other devices get the event


def test_who_joins_by_a_link_was_not_added(alice, bob, carol, group):
    actions.add_members(alice.pk, group.pk, [carol.pk])
    assert added_by(carol, group.pk) == alice.pk
    invite = actions.create_invite(alice.pk, group.pk, max_uses=1)
    actions.remove_member(carol.pk, group.pk, carol.pk)
    actions.join_by_invite(carol.pk, invite.token)
    assert added_by(carol, group.pk) is None
