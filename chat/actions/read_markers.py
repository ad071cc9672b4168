"""How far somebody has got and read. Marks move forward by themselves; only their owner moves one back.

They come in crowds: a hundred readers of one group send as many marks for each message. So this verb takes many,
and the doors hand theirs to a batcher (chat.actions.queues).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions.user_version import next_me_versions
from chat import events
from chat.actions import receipts
from chat.actions.validation import check_storable
from chat.models import Level, Mark, Membership, Message
from chat.schemas import MineSchema, mine_schema, moment
from chat.selectors import count_unread_mentions, find_hidden_receipts
from messenger.core import bulk_sql
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError, invalid, not_found
from messenger.live.events import Event, publish


class Move(NamedTuple):
    """One command: `read` with its `seq` (`back`: unread from there), or what a device has got."""

    user_id: int
    conversation_id: int
    read_seq: int | None = None
    delivered_seq: int | None = None
    back: bool = False


class _Seat(msgspec.Struct):
    """A membership as its marks are counted on, with what `mine` shows and where the conversation stands."""

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
    receipts: bool  # by this conversation
    me_version: int
    last_seq: int
    text_count: int
    shows_receipts: bool
    before: tuple[int, int, int] = (0, 0, 0)

    @property
    def key(self) -> tuple[int, int]:
        return self.conversation_id, self.user_id

    def marks(self) -> tuple[int, int, int]:
        return self.read_seq, self.read_count, self.delivered_seq


Seats = dict[tuple[int, int], _Seat]  # by conversation and person


def move_many(moves: Sequence[Move]) -> list[MineSchema | ApplicationError | None]:
    """Answers in the order of the moves: `mine` for a read mark, None for a delivered one, a ApplicationError for strangers.

    Seven statements for any number of moves, and one for each of those whom a mark moved back leaves with texts of
    their own behind it.
    """
    with write_transaction():
        now = timezone.now()
        seats = _seats({(move.conversation_id, move.user_id) for move in moves})
        for move in moves:
            if seat := seats.get((move.conversation_id, move.user_id)):
                _apply(seat, move)
        _count([seat for seat in seats.values() if seat.read_seq != seat.before[0]])
        changed = [seat for seat in seats.values() if seat.marks() != seat.before]
        read = [seat for seat in changed if seat.marks()[:2] != seat.before[:2]]
        numbers = next_me_versions(seat.user_id for seat in read)
        for seat in read:
            seat.me_version = numbers[seat.user_id].pop(0)
        bulk_sql.update_rows(
            Membership,
            ("id", "read_seq", "read_count", "delivered_seq", "me_version"),
            [(seat.id, *seat.marks(), seat.me_version) for seat in changed],
        )
        _write_history(changed, now)
        mines = _mines(seats, [move for move in moves if move.read_seq is not None])
        told: list[Event] = [
            events.mine_updated(seat.user_id, seat.conversation_id, mines[seat.key])
            for seat in read
            if seat.key in mines
        ]
        publish(told + _receipts(changed, now))
        return [_answer(move, seats, mines) for move in moves]


def _seats(keys: set[tuple[int, int]]) -> Seats:
    found = bulk_sql.fetch(
        "SELECT m.id, m.conversation_id, m.user_id, m.role, m.read_seq, m.read_count, m.sent_seq, m.delivered_seq,"
        " m.muted, m.level, m.favourite, m.archived, m.draft, m.announcement_seen, m.receipts, m.me_version,"
        " c.last_seq, c.text_count, u.show_receipts <> 'nobody' AND m.receipts"
        " FROM chat_membership m JOIN chat_conversation c ON c.id = m.conversation_id"
        " JOIN accounts_user u ON u.id = m.user_id WHERE m.left_at IS NULL AND c.deleted_at IS NULL"
        f" AND (m.conversation_id, m.user_id) IN (VALUES {bulk_sql.placeholders(len(keys), 2)})"
        f" ORDER BY m.id{bulk_sql.lock_rows('m')}",
        [number for key in keys for number in key],
    )
    seats = [_Seat(*row) for row in found]
    for seat in seats:
        seat.before = seat.marks()
    return {seat.key: seat for seat in seats}


def _apply(seat: _Seat, move: Move) -> None:
    if move.delivered_seq is not None:
        seat.delivered_seq = max(seat.delivered_seq, min(move.delivered_seq, seat.last_seq))
    if move.read_seq is not None:
        if move.back:
            seat.read_seq = min(seat.read_seq, max(move.read_seq - 1, 0))
        else:
            seat.read_seq = max(seat.read_seq, min(move.read_seq, seat.last_seq))
            seat.delivered_seq = max(seat.delivered_seq, seat.read_seq)


def _count(moved: list[_Seat]) -> None:
    """`read_count`: texts up to the new mark, and one's own after it, which are not unread."""
    places = {(seat.conversation_id, seat.read_seq) for seat in moved if 0 < seat.read_seq < seat.last_seq}
    counts: dict[tuple[int, int], int] = {}
    if places:
        found = bulk_sql.fetch(
            "SELECT conversation_id, seq, text_count FROM chat_message"
            f" WHERE (conversation_id, seq) IN (VALUES {bulk_sql.placeholders(len(places), 2)})",
            [number for place in places for number in place],
        )
        counts = {(conversation_id, seq): count for conversation_id, seq, count in found}
    for seat in moved:
        if seat.read_seq >= seat.last_seq:
            seat.read_count = seat.text_count
        else:
            seat.read_count = counts.get((seat.conversation_id, seat.read_seq), 0) + _own_after(seat)


