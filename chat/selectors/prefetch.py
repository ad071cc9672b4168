"""Loads messages and conversations with all related rows that an API response needs, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol

import msgspec
from django.db.models import QuerySet

from accounts.models import User
from chat.events import HiddenReceipts
from chat.models import Conversation, Membership, Message
from chat.schemas import ConversationSchema, MessageSchema, conversation_schema, mine_schema
from chat.selectors.message_rows import get_message_schemas
from chat.text.markdown import render_markdown
from messenger.core.bulk_sql import fetch_all, placeholders


def messages_with_relations() -> QuerySet[Message]:
    """Returns a query of messages that also loads the related rows (sender, reactions …) that `message_schema` reads.

    It takes two SQL queries for any number of messages.
    """
    return Message.objects.select_related("sender", "reply_to__sender", "forwarded_sender").prefetch_related(
        "reactions"
    )


def message_schemas(ids: Iterable[int | None]) -> dict[int, MessageSchema]:
    return get_message_schemas({pk for pk in ids if pk})


class HasReadMarker(Protocol):
    """The type of an object that tells which messages of a conversation a member has read, such as a `Membership`.

    `read_seq` is the number of the newest message that the member has read. `last_seq` is the number of the newest
    message of the conversation.
    """

    conversation_id: int
    user_id: int
    read_seq: int

    @property
    def last_seq(self) -> int: ...


def sender_not_blocked(mention: str) -> str:
    """Returns the SQL condition that the mentioned user has not blocked the sender of the message.

    `mention` is the alias of `chat_mention` in the query. A block keeps the rows of earlier mentions: they count again
    after it.
    """
    return (
        "NOT EXISTS (SELECT 1 FROM chat_message x JOIN accounts_relationship b ON b.person_id = x.sender_id"
        f" WHERE x.id = {mention}.message_id AND b.user_id = {mention}.user_id AND b.blocked_at IS NOT NULL)"
    )


def count_unread_mentions(readers: Sequence[HasReadMarker]) -> dict[tuple[int, int], int]:
    """Returns how many unread messages mention each reader, by (conversation id, user id). One query.

    Each of `readers` (for example a membership) has a user, a conversation and the number of the newest message read.
    Messages after its `last_seq`, and those of people whom the reader has blocked, are not counted. Readers without
    unread mentions are left out.
    """
    if not readers:
        return {}
    rows = fetch_all(
        "SELECT reader.column1, reader.column2, COUNT(*)"
        f" FROM (VALUES {placeholders(len(readers), 4)}) AS reader JOIN chat_mention m"
        " ON m.conversation_id = reader.column1 AND m.user_id = reader.column2 AND m.seq > reader.column3"
        f" AND m.seq <= reader.column4 AND {sender_not_blocked('m')}"
        " GROUP BY 1, 2",
        [
            number
            for reader in readers
            for number in (reader.conversation_id, reader.user_id, reader.read_seq, reader.last_seq)
        ],
    )
    return {(conversation_id, user_id): count for conversation_id, user_id, count in rows}


def find_hidden_receipts(receipts: Iterable[tuple[int, int]]) -> HiddenReceipts:
    """Returns which members must not be told what other users have read, because of privacy settings. One query.

    `receipts` are the (conversation id, user id) pairs of users who have read newer messages. See `HiddenReceipts` for
    the result.
    """
    pairs = list(receipts)
    if not pairs:
        return HiddenReceipts({}, {})
    conversation_ids = [*{conversation_id for conversation_id, _ in pairs}]
    user_ids = [*{user_id for _, user_id in pairs}]
    members = (
        "SELECT 'members', m.conversation_id, m.user_id FROM chat_membership m JOIN accounts_user u ON u.id = m.user_id"
        f" WHERE m.conversation_id IN {placeholders(1, len(conversation_ids))} AND m.left_at IS NULL AND"
    )
    contacts = (
        "SELECT 'contacts', u.id, COALESCE(t.person_id, 0) FROM accounts_user u LEFT JOIN accounts_relationship t"
        " ON t.user_id = u.id AND t.state = 'contact' AND t.blocked_at IS NULL"
        f" WHERE u.show_receipts = 'contacts' AND u.id IN {placeholders(1, len(user_ids))}"
    )
    # A UNION, because each part can use an index of the few members who hide receipts. One query with OR would read all
    # members. The condition after AND repeats the condition of the index, so that the database uses it.
    hides = "u.show_receipts = 'nobody' AND NOT (u.show_presence = 'everyone' AND u.show_receipts = 'everyone')"
    rows = fetch_all(
        f"{members} {hides} UNION {members} NOT m.receipts UNION {contacts}",
        [*conversation_ids, *conversation_ids, *user_ids],
    )
    hidden = HiddenReceipts({}, {})
    for kind, key, user_id in rows:
        group = hidden.hiding_members if kind == "members" else hidden.contacts_only
        group[key] = (*group.get(key, ()), user_id)
    return hidden


def get_peers_by_conversation(conversations: Iterable[Conversation], user_id: int) -> dict[int, User]:
    """Returns the other user of each direct conversation in `conversations`, by conversation id. One query."""
    direct_ids = [conversation.pk for conversation in conversations if conversation.kind == Conversation.Kind.DIRECT]
    if not direct_ids:
        return {}
    rows = Membership.objects.filter(conversation__in=direct_ids).exclude(user_id=user_id).select_related("user")
    return {row.conversation_id: row.user for row in rows}


def shared_conversation_schema(conversation: Conversation) -> ConversationSchema:
    """Returns a conversation in the format of the API, with only the fields that are the same for all members."""
    last_messages = message_schemas([conversation.last_message_id])
    return conversation_schema(
        conversation,
        last_message=last_messages.get(conversation.last_message_id or 0),
        announcement_html=_render_announcement(conversation.announcement),
    )


def conversation_schemas(rows: Sequence[Membership], user_id: int) -> list[ConversationSchema]:
    """Returns conversations in the format of the API as the user `user_id` sees them, with unread count, mute …

    `rows` are memberships of this user, with `conversation` loaded. Four queries for any number of rows.
    """
    return _build_schemas(rows, user_id, message_schemas(row.conversation.last_message_id for row in rows))


def opened_conversation_schema(row: Membership) -> ConversationSchema:
    """Returns a conversation in the format of the API as one member sees it, but without its last message. Two queries.

    Use it for web pages that load the messages of the conversation separately.
    """
    return _build_schemas([row], row.user_id, {})[0]


def _build_schemas(
    rows: Sequence[Membership], user_id: int, last_messages: dict[int, MessageSchema]
) -> list[ConversationSchema]:
    peers = get_peers_by_conversation([row.conversation for row in rows], user_id)
    unread = count_unread_mentions(rows)
    return [
        conversation_schema(
            row.conversation,
            last_message=last_messages.get(row.conversation.last_message_id or 0),
            peer=peers.get(row.conversation_id),
            mine=mine_schema(row, row.conversation, unread.get((row.conversation_id, user_id), 0)),
            announcement_html=_render_announcement(row.conversation.announcement),
        )
        for row in rows
    ]


@lru_cache(maxsize=1024)
def _render_announcement(announcement: str) -> str:
    """Renders the Markdown of an announcement as that of a message, but without mentions."""
    return render_markdown(announcement, {})[0] if announcement else ""


def with_member_state(shared: ConversationSchema, row: Membership, mentions: int = 0) -> ConversationSchema:
    return msgspec.structs.replace(shared, mine=mine_schema(row, row.conversation, mentions))
