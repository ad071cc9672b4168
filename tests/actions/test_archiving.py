"""Tests, on SQLite and PostgreSQL, that a new message unarchives an archived conversation.

For members who have muted the conversation, it stays archived.
"""

from __future__ import annotations

import uuid

import pytest

from chat import actions, selectors
from chat.actions.sending import SendCommand, SentMessage, send_many
from chat.models import Membership
from chat.payloads import SendPayload

pytestmark = pytest.mark.usefixtures("each_database")


def membership(user, group) -> Membership:
    return Membership.objects.get(user=user, conversation=group)


def test_a_batch_of_messages_unarchives_once_per_member(alice, bob, carol, group):
    actions.add_members(alice.pk, group.pk, [carol.pk])
    for user in (alice, bob, carol):
        actions.update_member_state(user.pk, group.pk, {"archived": True, "muted": user == carol})
    before = {user.pk: membership(user, group).me_version for user in (alice, bob, carol)}
    outcomes = send_many(
        [SendCommand(bob.pk, SendPayload(group.pk, uuid.uuid4(), text)) for text in ("one", "two @alice")]
    )
    assert all(isinstance(outcome, SentMessage) for outcome in outcomes)
    assert [membership(user, group).archived for user in (alice, bob, carol)] == [False, False, True]
    assert membership(alice, group).me_version == before[alice.pk] + 1
    assert membership(bob, group).me_version > before[bob.pk]
    assert membership(carol, group).me_version == before[carol.pk]
    summary = {item.id: item for item in selectors.list_conversation_summaries(alice.pk)}[group.pk]
    assert (summary.unread, summary.mentions, summary.archived) == (2, 1, False)
    # the published unread count equals that of a fresh query
    assert actions.update_member_state(alice.pk, group.pk, {}).unread_count == 2


def test_a_sender_without_unread_messages_unarchives_for_others(alice, bob, group):
    send_many([SendCommand(bob.pk, SendPayload(group.pk, uuid.uuid4(), "one"))])  # from here bob has no unread messages
    actions.update_member_state(alice.pk, group.pk, {"archived": True})
    (outcome,) = send_many([SendCommand(bob.pk, SendPayload(group.pk, uuid.uuid4(), "two"))])
    assert isinstance(outcome, SentMessage)
    assert membership(alice, group).archived is False


def test_mark_read_and_unread_from_the_list(alice, bob, group):
    send_many(
        [
            SendCommand(bob.pk, SendPayload(group.pk, uuid.uuid4(), "theirs")),
            SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), "mine")),
        ]
    )
    mine = actions.mark_read(alice.pk, group.pk, None, back=True)
    assert mine.unread_count == 1
    assert actions.mark_read(alice.pk, group.pk, 10**6).unread_count == 0
    assert actions.mark_read(bob.pk, group.pk, None, back=True).unread_count == 1
