"""Drafts become rows: rendered, numbered, inserted, and the rows that go on with them."""

from __future__ import annotations

from datetime import datetime

from accounts.selectors import privacy
from chat.actions.messages import members_of
from chat.actions.sending.types import Draft
from chat.actions.validation import members_named
from chat.attachments import message_files as files
from chat.models import Conversation, Membership, Mention, Message
from chat.text.markdown import render
from messenger.core import bulk_sql


def format_texts(drafts: list[Draft]) -> None:
    members = members_named((draft.room.id, draft.body) for draft in drafts if draft.forward is None)
    for draft in drafts:
        if draft.forward is not None:
            draft.body_html, _none = render(draft.body, {})
            continue
        leads = draft.room.kind == Conversation.Kind.GROUP and draft.seat.role in ("owner", "admin")
        draft.body_html, draft.mentions = render(draft.body, members.get(draft.room.id, {}), everybody=leads)


def number(drafts: list[Draft]) -> None:
    for draft in drafts:
        room, seat = draft.room, draft.seat
        # One's own send moves one's own mark. Where others had written since, that is news to one's other devices.
        if max(seat.read_seq, seat.sent_seq) < room.last_seq:
            seat.was_behind = True
        room.last_seq += 1
        room.version += 1
        room.text_count += 1
        room.touched = True
        draft.seq, draft.version = room.last_seq, room.version
        seat.sent_seq, seat.sent_count = room.last_seq, room.text_count


_COLUMNS = (
    *("conversation_id", "seq", "version", "first_version", "text_count", "kind", "sender_id", "client_id", "digest"),
    *("body", "body_html", "mentions", "files", "reply_to_id", "forwarded_sender_id", "forwarded_at", "created_at"),
)


def insert(drafts: list[Draft], now: datetime) -> None:
    new = []
    for draft, count in zip(drafts, _text_counts(drafts), strict=True):
        command, forwarded_from = draft.command, draft.forward.sender.id if draft.forward else None
        new.append(
            (draft.room.id, draft.seq, draft.version, draft.version, count, "text", command.user_id, command.client_id,
             draft.digest, draft.body, draft.body_html, draft.mentions, draft.brought.shapes if draft.brought else [],
             command.reply_to_id, forwarded_from, draft.forwarded_at, now)
        )  # fmt: skip
    ids = {
        (room, seq): pk for pk, room, seq in bulk_sql.insert_rows(Message, _COLUMNS, new, "id, conversation_id, seq")
    }
    for draft in drafts:
        draft.id = draft.room.last_message_id = ids[draft.room.id, draft.seq]
        if draft.brought:
            files.belong(draft.brought, draft.id)
    named = [
        (draft.id, user_id, draft.room.id, draft.seq)
        for draft in drafts
        if draft.mentions
        for user_id in who_hears(draft)
    ]
    bulk_sql.insert_rows(Mention, ("message_id", "user_id", "conversation_id", "seq"), named)


def _text_counts(drafts: list[Draft]) -> list[int]:
    """Each message's running count of texts: the room's now, less those of the batch that come after it."""
    left: dict[int, int] = {}
    counts = []
    for draft in reversed(drafts):
        after = left.get(draft.room.id, 0)
        counts.append(draft.room.text_count - after)
        left[draft.room.id] = after + 1
    return counts[::-1]


def who_hears(draft: Draft) -> list[int]:
    """Whom it names, and who hears so: nobody between whom and the writer there is a block."""
    if draft.named is None:
        named = {mention.user_id for mention in draft.mentions if mention.user_id is not None}
        if any(mention.user_id is None for mention in draft.mentions):
            named.update(members_of(draft.room.id))
        if named and draft.seat.apart:
            draft.unheard = named & privacy.blocked_with(draft.command.user_id)
            named -= draft.unheard
        draft.named = sorted(named - {draft.command.user_id})
    return draft.named


def move_on(drafts: list[Draft], now: datetime) -> None:
    rooms = {draft.room.id: draft.room for draft in drafts}.values()
    seats = {draft.seat.id: draft.seat for draft in drafts}.values()
    bulk_sql.update_rows(
        Conversation,
        ("id", "last_seq", "text_count", "version", "last_message_id", "active_at"),
        [(room.id, room.last_seq, room.text_count, room.version, room.last_message_id, now) for room in rooms],
    )
    bulk_sql.update_rows(
        Membership,
        ("id", "read_seq", "read_count", "sent_seq", "delivered_seq"),
        [(seat.id, seat.sent_seq, seat.sent_count, seat.sent_seq, seat.sent_seq) for seat in seats],
    )
