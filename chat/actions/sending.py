"""Sending: many commands in one transaction, each accepted or refused by itself.

The hot path, and so its rows are tuples (messenger.live.rows). Number of statements: 6 for any number of sends, and
one or two more for each of: mentions, replies, forwards, marks that were behind.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import privacy
from accounts.shapes import UserShape, user_shape
from accounts.versions import next_me_versions
from chat import events
from chat.actions import pairs
from chat.actions.messages import members_of
from chat.actions.text import body_error, members_named
from chat.files import sending as files
from chat.formatting import render
from chat.models import Conversation, Mark, Membership, Mention, Message
from chat.queries import hiding_receipts, unread_mentions, whole_messages
from chat.shapes import (
    ForwardShape,
    MentionShape,
    MessageShape,
    MineShape,
    ReplyShape,
    message_shape,
    mine_shape,
    moment,
    reply_shape,
)
from messenger.live import limits, news, rows
from messenger.live.batching import BUSY, Busy
from messenger.live.database import writing
from messenger.live.refusal import Refused, invalid, not_found, rate_limited


class Send(msgspec.Struct, frozen=True):
    """A command to send. `client_id` is the sender's own name for the message: a repeat stores nothing."""

    user_id: int
    conversation_id: int
    client_id: uuid.UUID
    body: str = ""
    reply_to_id: int | None = None
    forward_id: int | None = None
    attachment_ids: tuple[int, ...] = ()

    def digest(self) -> str:
        what: tuple = (self.conversation_id, self.body, self.reply_to_id, self.forward_id)
        if self.attachment_ids:
            what = (*what, self.attachment_ids)
        return hashlib.blake2b(repr(what).encode(errors="surrogatepass"), digest_size=16).hexdigest()


class Sent(msgspec.Struct, frozen=True):
    message: MessageShape
    created: bool


class _Room(msgspec.Struct):
    """A conversation as the batch counts it on."""

    id: int
    kind: str
    last_seq: int
    text_count: int
    version: int
    put_away: bool = False  # somebody has it in the archive, not muted: a text brings it back
    last_message_id: int | None = None
    touched: bool = False


class _Seat(msgspec.Struct):
    """A sender's membership, with what the wire shows of the sender."""

    id: int
    role: str
    read_seq: int
    sender: UserShape
    shows_receipts: bool
    active: bool
    standing: str  # to the other one of a pair: chat.actions.pairs
    apart: bool  # there are blocks between this person and somebody
    sent_seq: int = 0
    sent_count: int = 0
    was_behind: bool = False


class _Draft(msgspec.Struct):
    """A command that is being made a message."""

    place: int  # in the batch
    command: Send
    digest: str
    room: _Room
    seat: _Seat
    body: str = ""
    body_html: str = ""
    mentions: list[MentionShape] = []
    named: list[int] | None = None  # who hears of it; None: not asked yet
    unheard: set[int] = set()  # who is named and does not: there is a block between
    reply: ReplyShape | None = None
    forward: ForwardShape | None = None
    forwarded_at: datetime | None = None
    brought: files.Wanted | None = None
    seq: int = 0
    version: int = 0
    id: int = 0


Outcome = Sent | Refused | Busy


def send_many(commands: Sequence[Send]) -> list[Outcome]:
    """Store these, in their order, and tell. BUSY where another process holds the conversation: try it apart.

    Raises IntegrityError where two processes store one client_id at once; the same commands given again then find it.
    """
    return _send(commands, skip_locked=True)


def send_waiting(commands: Sequence[Send]) -> list[Outcome]:
    """The same, waiting for conversations that somebody else holds."""
    return _send(commands, skip_locked=False)


def _send(commands: Sequence[Send], *, skip_locked: bool) -> list[Outcome]:
    outcomes: list[Outcome | None] = [None] * len(commands)
    with writing():
        rooms = _lock_rooms({command.conversation_id for command in commands}, skip_locked)
        open_places = []
        for place, command in enumerate(commands):
            room = rooms.get(command.conversation_id)
            outcomes[place] = BUSY if room is BUSY else None
            if room is not BUSY:
                open_places.append(place)
        repeats = _answer_repeats(commands, open_places, outcomes)
        drafts = _seat(commands, open_places, rooms, outcomes)
        drafts = _quoted(drafts, outcomes)
        drafts = _with_files(drafts, outcomes)
        drafts = _allowed(drafts, outcomes)
        _format(drafts)
        if drafts:
            now = timezone.now()
            files.show((draft.brought for draft in drafts if draft.brought), now)
            _number(drafts)
            _insert(drafts, now)
            _move_on(drafts, now)
            news.tell(_tell(drafts, now, outcomes) + _marks(drafts, now))
        repeats()
    return outcomes  # type: ignore[return-value]


