"""Reads messages as tuples and builds their schemas, for lists of messages. Single messages are read as models.

A model instance costs several times as much as the schema: for each message, Django would build three users and the
quoted message with all their columns. The SQL text is constant, so neither Django nor the database builds it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from accounts.schemas import build_user_schema
from chat.models import Message
from chat.schemas import (
    AttachmentSchema,
    ForwardSchema,
    MentionSchema,
    MessageSchema,
    ReactionSchema,
    ReplySchema,
    SystemEvent,
    build_message_schema,
    make_excerpt,
)
from messenger.core.bulk_sql import fetch_all, placeholders
from messenger.core.timestamps import format_timestamp

_SELECT = """
SELECT m.id, m.conversation_id, m.seq, m.version, m.client_id, m.kind, m.body, m.body_html, m.mentions, m.files,
       m.event, m.pinned_at, m.created_at, m.edited_at, m.deleted_at, m.forwarded_at,
       sender.id, sender.username, sender.name, sender.avatar,
       author.id, author.username, author.name, author.avatar,
       quoted.id, quoted.seq, quoted.body_html, quoted.files, quoted.deleted_at,
       quoted_sender.id, quoted_sender.username, quoted_sender.name, quoted_sender.avatar
  FROM chat_message m
  JOIN accounts_user sender ON sender.id = m.sender_id
  LEFT JOIN accounts_user author ON author.id = m.forwarded_sender_id
  LEFT JOIN chat_message quoted ON quoted.id = m.reply_to_id
  LEFT JOIN accounts_user quoted_sender ON quoted_sender.id = quoted.sender_id
"""
_decode = msgspec.json.decode


def list_message_schemas(condition: str, params: Sequence[Any], order: str, limit: int) -> list[MessageSchema]:
    """Returns the messages that fulfil an SQL condition on `m`, in the order of this SQL expression. Two queries.

    The same schemas as from `message_schema`.
    """
    rows = fetch_all(f"{_SELECT} WHERE {condition} ORDER BY {order} LIMIT {limit}", params)
    reactions = _load_reactions([row[0] for row in rows])
    return [_build_schema(row, reactions.get(row[0])) for row in rows]


def get_message_schemas(ids: Collection[int]) -> dict[int, MessageSchema]:
    """Returns the messages with these ids, by id. Two queries."""
    if not ids:
        return {}
    condition = f"m.id IN {placeholders(1, len(ids))}"
    return {message.id: message for message in list_message_schemas(condition, list(ids), "m.id", len(ids))}


def _load_reactions(message_ids: Sequence[int]) -> dict[int, list[ReactionSchema]]:
    if not message_ids:
        return {}
    rows = fetch_all(
        "SELECT message_id, emoji, user_id FROM chat_reaction"
        f" WHERE message_id IN {placeholders(1, len(message_ids))} ORDER BY id",
        message_ids,
    )
    user_ids: defaultdict[int, dict[str, list[int]]] = defaultdict(dict)
    for message_id, emoji, user_id in rows:
        user_ids[message_id].setdefault(emoji, []).append(user_id)
    return {
        message_id: [ReactionSchema(emoji, ids) for emoji, ids in by_emoji.items()]
        for message_id, by_emoji in user_ids.items()
    }


def _build_schema(row: tuple, reactions: list[ReactionSchema] | None) -> MessageSchema:
    (
        pk, conversation_id, seq, version, client_id, kind, body, body_html, mentions, files,
        event, pinned_at, created_at, edited_at, deleted_at, forwarded_at,
        sender_id, sender_username, sender_name, sender_avatar,
        author_id, author_username, author_name, author_avatar,
        quoted_id, quoted_seq, quoted_html, quoted_files, quoted_deleted_at, *quoted_sender,
    ) = row  # fmt: skip
    reply = forward = None
    if quoted_id is not None:
        is_deleted = quoted_deleted_at is not None
        excerpt = "" if is_deleted else make_excerpt(quoted_html, _decode(quoted_files))
        reply = ReplySchema(quoted_id, quoted_seq, build_user_schema(*quoted_sender), excerpt, is_deleted)
    if forwarded_at is not None and author_id is not None:
        author = build_user_schema(author_id, author_username, author_name, author_avatar)
        forward = ForwardSchema(author, _format_time(forwarded_at))
    data = _decode(event) if event is not None else None
    return build_message_schema(
        id=pk,
        conversation_id=conversation_id,
        seq=seq,
        version=version,
        client_id=_format_uuid(client_id) if client_id is not None else None,
        kind=kind,
        sender=build_user_schema(sender_id, sender_username, sender_name, sender_avatar),
        body=body,
        body_html=body_html,
        mentions=[MentionSchema(**mention) for mention in _decode(mentions)] if mentions != "[]" else None,
        reply_to=reply,
        forwarded_from=forward,
        attachments=[AttachmentSchema(**file) for file in _decode(files)] if files != "[]" else None,
        reactions=reactions,
        pinned=pinned_at is not None,
        created_at=_format_time(created_at),
        edited_at=_format_time(edited_at) if edited_at is not None else None,
        deleted_at=_format_time(deleted_at) if deleted_at is not None else None,
        event=SystemEvent(**data) if data and kind == Message.Kind.SYSTEM else None,
        data=data if kind not in Message.Kind.values else None,
    )


def _format_time(value: datetime | str) -> str:
    """Formats a time as `format_timestamp` does. SQLite returns it as text, in UTC."""
    if isinstance(value, str):
        return f"{datetime.fromisoformat(value).isoformat(timespec='milliseconds')}Z"
    return format_timestamp(value)


def _format_uuid(value: UUID | str) -> str:
    return str(value) if isinstance(value, UUID) else str(UUID(value))
