"""The listeners of published events. They run in the transaction of the change, so they only make short queries."""

from __future__ import annotations

import time
from datetime import timedelta

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from messenger.core import bulk_sql
from messenger.core.database import write_transaction
from messenger.live.listeners import PublishedEvent
from notifications import pending_pushes, tasks
from notifications.decisions import Concern
from notifications.models import Notification, OutboxEntry
from presence.tracker import get_tracker

MAX_VIEWERS = 500  # viewers stored with a message; more people do not look at the same conversation at the same moment
EXPANSION_DELAY = 1.0  # seconds: who has the conversation on the screen reads the message in this time
MAX_CONDITIONS = 100  # of one query
COMMIT_SECONDS = 0.5  # the longest that the transaction of a message usually lasts

_next_expansion_at = 0.0  # monotonic time at which the task that was enqueued last begins


class CreatedMessage(msgspec.Struct):
    id: int
    kind: str


class CreatedPayload(msgspec.Struct):
    """The fields of the event `message.created` that are needed here."""

    conversation_id: int
    message: CreatedMessage


def store_outbox_rows(events: list[PublishedEvent[CreatedPayload]]) -> None:
    """Stores a row for the new text messages. A background task notifies the recipients (notifications.expansion)."""
    payloads = [event.payload for event in events if event.payload.message.kind == "text"]
    if not payloads:
        return
    now, tracker = timezone.now(), get_tracker()
    conversation_ids = {payload.conversation_id for payload in payloads}
    viewer_ids = {
        str(pk): sorted(viewers)[:MAX_VIEWERS] for pk in conversation_ids if (viewers := tracker.get_viewers(pk))
    }
    bulk_sql.insert_rows(
        OutboxEntry,
        ("message_ids", "viewer_ids", "created_at"),
        [([each.message.id for each in payloads], viewer_ids, now)],
    )
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


class MemberState(msgspec.Struct):
    read_seq: int
    muted: bool
    level: str


class MemberStatePayload(msgspec.Struct):
    """The fields of the event `mine.updated` that are needed here."""

    conversation_id: int
    mine: MemberState


def update_own_devices(events: list[PublishedEvent[MemberStatePayload]]) -> None:
    """Removes notifications from all devices of a user who has read the messages, or wants none of them any more."""
    states: dict[tuple[int, int], MemberState] = {}
    for event in events:
        key = event.user_id, event.payload.conversation_id
        before = states.get(key)
        states[key] = event.payload.mine
        if before is not None:
            states[key].read_seq = max(before.read_seq, states[key].read_seq)
    items = list(states.items())
    for start in range(0, len(items), MAX_CONDITIONS):
        part = items[start : start + MAX_CONDITIONS]
        # Not with the ORM, which would take longer to build this query than the database to execute it.
        rows = bulk_sql.fetch_all(
            "SELECT user_id, conversation_id, concern, min(seq) FROM notifications_notification"
            " WHERE outcome = 'push' AND cleared_at IS NULL AND pushed_at IS NOT NULL"
            f" AND (user_id, conversation_id) IN (VALUES {bulk_sql.placeholders(len(part), 2)})"
            " GROUP BY user_id, conversation_id, concern",
            [number for key, _ in part for number in key],
        )
        ended = {(user, pk) for user, pk, concern, seq in rows if _is_ended(concern, seq, states[user, pk])}
        if pending_pushes.add(ended):
            tasks.send_pushes.enqueue()


def _is_ended(concern: str, seq: int, state: MemberState) -> bool:
    """Returns whether this state of a member ends a notification of the message `seq`."""
    if state.muted or state.level == "none" or seq <= state.read_seq:
        return True
    return state.level == "mentions" and concern == Concern.MESSAGE


def update_devices_after_block(user_id: int, person_id: int) -> None:
    """Removes notifications of what a person wrote from the devices of a user who has blocked this person."""
    with write_transaction():
        _update_devices(Notification.objects.filter(user=user_id, message__sender=person_id))


def _update_devices(rows: QuerySet[Notification]) -> None:
    """Makes devices that show these notifications show the current state of their conversations."""
    shown = rows.filter(outcome="push", cleared_at=None, pushed_at__isnull=False)
    if pending_pushes.add(shown.values_list("user_id", "conversation_id").distinct()):
        tasks.send_pushes.enqueue()
