"""Stores a batch of messages: numbers the messages, inserts rows and updates counters."""

from __future__ import annotations

from datetime import datetime

from accounts.selectors import privacy
from chat.actions.sending.types import PendingSend
from chat.attachments import message_files
from chat.models import Conversation, Membership, Mention, Message
from chat.selectors import list_member_ids
from messenger.core import bulk_sql


def assign_numbers(sends: list[PendingSend]) -> None:
    """Sets `seq` (number of the message) and `version` (number of the change) of each new message.

    Also increases the counters of the conversation, and marks all its messages as read by the sender. `had_unread` of a
    membership becomes True if the sender had unread messages before. The sender's other devices must then be told that
    these messages are read.
    """
    for send in sends:
        conversation, membership = send.conversation, send.membership
        if max(membership.read_seq, membership.sent_seq) < conversation.last_seq:
            membership.had_unread = True
        if send.keeps_read_marker and membership.had_unread:
            membership.keeps_read_marker = True
            membership.read_count += 1  # one's own message is not unread
        conversation.last_seq += 1
        conversation.version += 1
        conversation.text_count += 1
        send.seq, send.version = conversation.last_seq, conversation.version
        membership.sent_seq, membership.sent_text_count = conversation.last_seq, conversation.text_count


_COLUMNS = (
    *("conversation_id", "seq", "version", "first_version", "text_count", "kind", "sender_id", "client_id", "digest"),
    *("body", "body_html", "mentions", "files", "reply_to_id", "forwarded_sender_id", "forwarded_at", "created_at"),
)


def insert_messages(sends: list[PendingSend], now: datetime) -> None:
    """Inserts the rows of messages and mentions, attaches the files, and sets `message_id` of each new message."""
    rows = []
    for send, text_count in zip(sends, _text_counts(sends), strict=True):
        payload, forwarded_sender_id = send.payload, send.forward.sender.id if send.forward else None
        rows.append(
            (send.conversation.id, send.seq, send.version, send.version, text_count, "text", send.user_id,
             payload.client_id, send.digest, send.body, send.body_html, send.mentions,
             send.files.schemas if send.files else [], payload.reply_to_id, forwarded_sender_id, send.forwarded_at, now)
        )  # fmt: skip
    ids = {
        (conversation_id, seq): pk
        for pk, conversation_id, seq in bulk_sql.insert_rows(Message, _COLUMNS, rows, "id, conversation_id, seq")
    }
    for send in sends:
        send.message_id = send.conversation.last_message_id = ids[send.conversation.id, send.seq]
        if send.files:
            message_files.attach_to_message(send.files, send.message_id)
    mention_rows = [
        (send.message_id, user_id, send.conversation.id, send.seq)
        for send in sends
        if send.mentions
        for user_id in get_mentioned_ids(send)
    ]
    bulk_sql.insert_rows(Mention, ("message_id", "user_id", "conversation_id", "seq"), mention_rows)


def _text_counts(sends: list[PendingSend]) -> list[int]:
    """Returns for each new message how many text messages its conversation has, up to and including this message."""
    later_texts: dict[int, int] = {}
    counts = []
    for send in reversed(sends):
        later = later_texts.get(send.conversation.id, 0)
        counts.append(send.conversation.text_count - later)
        later_texts[send.conversation.id] = later + 1
    return counts[::-1]


def get_mentioned_ids(send: PendingSend) -> list[int]:
    """Returns the ids of the users to notify because the message mentions them; for `@all`, all members.

    Never includes the sender, users who have blocked the sender, and users whom the sender has blocked. The result is
    cached in `send`, so that a second call makes no query.
    """
    if send.mentioned_ids is None:
        user_ids = {mention.user_id for mention in send.mentions if mention.user_id is not None}
        if any(mention.user_id is None for mention in send.mentions):
            user_ids.update(list_member_ids(send.conversation.id))
        if user_ids and send.membership.has_blocks:
            send.blocked_mention_ids = user_ids & privacy.blocked_user_ids(send.user_id)
            user_ids -= send.blocked_mention_ids
        send.mentioned_ids = sorted(user_ids - {send.user_id})
    return send.mentioned_ids


def update_counters(sends: list[PendingSend], now: datetime) -> None:
    """Saves the new counters of the conversations, and how far the senders have read, to the database.

    A sender has read all messages up to the message that he or she has sent, unless the read marker stays.
    """
    conversations = {send.conversation.id: send.conversation for send in sends}.values()
    memberships = {send.membership.id: send.membership for send in sends}.values()
    bulk_sql.update_rows(
        Conversation,
        ("id", "last_seq", "text_count", "version", "last_message_id", "active_at"),
        [
            (conversation.id, conversation.last_seq, conversation.text_count, conversation.version,
             conversation.last_message_id, now)
            for conversation in conversations
        ],
    )  # fmt: skip
    bulk_sql.update_rows(
        Membership,
        ("id", "read_seq", "read_count", "sent_seq", "delivered_seq", "added_by_id"),
        [
            (
                membership.id,
                membership.sent_seq,
                membership.sent_text_count,
                membership.sent_seq,
                membership.sent_seq,
                None,
            )
            for membership in memberships
            if not membership.keeps_read_marker
        ],
    )
    keeping = [membership for membership in memberships if membership.keeps_read_marker]
    bulk_sql.update_rows(
        Membership,
        ("id", "read_count", "sent_seq"),
        [(membership.id, membership.read_count, membership.sent_seq) for membership in keeping],
    )