# ── What is there ────────────────────────────────────────────────────────────────────────────────────────────────
_PUT_AWAY = "m.archived AND NOT m.muted AND m.left_at IS NULL"


def _lock_rooms(ids: set[int], skip_locked: bool) -> dict[int, Any]:
    lock = rows.locked()
    found = rows.fetch(
        "SELECT id, kind, last_seq, text_count, version, EXISTS (SELECT 1 FROM chat_membership m WHERE"
        f" m.conversation_id = chat_conversation.id AND {_PUT_AWAY}) FROM chat_conversation"
        f" WHERE id IN {rows.placeholders(1, len(ids))} AND deleted_at IS NULL"
        f" ORDER BY id{lock}{' SKIP LOCKED' if lock and skip_locked else ''}",
        ids,
    )
    rooms: dict[int, Any] = {
        pk: _Room(pk, kind, last_seq, text_count, version, bool(put_away))
        for pk, kind, last_seq, text_count, version, put_away in found
    }
    if lock and skip_locked and (missing := ids - rooms.keys()):
        held = Conversation.objects.filter(pk__in=missing, deleted_at=None).values_list("pk", flat=True)
        rooms.update(dict.fromkeys(held, BUSY))
    return rooms


def _answer_repeats(commands: Sequence[Send], places: list[int], outcomes: list[Outcome | None]) -> Callable[[], None]:
    """Known client_ids answer first, before anything else is asked. Also those that repeat inside this batch.

    What is answered is the message as it is when all is done; so this returns the answering, to be called last.
    """
    if not places:
        return lambda: None
    ids = rows.uuids([commands[place].client_id for place in places])
    known = {
        (sender_id, client_id): (digest, pk)
        for sender_id, client_id, digest, pk in rows.fetch(
            "SELECT sender_id, client_id, digest, id FROM chat_message"
            f" WHERE client_id IN {rows.placeholders(1, len(ids))}",
            ids,
        )
    }
    first: dict[tuple[int, Any], int] = {}
    again: list[tuple[int, int]] = []  # place in the batch, place of the first
    stored: dict[int, int] = {}  # place in the batch, message id
    for place, client_id in zip(list(places), ids, strict=True):
        command = commands[place]
        key = (command.user_id, client_id)
        if key in known:
            digest, pk = known[key]
            if digest != command.digest():
                outcomes[place] = _conflict()
            else:
                stored[place] = pk
            places.remove(place)
        elif key in first:
            if commands[first[key]].digest() != command.digest():
                outcomes[place] = _conflict()
            else:
                again.append((place, first[key]))
            places.remove(place)
        else:
            first[key] = place

    def answer() -> None:
        if stored:
            members = _memberships({(commands[place].conversation_id, commands[place].user_id) for place in stored})
            messages = whole_messages().in_bulk(set(stored.values()))
            for place, pk in stored.items():
                if (commands[place].conversation_id, commands[place].user_id) in members:
                    outcomes[place] = Sent(message_shape(messages[pk]), created=False)
                else:
                    outcomes[place] = not_found()
        for place, earlier in again:
            outcome = outcomes[earlier]
            outcomes[place] = Sent(outcome.message, created=False) if isinstance(outcome, Sent) else outcome

    return answer


