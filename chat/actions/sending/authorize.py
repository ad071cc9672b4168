"""Who sends, and whether they may: members, within what the pair, the words and the limit allow."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.schemas import UserSchema
from chat.actions import direct_rules
from chat.actions.sending.locking import PUT_AWAY
from chat.actions.sending.types import Draft, Outcome, Room, Seat, Send
from chat.actions.validation import body_error
from messenger.core import bulk_sql, rate_limits
from messenger.core.errors import ApplicationError, invalid, not_found, rate_limited


def seated(
    commands: Sequence[Send], places: list[int], rooms: dict[int, Room], outcomes: list[Outcome | None]
) -> list[Draft]:
    """Commands of members, with their membership; the others are answered as if nothing were there."""
    keys = {(commands[place].conversation_id, commands[place].user_id) for place in places}
    seats: dict[tuple[int, int], Seat] = {}
    # Memberships are locked all at once, in the order of their ids: also those that come out of the archive.
    put_away = [room.id for room in rooms.values() if isinstance(room, Room) and room.put_away]
    also = f" OR (m.conversation_id IN {bulk_sql.placeholders(1, len(put_away))} AND {PUT_AWAY})" if put_away else ""
    if keys:
        for cid, pk, role, read_seq, uid, username, name, avatar, shows, active, standing, apart in bulk_sql.fetch(
            "SELECT m.conversation_id, m.id, m.role, m.read_seq, u.id, u.username, u.name, u.avatar,"
            f" u.show_receipts <> 'nobody' AND m.receipts, u.is_active, {direct_rules.STANDING}, {direct_rules.APART}"
            f" FROM chat_membership m JOIN accounts_user u ON u.id = m.user_id{direct_rules.JOINS}"
            " WHERE m.left_at IS NULL AND"
            f" ((m.conversation_id, m.user_id) IN (VALUES {bulk_sql.placeholders(len(keys), 2)}){also})"
            f" ORDER BY m.id{bulk_sql.lock_rows('m')}",
            [*(number for key in keys for number in key), *put_away],
        ):
            picture = f"/avatars/{uid}/{avatar.rsplit('/', 1)[-1]}" if avatar else None
            sender = UserSchema(uid, username, name or username, picture)
            seats[cid, uid] = Seat(pk, role, read_seq, sender, bool(shows), bool(active), standing, bool(apart))
    drafts = []
    for place in places:
        command = commands[place]
        seat = seats.get((command.conversation_id, command.user_id))
        if seat is None or not seat.active:
            outcomes[place] = not_found()
            continue
        if error := direct_rules.refusal(seat.standing) or _words_error(command):
            outcomes[place] = error
            continue
        drafts.append(Draft(place, command, command.digest(), rooms[command.conversation_id], seat, command.body))
    return drafts


def _words_error(command: Send) -> ApplicationError | None:
    if command.forward_id is None:
        return body_error(command.body, may_be_blank=bool(command.attachment_ids))
    if command.body or command.attachment_ids:
        return invalid(body=_("What is forwarded goes as it is, without words of one's own."))
    return None


def allowed(drafts: list[Draft], outcomes: list[Outcome | None]) -> list[Draft]:
    """The send limit, for all doors alike. Asked last of all, so that a refused command costs nothing."""
    burst, per_second = settings.SEND_BURST, settings.SEND_PER_SECOND
    waits = rate_limits.acquire_many([(f"send.{draft.command.user_id}", burst, per_second) for draft in drafts])
    for draft, wait in zip(drafts, waits, strict=True):
        if wait:
            outcomes[draft.place] = rate_limited(wait)
    return [draft for draft, wait in zip(drafts, waits, strict=True) if not wait]
