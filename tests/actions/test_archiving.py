"""What lies in the archive comes back with the next text, where it is not muted; on both databases."""

from __future__ import annotations

import uuid

import pytest

from chat import actions, selectors
from chat.actions.sending import SendCommand, SentMessage, send_many
from chat.models import Membership

pytestmark = pytest.mark.usefixtures("each_database")


def row(user, room) -> Membership:
    return Membership.objects.get(user=user, conversation=room)


def test_a_batch_brings_it_back_once_for_each_who_put_it_away(alice, bob, carol, room):
    actions.add_members(alice.pk, room.pk, [carol.pk])
    for user in (alice, bob, carol):
        actions.update_member_state(user.pk, room.pk, {"archived": True, "muted": user == carol})
    before = {user.pk: row(user, room).me_version for user in (alice, bob, carol)}
    outcomes = send_many([SendCommand(bob.pk, room.pk, uuid.uuid4(), text) for text in ("one", "two @alice")])
    assert all(isinstance(outcome, SentMessage) for outcome in outcomes)
    assert [row(user, room).archived for user in (alice, bob, carol)] == [False, False, True]
    assert row(alice, room).me_version == before[alice.pk] + 1
    assert row(bob, room).me_version > before[bob.pk]
    assert row(carol, room).me_version == before[carol.pk]
    stands = {each.id: each for each in selectors.list_conversation_summaries(alice.pk)}[room.pk]
    assert (stands.unread, stands.mentions, stands.archived) == (2, 1, False)
    # told with the numbers that a fresh look gives
    assert actions.update_member_state(alice.pk, room.pk, {}).unread_count == 2


def test_a_sender_without_unread_messages_brings_it_back_for_others(alice, bob, room):
    send_many([SendCommand(bob.pk, room.pk, uuid.uuid4(), "one")])  # bob has read everything from here on
    actions.update_member_state(alice.pk, room.pk, {"archived": True})
    (outcome,) = send_many([SendCommand(bob.pk, room.pk, uuid.uuid4(), "two")])
    assert isinstance(outcome, SentMessage)
    assert row(alice, room).archived is False


def test_read_and_unread_from_the_list(alice, bob, room):
    send_many(
        [SendCommand(bob.pk, room.pk, uuid.uuid4(), "theirs"), SendCommand(alice.pk, room.pk, uuid.uuid4(), "mine")]
    )
    mine = actions.mark_unread(alice.pk, room.pk)
    assert mine.unread_count == 1
    assert actions.mark_read(alice.pk, room.pk, 10**6).unread_count == 0
    assert actions.mark_unread(bob.pk, room.pk).unread_count == 1