def _memberships(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Of these (conversation, person), those that are so now."""
    return set(
        rows.fetch(
            "SELECT conversation_id, user_id FROM chat_membership WHERE left_at IS NULL AND"
            f" (conversation_id, user_id) IN (VALUES {rows.placeholders(len(pairs), 2)})",
            [number for pair in pairs for number in pair],
        )
    )


def _conflict() -> Refused:
    return Refused("conflict", _("This client_id was used for another message."))


# ── May they ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _seat(
    commands: Sequence[Send], places: list[int], rooms: dict[int, _Room], outcomes: list[Outcome | None]
) -> list[_Draft]:
    """Commands of members, with their membership; the others are answered as if nothing were there."""
    keys = {(commands[place].conversation_id, commands[place].user_id) for place in places}
    seats: dict[tuple[int, int], _Seat] = {}
    # Memberships are locked all at once, in the order of their ids: also those that come out of the archive.
    put_away = [room.id for room in rooms.values() if isinstance(room, _Room) and room.put_away]
    also = f" OR (m.conversation_id IN {rows.placeholders(1, len(put_away))} AND {_PUT_AWAY})" if put_away else ""
    if keys:
        for cid, pk, role, read_seq, uid, username, name, avatar, shows, active, standing, apart in rows.fetch(
            "SELECT m.conversation_id, m.id, m.role, m.read_seq, u.id, u.username, u.name, u.avatar,"
            f" u.show_receipts <> 'nobody' AND m.receipts, u.is_active, {pairs.STANDING}, {pairs.APART}"
            f" FROM chat_membership m JOIN accounts_user u ON u.id = m.user_id{pairs.JOINS}"
            " WHERE m.left_at IS NULL AND"
            f" ((m.conversation_id, m.user_id) IN (VALUES {rows.placeholders(len(keys), 2)}){also})"
            f" ORDER BY m.id{rows.locked('m')}",
            [*(number for key in keys for number in key), *put_away],
        ):
            picture = f"/avatars/{uid}/{avatar.rsplit('/', 1)[-1]}" if avatar else None
            sender = UserShape(uid, username, name or username, picture)
            seats[cid, uid] = _Seat(pk, role, read_seq, sender, bool(shows), bool(active), standing, bool(apart))
    drafts = []
    for place in places:
        command = commands[place]
        seat = seats.get((command.conversation_id, command.user_id))
        if seat is None or not seat.active:
            outcomes[place] = not_found()
            continue
        if error := pairs.refusal(seat.standing) or _words_error(command):
            outcomes[place] = error
            continue
        drafts.append(_Draft(place, command, command.digest(), rooms[command.conversation_id], seat, command.body))
    return drafts


def _words_error(command: Send) -> Refused | None:
    if command.forward_id is None:
        return body_error(command.body, may_be_blank=bool(command.attachment_ids))
    if command.body or command.attachment_ids:
        return invalid(body=_("What is forwarded goes as it is, without words of one's own."))
    return None


def _allowed(drafts: list[_Draft], outcomes: list[Outcome | None]) -> list[_Draft]:
    """The send limit, for all doors alike. Asked last of all, so that a refused command costs nothing."""
    burst, per_second = settings.SEND_BURST, settings.SEND_PER_SECOND
    waits = limits.take_many([(f"send.{draft.command.user_id}", burst, per_second) for draft in drafts])
    for draft, wait in zip(drafts, waits, strict=True):
        if wait:
            outcomes[draft.place] = rate_limited(wait)
    return [draft for draft, wait in zip(drafts, waits, strict=True) if not wait]


def _quoted(drafts: list[_Draft], outcomes: list[Outcome | None]) -> list[_Draft]:
    """Replies quote a message of the same conversation; forwards one that their sender may see."""
    wanted = {pk for draft in drafts for pk in (draft.command.reply_to_id, draft.command.forward_id) if pk}
    if not wanted:
        return drafts
    messages = Message.objects.select_related("sender", "forwarded_sender").in_bulk(wanted)
    visible = _visible(drafts, messages)
    good = []
    for draft in drafts:
        command = draft.command
        if command.reply_to_id:
            quoted = messages.get(command.reply_to_id)
            if quoted is None or quoted.conversation_id != command.conversation_id or quoted.kind != Message.Kind.TEXT:
                outcomes[draft.place] = invalid(reply_to_id=_("There is no such message here."))
                continue
            draft.reply = reply_shape(quoted)
        if command.forward_id:
            source = messages.get(command.forward_id)
            if (
                source is None
                or source.deleted_at
                or source.kind != Message.Kind.TEXT
                or ((source.conversation_id, command.user_id) not in visible)
            ):
                outcomes[draft.place] = invalid(forward_id=_("There is no such message."))
                continue
            writer = source.forwarded_sender or source.sender
            draft.body, draft.forwarded_at = source.body, source.forwarded_at or source.created_at
            draft.forward = ForwardShape(user_shape(writer), moment(draft.forwarded_at))
            if source.files:
                draft.brought = files.Wanted(command.conversation_id, command.user_id, forwarded_id=source.pk)
        good.append(draft)
    return good


def _with_files(drafts: list[_Draft], outcomes: list[Outcome | None]) -> list[_Draft]:
    """What is sent with files has to have them; nothing is asked where no draft has any."""
    for draft in drafts:
        command = draft.command
        if command.attachment_ids and draft.forward is None:
            draft.brought = files.Wanted(command.conversation_id, command.user_id, command.attachment_ids)
    if wanted := [draft.brought for draft in drafts if draft.brought]:
        files.find(wanted)
    good = []
    for draft in drafts:
        if draft.brought and draft.brought.refused:
            outcomes[draft.place] = draft.brought.refused
        else:
            good.append(draft)
    return good


def _visible(drafts: list[_Draft], messages: dict[int, Message]) -> set[tuple[int, int]]:
    """(conversation, person) of the forwards whose person is a member where the message stands."""
    pairs = {
        (messages[draft.command.forward_id].conversation_id, draft.command.user_id)
        for draft in drafts
        if draft.command.forward_id in messages
    }
    return _memberships(pairs) if pairs else set()


# ── Change ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _format(drafts: list[_Draft]) -> None:
    members = members_named((draft.room.id, draft.body) for draft in drafts if draft.forward is None)
    for draft in drafts:
        if draft.forward is not None:
            draft.body_html, _none = render(draft.body, {})
            continue
        leads = draft.room.kind == Conversation.Kind.GROUP and draft.seat.role in ("owner", "admin")
        draft.body_html, draft.mentions = render(draft.body, members.get(draft.room.id, {}), everybody=leads)


def _number(drafts: list[_Draft]) -> None:
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


def _insert(drafts: list[_Draft], now: datetime) -> None:
    new = []
    for draft, count in zip(drafts, _text_counts(drafts), strict=True):
        command, forwarded_from = draft.command, draft.forward.sender.id if draft.forward else None
        new.append(
            (draft.room.id, draft.seq, draft.version, draft.version, count, "text", command.user_id, command.client_id,
             draft.digest, draft.body, draft.body_html, draft.mentions, draft.brought.shapes if draft.brought else [],
             command.reply_to_id, forwarded_from, draft.forwarded_at, now)
        )  # fmt: skip
    ids = {(room, seq): pk for pk, room, seq in rows.insert(Message, _COLUMNS, new, "id, conversation_id, seq")}
    for draft in drafts:
        draft.id = draft.room.last_message_id = ids[draft.room.id, draft.seq]
        if draft.brought:
            files.belong(draft.brought, draft.id)
    named = [
        (draft.id, user_id, draft.room.id, draft.seq) for draft in drafts if draft.mentions for user_id in _named(draft)
    ]
    rows.insert(Mention, ("message_id", "user_id", "conversation_id", "seq"), named)


def _text_counts(drafts: list[_Draft]) -> list[int]:
    """Each message's running count of texts: the room's now, less those of the batch that come after it."""
    left: dict[int, int] = {}
    counts = []
    for draft in reversed(drafts):
        after = left.get(draft.room.id, 0)
        counts.append(draft.room.text_count - after)
        left[draft.room.id] = after + 1
    return counts[::-1]


def _named(draft: _Draft) -> list[int]:
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


def _move_on(drafts: list[_Draft], now: datetime) -> None:
    rooms = {draft.room.id: draft.room for draft in drafts}.values()
    seats = {draft.seat.id: draft.seat for draft in drafts}.values()
    rows.update(
        Conversation,
        ("id", "last_seq", "text_count", "version", "last_message_id", "active_at"),
        [(room.id, room.last_seq, room.text_count, room.version, room.last_message_id, now) for room in rooms],
    )
    rows.update(
        Membership,
        ("id", "read_seq", "read_count", "sent_seq", "delivered_seq"),
        [(seat.id, seat.sent_seq, seat.sent_count, seat.sent_seq, seat.sent_seq) for seat in seats],
    )


def _marks(drafts: list[_Draft], now: datetime) -> list[news.News]:
    """For senders who had something unread: their mark has moved, which their other devices and the others hear.

    And for those who had the conversation in the archive: it comes back.
    """
    behind = {draft.seat.id: draft for draft in drafts if draft.seat.was_behind}
    back = [row for row in (*_bring_back(drafts), *_not_named(drafts)) if row.pk not in behind]
    if not behind and not back:
        return []
    numbers = next_me_versions([*(draft.command.user_id for draft in behind.values()), *(row.user_id for row in back)])
    seats = rows.fetch(
        "SELECT id, muted, level, favourite, archived, draft, announcement_seen, receipts FROM chat_membership"
        f" WHERE id IN {rows.placeholders(1, len(behind))} ORDER BY id",
        behind,
    )
    told: list[news.News] = []
    shown: list[events.Receipt] = []
    moved, history, at = [], [], moment(now)
    mentions = unread_mentions(back)
    for row in back:
        row.me_version = numbers[row.user_id].pop(0)
        mine = mine_shape(row, row.conversation, mentions.get((row.conversation_id, row.user_id), 0))
        told.append(events.mine_updated(row.user_id, row.conversation_id, mine))
        moved.append((row.pk, row.me_version))
    for seat_id, muted, level, favourite, archived, unsent, announcement_seen, receipts in seats:
        draft = behind[seat_id]
        seat, room, user_id = draft.seat, draft.room, draft.command.user_id
        me_version = numbers[user_id].pop(0)
        unread = room.text_count - seat.sent_count  # others who write after them in this very batch
        mentioned = sum(
            user_id in _named(other)
            for other in (drafts if unread else ())
            if other.mentions and other.room is room and other.seq > seat.sent_seq
        )
        mine = MineShape(
            seat.role, seat.sent_seq, unread, mentioned, bool(muted), level, bool(favourite), bool(archived), unsent,
            me_version, announcement_seen, bool(receipts),
        )  # fmt: skip
        told.append(events.mine_updated(user_id, room.id, mine))
        if seat.shows_receipts:
            shown.append(events.Receipt(room.id, user_id, seat.sent_seq, seat.sent_seq, at))
        moved.append((seat_id, me_version))
        history += [(room.id, user_id, kind, seat.sent_seq, now) for kind in ("delivered", "read")]
    rows.update(Membership, ("id", "me_version"), moved)
    rows.insert(Mark, ("conversation_id", "user_id", "kind", "seq", "at"), history)
    if shown:
        told += events.receipts(shown, hiding_receipts((each.conversation_id, each.user_id) for each in shown))
    return told


def _not_named(drafts: list[_Draft]) -> list[Membership]:
    """Whoever is named in the text, but is not to hear of it: their devices, which count what they see, are put right."""
    pairs_of = {(draft.room.id, user_id) for draft in drafts for user_id in draft.unheard}
    if not pairs_of:
        return []
    named = Q(*[Q(conversation_id=room, user_id=user_id) for room, user_id in pairs_of], _connector=Q.OR)
    rows_of = Membership.objects.select_for_update(no_key=True, of=("self",)).filter(named, left_at=None)
    return list(rows_of.select_related("conversation").order_by("pk"))


def _bring_back(drafts: list[_Draft]) -> list[Membership]:
    """Out of the archive, where it is not muted; the rows are locked already. Mostly there are none to ask for."""
    put_away = {draft.room.id for draft in drafts if draft.room.put_away}
    if not put_away:
        return []
    found = Membership.objects.filter(conversation__in=put_away, archived=True, muted=False, left_at=None)
    back = list(found.select_related("conversation").order_by("pk"))
    for row in back:
        row.archived = False
    rows.update(Membership, ("id", "archived"), [(row.pk, False) for row in back])
    return back


# ── Tell ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _tell(drafts: list[_Draft], now: datetime, outcomes: list[Outcome | None]) -> list[news.News]:
    at = moment(now)
    told: list[news.News] = []
    for draft in drafts:
        command = draft.command
        shape = MessageShape(
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
            told += [events.mentioned(user_id, shape) for user_id in _named(draft)]
    return told
