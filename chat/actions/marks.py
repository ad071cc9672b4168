"""How far somebody has got and read. Marks move forward by themselves; only their owner moves one back.

They come in crowds: a hundred readers of one group send as many marks for each message. So this verb takes many,
and the doors hand theirs to a batcher (chat.actions.batches).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.versions import next_me_versions
from chat import events
from chat.actions.text import check_storable
from chat.models import Level, Mark, Membership, Message
from chat.queries import unread_mentions
from chat.shapes import MineShape, mine_shape, moment
from messenger.live import news
from messenger.live.database import writing
from messenger.live.refusal import Refused, invalid, not_found


class Move(NamedTuple):
    """One command: `read` with its `seq` (`back`: unread from there), or what a device has got."""

    user_id: int
    conversation_id: int
    read_seq: int | None = None
    delivered_seq: int | None = None
    back: bool = False


def move_many(moves: Sequence[Move]) -> list[MineShape | Refused | None]:
    """Answers in the order of the moves: `mine` for a read mark, None for a delivered one, a Refused for strangers."""
    with writing():
        now = timezone.now()
        rows = _memberships({(move.conversation_id, move.user_id) for move in moves})
        before = {key: (row.read_seq, row.read_count, row.delivered_seq) for key, row in rows.items()}
        for move in moves:
            if row := rows.get((move.conversation_id, move.user_id)):
                _apply(row, move)
        _count(rows, before)
        changed = {key: row for key, row in rows.items() if before[key] != _marks_of(row)}
        mine_changed = {key: row for key, row in changed.items() if before[key][:2] != _marks_of(row)[:2]}
        if changed:
            numbers = next_me_versions(user_id for _conversation, user_id in mine_changed)
            for (_conversation, user_id), row in mine_changed.items():
                row.me_version = numbers[user_id].pop(0)
            Membership.objects.bulk_update(
                sorted(changed.values(), key=lambda row: row.pk),
                ["read_seq", "read_count", "delivered_seq", "me_version"],
            )
            _write_history(changed, before, now)
        mines = _mines(rows, [move for move in moves if move.read_seq is not None])
        told: list[news.News] = [
            events.mine_updated(user_id, conversation_id, mines[conversation_id, user_id])
            for (conversation_id, user_id) in mine_changed
            if (conversation_id, user_id) in mines
        ]
        told += _receipts(changed, before, now)
        news.tell(told)
        return [_answer(move, rows, mines) for move in moves]


def _memberships(keys: set[tuple[int, int]]) -> dict[tuple[int, int], Membership]:
    which = Q(*[Q(conversation_id=cid, user_id=uid) for cid, uid in keys], _connector=Q.OR)
    rows = (
        Membership.objects.select_for_update(no_key=True, of=("self",))
        .select_related("conversation", "user")
        .filter(which, left_at=None, conversation__deleted_at=None)
        .order_by("pk")
    )
    return {(row.conversation_id, row.user_id): row for row in rows}


def _marks_of(row: Membership) -> tuple[int, int, int]:
    return row.read_seq, row.read_count, row.delivered_seq


def _apply(row: Membership, move: Move) -> None:
    last = row.conversation.last_seq
    if move.delivered_seq is not None:
        row.delivered_seq = max(row.delivered_seq, min(move.delivered_seq, last))
    if move.read_seq is not None:
        if move.back:
            row.read_seq = min(row.read_seq, max(move.read_seq - 1, 0))
        else:
            row.read_seq = max(row.read_seq, min(move.read_seq, last))
            row.delivered_seq = max(row.delivered_seq, row.read_seq)


def _count(rows: dict[tuple[int, int], Membership], before: dict) -> None:
    """`read_count`: texts up to the new mark, and one's own after it, which are not unread."""
    moved = {key: row for key, row in rows.items() if row.read_seq != before[key][0]}
    inside = {key: row for key, row in moved.items() if row.read_seq < row.conversation.last_seq}
    counts: dict[tuple[int, int], int] = {}
    if places := {(row.conversation_id, row.read_seq) for row in inside.values() if row.read_seq > 0}:
        which = Q(*[Q(conversation_id=cid, seq=seq) for cid, seq in places], _connector=Q.OR)
        found = Message.objects.filter(which).values_list("conversation_id", "seq", "text_count")
        counts = {(cid, seq): count for cid, seq, count in found}
    for row in moved.values():
        if row.read_seq >= row.conversation.last_seq:
            row.read_count = row.conversation.text_count
        else:
            row.read_count = counts.get((row.conversation_id, row.read_seq), 0) + _own_after(row)


def _own_after(row: Membership) -> int:
    """Only after a mark was moved back can texts of one's own stand behind it; else this asks nothing."""
    if row.sent_seq <= row.read_seq:
        return 0
    own = Message.objects.filter(conversation_id=row.conversation_id, sender_id=row.user_id, kind=Message.Kind.TEXT)
    return own.filter(seq__gt=row.read_seq).count()


def _write_history(changed: dict, before: dict, now) -> None:
    marks = []
    for key, row in changed.items():
        read, _texts, delivered = before[key]
        for kind, old, new in (("read", read, row.read_seq), ("delivered", delivered, row.delivered_seq)):
            if new > old:
                mark = Mark(conversation_id=row.conversation_id, user_id=row.user_id, kind=kind, seq=new, at=now)
                marks.append(mark)
    Mark.objects.bulk_create(marks)


def _receipts(changed: dict, before: dict, now) -> list[news.News]:
    """Told to the others unless its owner hides what they have read."""
    at = moment(now)
    return [
        events.receipt(events.Receipt(row.conversation_id, row.user_id, row.delivered_seq, row.read_seq, at))
        for key, row in changed.items()
        if row.user.show_receipts and (row.read_seq > before[key][0] or row.delivered_seq > before[key][2])
    ]


def _mines(rows: dict, moves: Sequence[Move]) -> dict[tuple[int, int], MineShape]:
    wanted = {key: rows[key] for key in {(move.conversation_id, move.user_id) for move in moves} if key in rows}
    unread = unread_mentions(list(wanted.values()))
    return {key: mine_shape(row, row.conversation, unread.get(key, 0)) for key, row in wanted.items()}


def _answer(move: Move, rows: dict, mines: dict) -> MineShape | Refused | None:
    key = (move.conversation_id, move.user_id)
    if key not in rows:
        return not_found()
    return None if move.read_seq is None else mines[key]


def set_mine(user_id: int, conversation_id: int, changes: dict) -> MineShape:
    """What is one's own about a conversation: muted, level, favourite, archived, draft. Nothing new tells nothing."""
    if "level" in changes and changes["level"] not in Level.values:
        raise invalid(level=_("Choose all, mentions or none."))
    if "draft" in changes:
        check_storable(changes["draft"], settings.BODY_LIMIT, "draft")
    with writing():
        row = _memberships({(conversation_id, user_id)}).get((conversation_id, user_id))
        if row is None:
            raise not_found()
        fields = [name for name, value in changes.items() if name in OWN_FIELDS and getattr(row, name) != value]
        if fields:
            for name in fields:
                setattr(row, name, changes[name])
            row.me_version = next_me_versions([user_id])[user_id][0]
            row.save(update_fields=[*fields, "me_version"])
        mine = mine_shape(row, row.conversation, unread_mentions([row]).get((conversation_id, user_id), 0))
        if fields:
            news.tell([events.mine_updated(user_id, conversation_id, mine)])
        return mine


OWN_FIELDS = {"muted", "level", "favourite", "archived", "draft"}
