"""Rows with all that their shapes need, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import msgspec
from django.db.models import QuerySet

from accounts.models import User
from chat.models import Conversation, Membership, Message
from chat.schemas import ConversationSchema, MessageSchema, conversation_schema, message_schema, mine_schema
from messenger.core.bulk_sql import fetch, placeholders


def messages_with_relations() -> QuerySet[Message]:
    """Messages with all that their shape shows: two queries for any number of them."""
    return Message.objects.select_related("sender", "reply_to__sender", "forwarded_sender").prefetch_related(
        "reactions"
    )


def message_schemas(ids: Iterable[int | None]) -> dict[int, MessageSchema]:
    wanted = [pk for pk in ids if pk]
    return {row.pk: message_schema(row) for row in messages_with_relations().filter(pk__in=wanted)} if wanted else {}


class Reader(Protocol):
    """Somebody's place in a conversation: a membership, or what stands for one."""

    conversation_id: int
    user_id: int
    read_seq: int


def count_unread_mentions(readers: Sequence[Reader]) -> dict[tuple[int, int], int]:
    """How many mentions stand after each read mark, by (conversation id, user id). Over unread mentions only."""
    if not readers:
        return {}
    counted = fetch(
        "SELECT reader.column1, reader.column2, COUNT(*)"
        f" FROM (VALUES {placeholders(len(readers), 3)}) AS reader JOIN chat_mention m"
        " ON m.conversation_id = reader.column1 AND m.user_id = reader.column2 AND m.seq > reader.column3"
        " GROUP BY 1, 2",
        [number for each in readers for number in (each.conversation_id, each.user_id, each.read_seq)],
    )
    return {(conversation_id, user_id): count for conversation_id, user_id, count in counted}


class HiddenReceipts(NamedTuple):
    """Who does not hear receipts: by conversation those who show none; by person whom alone they show theirs."""

    members: dict[int, tuple[int, ...]]
    few: dict[int, tuple[int, ...]]


def find_hidden_receipts(receipts: Iterable[tuple[int, int]]) -> HiddenReceipts:
    """For receipts to be told, as (conversation, person): who shows none, in all or in this conversation, and so sees
    none; and the contacts of those who show theirs to contacts. One query, over those few."""
    told = list(receipts)
    if not told:
        return HiddenReceipts({}, {})
    wanted, people = [*{place for place, _ in told}], [*{user_id for _, user_id in told}]
    members = (
        "SELECT 'members', m.conversation_id, m.user_id FROM chat_membership m JOIN accounts_user u ON u.id = m.user_id"
        f" WHERE m.conversation_id IN {placeholders(1, len(wanted))} AND m.left_at IS NULL AND"
    )
    contacts = (
        "SELECT 'few', u.id, COALESCE(t.person_id, 0) FROM accounts_user u LEFT JOIN accounts_tie t"
        " ON t.user_id = u.id AND t.state = 'contact' AND t.blocked_at IS NULL"
        f" WHERE u.show_receipts = 'contacts' AND u.id IN {placeholders(1, len(people))}"
    )
    # Each question has an index over those who hide, instead of one that would walk through all members. (The second
    # condition is that of the index.)
    hides = "u.show_receipts = 'nobody' AND NOT (u.show_presence = 'everyone' AND u.show_receipts = 'everyone')"
    found = HiddenReceipts({}, {})
    for kind, key, user_id in fetch(
        f"{members} {hides} UNION {members} NOT m.receipts UNION {contacts}", [*wanted, *wanted, *people]
    ):
        group = found.members if kind == "members" else found.few
        group[key] = (*group.get(key, ()), user_id)
    return found


def peers_by_conversation(conversations: Iterable[Conversation], user_id: int) -> dict[int, User]:
    """The other person of each pair, by conversation id: one query."""
    pairs = [conversation.pk for conversation in conversations if conversation.kind == Conversation.Kind.DIRECT]
    if not pairs:
        return {}
    rows = Membership.objects.filter(conversation__in=pairs).exclude(user_id=user_id).select_related("user")
    return {row.conversation_id: row.user for row in rows}


def shared_conversation_schema(conversation: Conversation) -> ConversationSchema:
    """What every member sees alike, and nothing of one's own."""
    last = message_schemas([conversation.last_message_id])
    return conversation_schema(conversation, last_message=last.get(conversation.last_message_id or 0))


def conversation_schemas(rows: Sequence[Membership], user_id: int) -> list[ConversationSchema]:
    """Conversations as one person sees them, for memberships with `conversation` at hand. Four queries in all."""
    return _shapes(rows, user_id, message_schemas(row.conversation.last_message_id for row in rows))


def opened_conversation_schema(row: Membership) -> ConversationSchema:
    """The same of one whose messages are read besides: without its last. Two queries at most."""
    return _shapes([row], row.user_id, {})[0]


def _shapes(rows: Sequence[Membership], user_id: int, last: dict[int, MessageSchema]) -> list[ConversationSchema]:
    peers = peers_by_conversation([row.conversation for row in rows], user_id)
    unread = count_unread_mentions(rows)
    return [
        conversation_schema(
            row.conversation,
            last_message=last.get(row.conversation.last_message_id or 0),
            peer=peers.get(row.conversation_id),
            mine=mine_schema(row, row.conversation, unread.get((row.conversation_id, user_id), 0)),
        )
        for row in rows
    ]


def with_member_state(shared: ConversationSchema, row: Membership, mentions: int = 0) -> ConversationSchema:
    return msgspec.structs.replace(shared, mine=mine_schema(row, row.conversation, mentions))
