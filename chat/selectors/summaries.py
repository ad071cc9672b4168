"""Where a person stands in all their conversations at once: what counts, filters and the order of the list are made of.

One statement, whatever the number of messages; it grows by the number of one's conversations alone. Mentions are only
counted where something is unread, after each read mark.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from accounts.schemas import UserSchema
from chat.models import Level
from messenger.core.bulk_sql import fetch

# As scripts get it, in one number (static/js/conversation-list/unread-totals.js).
MUTED, MENTIONS_ONLY, NOTHING, ARCHIVED, FAVOURITE = 1, 2, 4, 8, 16


class ConversationSummary(NamedTuple):
    """One conversation as it stands for one person. `at` is when it was active, as the database writes it."""

    id: int
    kind: str
    version: int
    at: Any
    last_seq: int
    read_seq: int
    unread: int
    mentions: int
    muted: bool
    level: str
    favourite: bool
    archived: bool

    @property
    def flags(self) -> int:
        level = {Level.MENTIONS: MENTIONS_ONLY, Level.NONE: NOTHING}.get(Level(self.level), 0)
        return self.muted * MUTED + level + self.archived * ARCHIVED + self.favourite * FAVOURITE

    @property
    def weight(self) -> int:
        """What it adds to the number in the page's title: nothing where muted, mentions where only those are wanted."""
        if self.muted or self.level == Level.NONE:
            return 0
        return self.mentions if self.level == Level.MENTIONS else self.unread


def list_summaries(user_id: int) -> list[ConversationSummary]:
    """Newest activity first."""
    found = fetch(
        "SELECT c.id, c.kind, c.version, c.active_at, c.last_seq, m.read_seq, c.text_count - m.read_count,"
        " CASE WHEN c.text_count > m.read_count THEN (SELECT COUNT(*) FROM chat_mention n WHERE n.user_id = m.user_id"
        " AND n.conversation_id = m.conversation_id AND n.seq > m.read_seq) ELSE 0 END,"
        " m.muted, m.level, m.favourite, m.archived"
        " FROM chat_membership m JOIN chat_conversation c ON c.id = m.conversation_id"
        " WHERE m.user_id = %s AND m.left_at IS NULL AND c.deleted_at IS NULL"
        " ORDER BY c.active_at DESC, c.id DESC",
        [user_id],
    )
    return [
        ConversationSummary(
            pk, kind, version, at, last, read, max(new, 0), named, bool(muted), level, bool(top), bool(put_away)
        )
        for pk, kind, version, at, last, read, new, named, muted, level, top, put_away in found  # SQLite has numbers
    ]


def activity_time(at: Any) -> datetime:
    """When it was active, in UTC: PostgreSQL gives a time, SQLite its text."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def summaries_after(rows: Sequence[ConversationSummary], place: tuple[str, int] | None) -> list[ConversationSummary]:
    """Those that come after a place, (time, id), in the order of the list."""
    if place is None:
        return list(rows)
    moment, pk = datetime.fromisoformat(place[0]), place[1]
    return [row for row in rows if (activity_time(row.at), row.id) < (moment, pk)]


def summaries_as_json(rows: Iterable[ConversationSummary]) -> str:
    """For scripts: `[id, version, last_seq, flags, read_seq, unread, mentions]` of each, without noughts at the end.

    Where nothing is unread the mark stands at the end, whatever lines of one's own or of the system came after it.
    """
    told = []
    for row in rows:
        each = [row.id, row.version, row.last_seq, row.flags]
        if row.unread:
            each += [row.read_seq, row.unread, row.mentions]
        while not each[-1]:
            each.pop()
        told.append(each)
    return json.dumps(told, separators=(",", ":"))


# ── By name ──────────────────────────────────────────────────────────────────────────────────────────────────────
class ConversationTitle(NamedTuple):
    """What a conversation is called, and whom a pair is with."""

    id: int
    kind: str
    title: str
    avatar: str
    peer_id: int | None
    peer_username: str
    peer_name: str
    peer_avatar: str

    @property
    def name(self) -> str:
        return self.title if self.kind == "group" else self.peer_name or self.peer_username

    @property
    def peer(self) -> UserSchema | None:
        if self.peer_id is None:
            return None
        picture = f"/avatars/{self.peer_id}/{self.peer_avatar.rsplit('/', 1)[-1]}" if self.peer_avatar else None
        return UserSchema(self.peer_id, self.peer_username, self.name, picture)


def titles_by_conversation(user_id: int) -> dict[int, ConversationTitle]:
    """Of all my conversations, by id. One statement."""
    found = fetch(
        "SELECT c.id, c.kind, c.title, c.avatar, u.id, u.username, u.name, u.avatar"
        " FROM chat_membership m JOIN chat_conversation c ON c.id = m.conversation_id"
        " LEFT JOIN chat_membership p ON c.kind = 'direct' AND p.conversation_id = c.id AND p.user_id <> m.user_id"
        " LEFT JOIN accounts_user u ON u.id = p.user_id"
        " WHERE m.user_id = %s AND m.left_at IS NULL AND c.deleted_at IS NULL",
        [user_id],
    )
    return {
        row[0]: ConversationTitle(
            row[0], row[1], row[2], row[3] or "", row[4], row[5] or "", row[6] or "", row[7] or ""
        )
        for row in found
    }
