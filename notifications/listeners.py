"""The listeners of published events. They run in the transaction of the change, so they only make short queries."""

from __future__ import annotations

import time
from datetime import timedelta

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from chat.message_kinds import WRITTEN_KINDS
from messenger.core import bulk_sql
from messenger.core.database import savepoint, write_transaction
from messenger.live.listeners import PublishedEvent
from notifications import member_states, pending_pushes, tasks
from notifications.member_states import MemberState
from notifications.models import Notification, OutboxEntry
from presence.tracker import get_tracker

MAX_VIEWERS = 500  # viewers stored with a message; more people do not look at the same conversation at the same moment
EXPANSION_DELAY = 1.0  # seconds: who has the conversation on the screen reads the message in this time
COMMIT_SECONDS = 0.5  # the longest that the transaction of a message usually lasts

_next_expansion_at = 0.0  # monotonic time at which the task that was enqueued last begins


class CreatedMessage(msgspec.Struct):
    id: int
    kind: str


class CreatedPayload(msgspec.Struct):
    """The fields of the event `message.created` that are needed here."""

    conversation_id: int
    message: CreatedMessage


class MemberStatePayload(msgspec.Struct):
    """The fields of the event `mine.updated` that are needed here."""

    conversation_id: int
    mine: MemberState


def handle_messages_and_states(events: list[PublishedEvent]) -> None:
    """Stores an outbox row for new text messages, or handles what users have read or chosen.

    A background task notifies the recipients of the messages (notifications.expansion). States that change together
    with messages are mostly those of senders, who have read the conversation by writing. The task handles them, too,
    so that the sender does not wait for a query.
    """
    payloads = [
        each.payload for each in events if each.type == "message.created" and each.payload.message.kind in WRITTEN_KINDS
    ]
    states = [each for each in events if each.type == "mine.updated"]
    if payloads:
        _store_outbox_row(payloads, states)
    elif states:
        with savepoint():
            _clear_read_notifications(states)


def _store_outbox_row(payloads: list[CreatedPayload], states: list[PublishedEvent[MemberStatePayload]]) -> None:
    row: dict[str, object] = {"message_ids": [each.message.id for each in payloads]}
    if viewers := get_tracker().get_viewers_of({each.conversation_id for each in payloads}):
        row["viewer_ids"] = {str(pk): sorted(user_ids)[:MAX_VIEWERS] for pk, user_ids in viewers.items()}
    if states:
        row["member_states"] = [(each.user_id, each.payload.conversation_id) for each in states]
    bulk_sql.insert_rows(OutboxEntry, tuple(row), [tuple(row.values())])
    _enqueue_expansion()


def _enqueue_expansion() -> None:
    """Enqueues the task that handles the outbox, unless one that this process has enqueued is still to begin.

    So a stream of messages costs one or two tasks per second. If a transaction lasts longer than COMMIT_SECONDS, its
    row may be found only by the periodic task.
    """
    now = time.monotonic()
    if now < _next_expansion_at - COMMIT_SECONDS:
        return
    tasks.expand_outbox.using(run_after=timezone.now() + timedelta(seconds=EXPANSION_DELAY)).enqueue()
    transaction.on_commit(lambda: _remember_expansion(now + EXPANSION_DELAY))


def _remember_expansion(at: float) -> None:
    global _next_expansion_at
    _next_expansion_at = at


class UpdatedMessage(msgspec.Struct):
    id: int
    edited_at: str | None
    deleted_at: str | None


class UpdatedPayload(msgspec.Struct):
    """The fields of the event `message.updated` that are needed here."""

    conversation_id: int
    message: UpdatedMessage


def update_devices(events: list[PublishedEvent[UpdatedPayload]]) -> None:
    """Makes devices that show a message replace or remove its text after the message was edited or deleted."""
    changed = [event.payload.message for event in events]
    ids = {message.id for message in changed if message.edited_at or message.deleted_at}
    if ids:
        _update_devices(Notification.objects.filter(message__in=ids))


def _clear_read_notifications(events: list[PublishedEvent[MemberStatePayload]]) -> None:
    """Removes notifications of a conversation from all devices of a user who has read it or turned them off."""
    states: dict[member_states.Key, MemberState] = {}
    for event in events:
        key = event.user_id, event.payload.conversation_id
        before = states.get(key)
        states[key] = event.payload.mine
        if before is not None:
            states[key].read_seq = max(before.read_seq, states[key].read_seq)
    if member_states.update_devices(states):
        tasks.send_pushes.enqueue()


def update_devices_after_block(user_id: int, person_id: int) -> None:
    """Removes notifications of what a person wrote from the devices of a user who has blocked this person."""
    with write_transaction():
        _update_devices(Notification.objects.filter(user=user_id, message__sender=person_id))


def _update_devices(rows: QuerySet[Notification]) -> None:
    """Makes devices that show these notifications show the current state of their conversations."""
    shown = rows.filter(outcome="push", cleared_at=None, pushed_at__isnull=False)
    if pending_pushes.add(shown.values_list("user_id", "conversation_id").distinct()):
        tasks.send_pushes.enqueue()
