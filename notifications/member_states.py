"""Removes notifications from the devices of users who have read the messages, or want none of them any more."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from chat.models import Membership
from messenger.core import bulk_sql
from messenger.core.database import write_transaction
from notifications import pending_pushes
from notifications.decisions import Concern
from notifications.push.sources import find_read_objects

MAX_CONDITIONS = 100  # of one query

Key = tuple[int, int]  # (user id, conversation id)


class MemberState(msgspec.Struct):
    """What a member has read and chosen: the fields of the event `mine.updated` that are needed here."""

    read_seq: int
    muted: bool
    level: str


def update_devices(states: dict[Key, MemberState]) -> bool:
    """Makes devices remove or change what is ended by these states. Belongs to the current transaction.

    Returns whether a device has something to remove; then the caller enqueues the task `send_pushes`.
    """
    has_pushes = False
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
        has_pushes |= pending_pushes.add(ended)
    read_seqs = {key: state.read_seq for key, state in items}
    for kind, user_id, conversation_id, object_id in find_read_objects(read_seqs):
        has_pushes |= pending_pushes.add([(user_id, conversation_id)], kind, object_id)
    return has_pushes


def update_devices_of(keys: Iterable[Key]) -> bool:
    """Like `update_devices`, with the states that the database has now, in a transaction of its own."""
    by_user: dict[int, set[int]] = {}
    for user_id, conversation_id in keys:
        by_user.setdefault(user_id, set()).add(conversation_id)
    if not by_user:
        return False
    rows = Membership.objects.filter(user__in=by_user, conversation__in=set().union(*by_user.values()), left_at=None)
    states = {
        (user_id, conversation_id): MemberState(read_seq, muted, level)
        for user_id, conversation_id, read_seq, muted, level in rows.order_by().values_list(
            "user_id", "conversation_id", "read_seq", "muted", "level"
        )
        if conversation_id in by_user[user_id]
    }
    with write_transaction():
        return update_devices(states)


def _is_ended(concern: str, seq: int, state: MemberState) -> bool:
    """Returns whether this state of a member ends a notification of the message `seq`."""
    if state.muted or state.level == "none" or seq <= state.read_seq:
        return True
    return state.level == "mentions" and concern == Concern.MESSAGE