def _own_after(seat: _Seat) -> int:
    """Only after a mark was moved back can texts of one's own stand behind it; else this asks nothing."""
    if seat.sent_seq <= seat.read_seq:
        return 0
    own = Message.objects.filter(conversation_id=seat.conversation_id, sender_id=seat.user_id, kind=Message.Kind.TEXT)
    return own.filter(seq__gt=seat.read_seq).count()


def _write_history(changed: list[_Seat], now: datetime) -> None:
    history = []
    for seat in changed:
        read, _texts, delivered = seat.before
        for kind, old, new in (("read", read, seat.read_seq), ("delivered", delivered, seat.delivered_seq)):
            if new > old:
                history.append((seat.conversation_id, seat.user_id, kind, new, now))
    bulk_sql.insert_rows(Mark, ("conversation_id", "user_id", "kind", "seq", "at"), history)


def _receipts(changed: list[_Seat], now: datetime) -> list[Event]:
    """Told to the others unless its owner hides what they have read."""
    at = moment(now)
    told = [
        events.Receipt(seat.conversation_id, seat.user_id, seat.delivered_seq, seat.read_seq, at)
        for seat in changed
        if seat.shows_receipts and (seat.read_seq > seat.before[0] or seat.delivered_seq > seat.before[2])
    ]
    hiding = find_hidden_receipts((receipt.conversation_id, receipt.user_id) for receipt in told)
    return [*events.receipts(told, hiding)]


def _mines(seats: Seats, moves: Sequence[Move]) -> dict[tuple[int, int], MineSchema]:
    wanted = {key: seats[key] for key in {(move.conversation_id, move.user_id) for move in moves} if key in seats}
    mentions = count_unread_mentions(list(wanted.values()))
    return {key: _mine(seat, mentions.get(key, 0)) for key, seat in wanted.items()}


def _mine(seat: _Seat, unread_mentions: int) -> MineSchema:
    return MineSchema(
        role=seat.role,
        read_seq=seat.read_seq,
        unread_count=max(seat.text_count - seat.read_count, 0),
        unread_mention_count=unread_mentions,
        muted=bool(seat.muted),  # SQLite has numbers
        level=seat.level,
        favourite=bool(seat.favourite),
        archived=bool(seat.archived),
        draft=seat.draft,
        me_version=seat.me_version,
        announcement_seen=seat.announcement_seen,
        receipts=bool(seat.receipts),
    )


def _answer(move: Move, seats: Seats, mines: dict[tuple[int, int], MineSchema]) -> MineSchema | ApplicationError | None:
    key = (move.conversation_id, move.user_id)
    if key not in seats:
        return not_found()
    return None if move.read_seq is None else mines[key]


def set_mine(user_id: int, conversation_id: int, changes: dict) -> MineSchema:
    """What is one's own about a conversation: muted, level, favourite, archived, draft, and up to which announcement
    all were put away. Nothing new tells nothing."""
    if "level" in changes and changes["level"] not in Level.values:
        raise invalid(level=_("Choose all, mentions or none."))
    if "draft" in changes:
        check_storable(changes["draft"], settings.BODY_LIMIT, "draft")
    with write_transaction():
        row = (
            Membership.objects.select_for_update(no_key=True, of=("self",))
            .select_related("conversation")
            .filter(conversation_id=conversation_id, user_id=user_id, left_at=None, conversation__deleted_at=None)
            .first()
        )
        if row is None:
            raise not_found()
        if "announcement_seen" in changes:  # none is put away before it is there, and none comes back by itself
            seen = min(changes["announcement_seen"], row.conversation.announced_version)
            changes = {**changes, "announcement_seen": max(seen, row.announcement_seen)}
        fields = [name for name, value in changes.items() if name in OWN_FIELDS and getattr(row, name) != value]
        if fields:
            for name in fields:
                setattr(row, name, changes[name])
            row.me_version = next_me_versions([user_id])[user_id][0]
            row.save(update_fields=[*fields, "me_version"])
        mine = mine_schema(row, row.conversation, count_unread_mentions([row]).get((conversation_id, user_id), 0))
        if fields:
            publish([events.mine_updated(user_id, conversation_id, mine)])
        if "receipts" in fields:
            publish(receipts.shown_or_hidden(user_id, conversation_id))
        return mine


def newest_of_others(user_id: int, conversation_id: int) -> int:
    """Seq of the newest text that somebody else wrote, 0 where there is none. `not_found` for strangers."""
    found = bulk_sql.fetch(
        "SELECT (SELECT seq FROM chat_message t WHERE t.conversation_id = m.conversation_id AND t.kind = 'text'"
        " AND t.sender_id <> m.user_id ORDER BY t.seq DESC LIMIT 1)"
        " FROM chat_membership m JOIN chat_conversation c ON c.id = m.conversation_id"
        " WHERE m.conversation_id = %s AND m.user_id = %s AND m.left_at IS NULL AND c.deleted_at IS NULL",
        [conversation_id, user_id],
    )
    if not found:
        raise not_found()
    return found[0][0] or 0


OWN_FIELDS = {"muted", "level", "favourite", "archived", "draft", "announcement_seen", "receipts"}
