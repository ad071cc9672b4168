"""Locks the conversations of a batch of messages that are being sent, and checks which users are members."""

from __future__ import annotations

from chat.actions import word_filter
from chat.actions.sending.types import LockedConversation, PendingSend, list_undecided
from chat.models import Conversation
from messenger.core import bulk_sql
from messenger.core.batch_writer import BUSY

# SQL condition: a new text message will unarchive the membership `m`.
ARCHIVED_UNMUTED_SQL = "m.archived AND NOT m.muted AND m.left_at IS NULL"


def lock_conversations(sends: list[PendingSend], skip_locked: bool) -> list[PendingSend]:
    """Locks the conversations of the messages in `sends`, sets `conversation` of each message, and returns them.

    With `skip_locked`, a message to a conversation that another transaction has locked gets the outcome BUSY (try
    again) and is not returned. If the conversation does not exist, `conversation` stays None, and `load_senders` sets
    the error later.
    """
    ids = {send.payload.conversation_id for send in sends}
    lock_clause = bulk_sql.for_update_clause()
    rows = bulk_sql.fetch_all(
        f"SELECT id, kind, last_seq, text_count, version, {word_filter.VERSION_SQL}, slow_mode,"
        " EXISTS (SELECT 1 FROM chat_membership m WHERE"
        f" m.conversation_id = chat_conversation.id AND {ARCHIVED_UNMUTED_SQL}) FROM chat_conversation"
        f" WHERE id IN {bulk_sql.placeholders(1, len(ids))} AND deleted_at IS NULL"
        f" ORDER BY id{lock_clause}{' SKIP LOCKED' if lock_clause and skip_locked else ''}",
        ids,
    )
    conversations = {
        pk: LockedConversation(
            pk, kind, last_seq, text_count, version, words_version, slow_mode, bool(has_archived_members)
        )
        for pk, kind, last_seq, text_count, version, words_version, slow_mode, has_archived_members in rows
    }
    busy_ids: set[int] = set()
    if lock_clause and skip_locked and (missing_ids := ids - conversations.keys()):
        busy_ids.update(Conversation.objects.filter(pk__in=missing_ids, deleted_at=None).values_list("pk", flat=True))
    for send in sends:
        conversation_id = send.payload.conversation_id
        if conversation_id in busy_ids:
            send.outcome = BUSY
        elif conversation_id in conversations:
            send.conversation = conversations[conversation_id]
    return list_undecided(sends)


def filter_member_pairs(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Returns the (conversation id, user id) pairs from `pairs` whose user is a member of the conversation now."""
    return set(
        bulk_sql.fetch_all(
            "SELECT conversation_id, user_id FROM chat_membership WHERE left_at IS NULL AND"
            f" (conversation_id, user_id) IN (VALUES {bulk_sql.placeholders(len(pairs), 2)})",
            [number for pair in pairs for number in pair],
        )
    )
