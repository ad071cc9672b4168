"""What is told of a batch: each message to all, and to each person what changed for them alone."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from accounts.actions.user_version import next_me_versions
from chat import events
from chat.actions.sending.persist import who_hears
from chat.actions.sending.types import Draft, Outcome, Sent
from chat.models import Mark, Membership
from chat.schemas import MessageSchema, MineSchema, mine_schema, moment
from chat.selectors import count_unread_mentions, find_hidden_receipts
from messenger.core import bulk_sql
from messenger.live.events import Event


def tell(drafts: list[Draft], now: datetime, outcomes: list[Outcome | None]) -> list[Event]:
    at = moment(now)
    told: list[Event] = []
    for draft in drafts:
        command = draft.command
        shape = MessageSchema(
            id=draft.id,
            conversation_id=draft.room.id,
            seq=draft.seq,
            version=draft.version,
            client_id=str(command.client_id),
            kind="text",
            sender=draft.seat.sender,
            body=draft.body,
            body_html=draft.body_html,
            mentions=draft.mentions,
            reply_to=draft.reply,
            forwarded_from=draft.forward,
            attachments=draft.brought.shapes if draft.brought else [],
            reactions=[],
            pinned=False,
            created_at=at,
            edited_at=None,
            deleted_at=None,
            event=None,
        )
        outcomes[draft.place] = Sent(shape, created=True)
        told.append(events.message_created(shape))
        if draft.mentions:
            told += [events.mentioned(user_id, shape) for user_id in who_hears(draft)]
    return told


def marks(drafts: list[Draft], now: datetime) -> list[Event]:
    """For senders who had something unread: their mark has moved, which their other devices and the others hear.

    And for those who had the conversation in the archive: it comes back.
    """
    behind = {draft.seat.id: draft for draft in drafts if draft.seat.was_behind}
    back = [row for row in (*_bring_back(drafts), *_not_named(drafts)) if row.pk not in behind]
    if not behind and not back:
        return []
    numbers = next_me_versions([*(draft.command.user_id for draft in behind.values()), *(row.user_id for row in back)])
    seats = bulk_sql.fetch(
        "SELECT id, muted, level, favourite, archived, draft, announcement_seen, receipts FROM chat_membership"
        f" WHERE id IN {bulk_sql.placeholders(1, len(behind))} ORDER BY id",
        behind,
    )
    told: list[Event] = []
    shown: list[events.Receipt] = []
    moved, history, at = [], [], moment(now)
    mentions = count_unread_mentions(back)
    for row in back:
        row.me_version = numbers[row.user_id].pop(0)
        mine = mine_schema(row, row.conversation, mentions.get((row.conversation_id, row.user_id), 0))
        told.append(events.mine_updated(row.user_id, row.conversation_id, mine))
        moved.append((row.pk, row.me_version))
    for seat_id, muted, level, favourite, archived, unsent, announcement_seen, receipts in seats:
        draft = behind[seat_id]
        seat, room, user_id = draft.seat, draft.room, draft.command.user_id
        me_version = numbers[user_id].pop(0)
        unread = room.text_count - seat.sent_count  # others who write after them in this very batch
        mentioned = sum(
            user_id in who_hears(other)
            for other in (drafts if unread else ())
            if other.mentions and other.room is room and other.seq > seat.sent_seq
        )
        mine = MineSchema(
            seat.role, seat.sent_seq, unread, mentioned, bool(muted), level, bool(favourite), bool(archived), unsent,
            me_version, announcement_seen, bool(receipts),
        )  # fmt: skip
        told.append(events.mine_updated(user_id, room.id, mine))
        if seat.shows_receipts:
            shown.append(events.Receipt(room.id, user_id, seat.sent_seq, seat.sent_seq, at))
        moved.append((seat_id, me_version))
        history += [(room.id, user_id, kind, seat.sent_seq, now) for kind in ("delivered", "read")]
    bulk_sql.update_rows(Membership, ("id", "me_version"), moved)
    bulk_sql.insert_rows(Mark, ("conversation_id", "user_id", "kind", "seq", "at"), history)
    if shown:
        told += events.receipts(shown, find_hidden_receipts((each.conversation_id, each.user_id) for each in shown))
    return told


def _not_named(drafts: list[Draft]) -> list[Membership]:
    """Whoever is named in the text, but is not to hear of it: their devices, which count by what they see, are told."""
    pairs_of = {(draft.room.id, user_id) for draft in drafts for user_id in draft.unheard}
    if not pairs_of:
        return []
    named = Q(*[Q(conversation_id=room, user_id=user_id) for room, user_id in pairs_of], _connector=Q.OR)
    rows_of = Membership.objects.select_for_update(no_key=True, of=("self",)).filter(named, left_at=None)
    return list(rows_of.select_related("conversation").order_by("pk"))


def _bring_back(drafts: list[Draft]) -> list[Membership]:
    """Out of the archive, where it is not muted; the rows are locked already. Mostly there are none to ask for."""
    put_away = {draft.room.id for draft in drafts if draft.room.put_away}
    if not put_away:
        return []
    found = Membership.objects.filter(conversation__in=put_away, archived=True, muted=False, left_at=None)
    back = list(found.select_related("conversation").order_by("pk"))
    for row in back:
        row.archived = False
    bulk_sql.update_rows(Membership, ("id", "archived"), [(row.pk, False) for row in back])
    return back
