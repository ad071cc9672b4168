"""The conversations of a batch, locked, and who is in them."""

from __future__ import annotations

from typing import Any

from chat.actions.sending.types import Room
from chat.models import Conversation
from messenger.core import bulk_sql
from messenger.core.batch_writer import BUSY

# Of a membership `m`: in the archive, and a text brings it back.
PUT_AWAY = "m.archived AND NOT m.muted AND m.left_at IS NULL"


def lock(ids: set[int], skip_locked: bool) -> dict[int, Any]:
    locking = bulk_sql.lock_rows()
    found = bulk_sql.fetch(
        "SELECT id, kind, last_seq, text_count, version, EXISTS (SELECT 1 FROM chat_membership m WHERE"
        f" m.conversation_id = chat_conversation.id AND {PUT_AWAY}) FROM chat_conversation"
        f" WHERE id IN {bulk_sql.placeholders(1, len(ids))} AND deleted_at IS NULL"
        f" ORDER BY id{locking}{' SKIP LOCKED' if locking and skip_locked else ''}",
        ids,
    )
    rooms: dict[int, Any] = {
        pk: Room(pk, kind, last_seq, text_count, version, bool(put_away))
        for pk, kind, last_seq, text_count, version, put_away in found
    }
    if locking and skip_locked and (missing := ids - rooms.keys()):
        held = Conversation.objects.filter(pk__in=missing, deleted_at=None).values_list("pk", flat=True)
        rooms.update(dict.fromkeys(held, BUSY))
    return rooms


def memberships(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Of these (conversation, person), those that are so now."""
    return set(
        bulk_sql.fetch(
            "SELECT conversation_id, user_id FROM chat_membership WHERE left_at IS NULL AND"
            f" (conversation_id, user_id) IN (VALUES {bulk_sql.placeholders(len(pairs), 2)})",
            [number for pair in pairs for number in pair],
        )
    )
