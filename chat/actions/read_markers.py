"""Changes what a conversation stores for each member: read and delivery markers, mute, notification level, draft …

A marker is the number of the newest message that the member has read or received. Many markers change at the same time:
if a hundred members read a message, a hundred markers change. So callers put changes of markers into a queue
(chat.actions.queues), and `move_markers` stores many of them in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions.user_version import allocate_me_versions
from chat import events
from chat.actions import receipts
from chat.actions.validation import check_storable
from chat.message_kinds import counted_kinds
from chat.models import Level, Membership, Message, ReceiptHistory
from chat.schemas import MineSchema, mine_schema
from chat.selectors import count_unread_mentions, find_hidden_receipts
from messenger.core import bulk_sql, rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError, invalid, not_found
from messenger.core.timestamps import format_timestamp
from messenger.live.events import Event, publish

MEMBER_STATE_FIELDS = {"muted", "level", "favourite", "archived", "draft", "announcement_seen", "receipts"}


class MarkerMove(NamedTuple):
    """A command to store which messages (up to a number, called seq) a user has read or received in a conversation.

    `read_seq`: the user has read all messages up to this number. With `back`, this message and all messages after it
    become unread; without a number, the newest message of others and all messages after it. `delivered_seq`: a device
    of the user has received all messages up to this number. If a field is None, nothing is changed for it.
    """

    user_id: int
    conversation_id: int
    read_seq: int | None = None
    delivered_seq: int | None = None
    back: bool = False

    @property
    def moves_read_marker(self) -> bool:
        return self.back or self.read_seq is not None


class _MarkerState(msgspec.Struct):
    """The data of a locked membership row: which messages the user has read and received, mute, draft and so on.

    Also has values of the conversation: the numbers of its newest message and of the newest message that was removed by
    age, and how many text messages it has.
    """

    id: int
    conversation_id: int
    user_id: int
    role: str
    read_seq: int
    read_count: int
    sent_seq: int
    delivered_seq: int
    muted: bool
    level: str
    favourite: bool
    archived: bool
    draft: str
    announcement_seen: int
    added_by_id: int | None
    receipts: bool  # the setting of the user for this conversation
    me_version: int
    last_seq: int
    removed_seq: int
    text_count: int
    shows_receipts: bool  # both the setting of the user and `receipts` allow it
    stored_markers: tuple[int, int, int] = (0, 0, 0)  # `markers` as they are in the database
    is_opened: bool = False  # a group to which somebody has added the user is opened for the first time

    @property
    def key(self) -> tuple[int, int]:
        return self.conversation_id, self.user_id

    @property
    def markers(self) -> tuple[int, int, int]:
        return self.read_seq, self.read_count, self.delivered_seq


_States = dict[tuple[int, int], _MarkerState]  # by (conversation id, user id)


def move_markers(moves: Sequence[MarkerMove]) -> list[MineSchema | ApplicationError | None]:
    """Moves many read and delivery markers (newest message read or received) in one transaction.

    Returns one outcome for each move, in the same order: the member's new state (unread count, mute …) if a read marker
    was moved, None if only a delivery marker was moved, and the error `not_found` if the user is not a member.
    """
    with write_transaction():
        now = timezone.now()
        states = _lock_states({(move.conversation_id, move.user_id) for move in moves})
        for move in moves:
            if state := states.get((move.conversation_id, move.user_id)):
                _apply_move(state, move)
        _set_read_counts([state for state in states.values() if state.read_seq != state.stored_markers[0]])
        changed = [state for state in states.values() if state.markers != state.stored_markers or state.is_opened]
        read_changed = [state for state in changed if state.markers[:2] != state.stored_markers[:2] or state.is_opened]
        me_versions = allocate_me_versions(state.user_id for state in read_changed)
        for state in read_changed:
            state.me_version = me_versions[state.user_id].pop(0)
        bulk_sql.update_rows(
            Membership,
            ("id", "read_seq", "read_count", "delivered_seq", "added_by_id", "me_version"),
            [(state.id, *state.markers, state.added_by_id, state.me_version) for state in changed],
        )
        _insert_history(changed, now)
        member_states = _build_member_states(states, [move for move in moves if move.moves_read_marker])
        mine_events: list[Event] = [
            events.mine_updated(state.user_id, state.conversation_id, member_states[state.key])
            for state in read_changed
            if state.key in member_states
        ]
        publish(mine_events + _build_receipt_events(changed, now))
        return [_outcome(move, states, member_states) for move in moves]


def _lock_states(keys: set[tuple[int, int]]) -> _States:
    rows = bulk_sql.fetch_all(
        "SELECT m.id, m.conversation_id, m.user_id, m.role, m.read_seq, m.read_count, m.sent_seq, m.delivered_seq,"
        " m.muted, m.level, m.favourite, m.archived, m.draft, m.announcement_seen, m.added_by_id, m.receipts,"
        " m.me_version, c.last_seq, c.removed_seq, c.text_count, u.show_receipts <> 'nobody' AND m.receipts"
        " FROM chat_membership m JOIN chat_conversation c ON c.id = m.conversation_id"
        " JOIN accounts_user u ON u.id = m.user_id WHERE m.left_at IS NULL AND c.deleted_at IS NULL"
        f" AND (m.conversation_id, m.user_id) IN (VALUES {bulk_sql.placeholders(len(keys), 2)})"
        f" ORDER BY m.id{bulk_sql.for_update_clause('m')}",
        [number for key in keys for number in key],
    )
    states = [_MarkerState(*row) for row in rows]
    for state in states:
        state.stored_markers = state.markers
    return {state.key: state for state in states}


def _apply_move(state: _MarkerState, move: MarkerMove) -> None:
    if move.delivered_seq is not None:
        state.delivered_seq = max(state.delivered_seq, min(move.delivered_seq, state.last_seq))
    if move.back:
        first_unread = _newest_seq_of_others(state) if move.read_seq is None else move.read_seq
        if first_unread is not None:
            state.read_seq = min(state.read_seq, max(first_unread - 1, state.removed_seq))
    elif move.read_seq is not None:
        state.is_opened = state.is_opened or state.added_by_id is not None
        state.added_by_id = None
        state.read_seq = max(state.read_seq, min(move.read_seq, state.last_seq))
        state.delivered_seq = max(state.delivered_seq, state.read_seq)


def _newest_seq_of_others(state: _MarkerState) -> int | None:
    """Returns the number (seq) of the newest message of another user that counts as unread, if any."""
    messages = Message.objects.filter(conversation_id=state.conversation_id, kind__in=counted_kinds())
    return messages.exclude(sender_id=state.user_id).order_by("-seq").values_list("seq", flat=True).first()


def _set_read_counts(states: list[_MarkerState]) -> None:
    """Sets `read_count` of each membership in `states`: the number of text messages that are not unread for the member.

    These are all text messages up to the newest message that the user has read, and the text messages after it that the
    user has written.
    """
    keys = {(state.conversation_id, state.read_seq) for state in states if 0 < state.read_seq < state.last_seq}
    counts: dict[tuple[int, int], int] = {}
    if keys:
        rows = bulk_sql.fetch_all(
            "SELECT conversation_id, seq, text_count FROM chat_message"
            f" WHERE (conversation_id, seq) IN (VALUES {bulk_sql.placeholders(len(keys), 2)})",
            [number for key in keys for number in key],
        )
        counts = {(conversation_id, seq): count for conversation_id, seq, count in rows}
    for state in states:
        if state.read_seq >= state.last_seq:
            state.read_count = state.text_count
        else:
            state.read_count = counts.get((state.conversation_id, state.read_seq), 0) + _count_own_texts_after(state)


def _count_own_texts_after(state: _MarkerState) -> int:
    """Returns how many text messages the user has written after the newest message that the user has read.

    Normally this is 0 and no query is made, because sending a message also marks all messages as read. It can be
    greater if the user has marked messages as unread.
    """
    if state.sent_seq <= state.read_seq:
        return 0
    own_texts = Message.objects.filter(
        conversation_id=state.conversation_id, sender_id=state.user_id, kind__in=counted_kinds()
    )
    return own_texts.filter(seq__gt=state.read_seq).count()


def _insert_history(changed: list[_MarkerState], now: datetime) -> None:
    """Stores in ReceiptHistory, with the time `now`, which newer messages the users in `changed` have received or read.

    Nothing is stored for a user who has only marked messages as unread.
    """
    rows = []
    for state in changed:
        stored_read, _read_count, stored_delivered = state.stored_markers
        for kind, old, new in (
            ("read", stored_read, state.read_seq),
            ("delivered", stored_delivered, state.delivered_seq),
        ):
            if new > old:
                rows.append((state.conversation_id, state.user_id, kind, new, now))
    bulk_sql.insert_rows(ReceiptHistory, ("conversation_id", "user_id", "kind", "seq", "at"), rows)


def _build_receipt_events(changed: list[_MarkerState], now: datetime) -> list[Event]:
    """Returns events that tell other members that users have received or read newer messages (receipts).

    Leaves out users who hide their receipts, and users who have not received or read newer messages.
    """
    at = format_timestamp(now)
    moved_receipts = [
        events.Receipt(state.conversation_id, state.user_id, state.delivered_seq, state.read_seq, at)
        for state in changed
        if state.shows_receipts
        and (state.read_seq > state.stored_markers[0] or state.delivered_seq > state.stored_markers[2])
    ]
    hidden = find_hidden_receipts((receipt.conversation_id, receipt.user_id) for receipt in moved_receipts)
    return [*events.receipt_events(moved_receipts, hidden)]


def _build_member_states(states: _States, moves: Sequence[MarkerMove]) -> dict[tuple[int, int], MineSchema]:
    keys = {(move.conversation_id, move.user_id) for move in moves}
    read_states = {key: states[key] for key in keys if key in states}
    mention_counts = count_unread_mentions(list(read_states.values()))
    return {key: _build_member_state(state, mention_counts.get(key, 0)) for key, state in read_states.items()}


def _build_member_state(state: _MarkerState, unread_mentions: int) -> MineSchema:
    return MineSchema(
        role=state.role,
        read_seq=state.read_seq,
        unread_count=max(state.text_count - state.read_count, 0),
        unread_mention_count=unread_mentions,
        muted=bool(state.muted),  # SQLite returns 0 and 1
        level=state.level,
        favourite=bool(state.favourite),
        archived=bool(state.archived),
        draft=state.draft,
        me_version=state.me_version,
        announcement_seen=state.announcement_seen,
        receipts=bool(state.receipts),
        last_seq=state.last_seq,
        added_by_id=state.added_by_id,
    )


def _outcome(
    move: MarkerMove, states: _States, member_states: dict[tuple[int, int], MineSchema]
) -> MineSchema | ApplicationError | None:
    key = (move.conversation_id, move.user_id)
    if key not in states:
        return not_found()
    return member_states[key] if move.moves_read_marker else None


def update_member_state(user_id: int, conversation_id: int, changes: dict) -> MineSchema:
    """Changes what a conversation stores for one member (mute, draft …), and returns the member's new state.

    `changes` has the new values by name, see MEMBER_STATE_FIELDS. `announcement_seen` can only increase, up to the
    version of the current announcement. Publishes no event if all values are the same as before. Raises `not_found` for
    non-members, and `rate_limited` after too many changes of `receipts`, which are published to other members.
    """
    if "level" in changes and changes["level"] not in Level.values:
        raise invalid(level=_("Choose all, mentions or none."))
    if "draft" in changes:
        check_storable(changes["draft"], settings.BODY_LIMIT, "draft")
    with write_transaction():
        membership = (
            Membership.objects.select_for_update(no_key=True, of=("self",))
            .select_related("conversation")
            .filter(conversation_id=conversation_id, user_id=user_id, left_at=None, conversation__deleted_at=None)
            .first()
        )
        if membership is None:
            raise not_found()
        if "announcement_seen" in changes:
            seen_version = min(changes["announcement_seen"], membership.conversation.announced_version)
            changes = {**changes, "announcement_seen": max(seen_version, membership.announcement_seen)}
        fields = [
            name
            for name, value in changes.items()
            if name in MEMBER_STATE_FIELDS and getattr(membership, name) != value
        ]
        if "receipts" in fields:
            rate_limits.require("visibility", user_id)
        if fields:
            for name in fields:
                setattr(membership, name, changes[name])
            membership.me_version = allocate_me_versions([user_id])[user_id][0]
            membership.save(update_fields=[*fields, "me_version"])
        mention_count = count_unread_mentions([membership]).get((conversation_id, user_id), 0)
        member_state = mine_schema(membership, membership.conversation, mention_count)
        if fields:
            publish([events.mine_updated(user_id, conversation_id, member_state)])
        if "receipts" in fields:
            publish(receipts.receipt_visibility_events(user_id, conversation_id))
        return member_state
