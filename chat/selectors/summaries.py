"""Loads a short summary of each conversation of a user with one query: unread counts, mute and archive state.

The counts, filters and order of the conversation list are computed from these summaries. The cost of the query depends
on the number of conversations of the user, not on the number of messages. Mentions are counted only in conversations
with unread messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from accounts.schemas import UserSchema, build_user_schema
from chat.models import Level
from chat.selectors.prefetch import sender_not_blocked
from messenger.core.bulk_sql import fetch_all

# Bits of `ConversationSummary.flags` (static/js/conversation-list/unread-totals.js).
MUTED, MENTIONS_ONLY, NOTIFICATIONS_OFF, ARCHIVED, FAVOURITE, ADDED = 1, 2, 4, 8, 16, 32


class ConversationSummary(NamedTuple):
    """The state of one conversation for one user: unread counts, mute, archived and so on.

    `at` is the time of the last activity, as the database returns it: see `activity_time`.
    """

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
    is_added: bool  # somebody has added the user to this group, and the user has not opened it

    @property
    def flags(self) -> int:
        level = {Level.MENTIONS: MENTIONS_ONLY, Level.NONE: NOTIFICATIONS_OFF}.get(Level(self.level), 0)
        others = self.archived * ARCHIVED + self.favourite * FAVOURITE + self.is_added * ADDED
        return self.muted * MUTED + level + others

    @property
    def badge_count(self) -> int:
        """The number that this conversation adds to the unread count in the browser tab (in `<title>`).

        It is the number of unread text messages. If the notification level is "mentions only", it is the number of
        unread mentions. It is 0 if the conversation is muted or its notification level is "none".
        """
        if self.muted or self.level == Level.NONE:
            return 0
        return self.mentions if self.level == Level.MENTIONS else self.unread


def list_conversation_summaries(user_id: int) -> list[ConversationSummary]:
    """Returns the summaries of all conversations of a user, newest activity first."""
    rows = fetch_all(
        "SELECT c.id, c.kind, c.version, c.active_at, c.last_seq, m.read_seq, c.text_count - m.read_count,"
        " CASE WHEN c.text_count > m.read_count THEN (SELECT COUNT(*) FROM chat_mention n WHERE n.user_id = m.user_id"
        f" AND n.conversation_id = m.conversation_id AND n.seq > m.read_seq AND {sender_not_blocked('n')}) ELSE 0 END,"
        " m.muted, m.level, m.favourite, m.archived, m.added_by_id IS NOT NULL"
        " FROM chat_membership m JOIN chat_conversation c ON c.id = m.conversation_id"
        " WHERE m.user_id = %s AND m.left_at IS NULL AND c.deleted_at IS NULL"
        " ORDER BY c.active_at DESC, c.id DESC",
        [user_id],
    )
    summaries = []
    for row in rows:
        pk, kind, version, at, last_seq, read_seq, unread, mentions, muted, level, favourite, archived, added = row
        flags = bool(muted), level, bool(favourite), bool(archived), bool(added)  # SQLite returns 0 and 1
        summaries.append(
            ConversationSummary(pk, kind, version, at, last_seq, read_seq, max(unread, 0), mentions, *flags)
        )
    return summaries


def activity_time(at: Any) -> datetime:
    """Returns `ConversationSummary.at` as a time in UTC. PostgreSQL returns a datetime, SQLite a string."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def get_activity_cursor(summary: ConversationSummary) -> tuple[str, int]:
    """Returns the cursor of the page that begins after this conversation: (time of last activity, id)."""
    return activity_time(summary.at).isoformat(), summary.id


def filter_summaries_after(
    summaries: Sequence[ConversationSummary], cursor: tuple[str, int] | None
) -> list[ConversationSummary]:
    """Returns the conversations that come after `cursor` in the list of conversations, or all if `cursor` is None.

    The cursor is the (time of last activity, id) of the last conversation on the previous page.
    """
    if cursor is None:
        return list(summaries)
    position = datetime.fromisoformat(cursor[0]), cursor[1]
    return [summary for summary in summaries if (activity_time(summary.at), summary.id) < position]


def summaries_as_json(summaries: Iterable[ConversationSummary]) -> str:
    """Returns summaries of a user's conversations as JSON, for browser scripts.

    Each conversation is an array `[id, version, last_seq, flags, read_seq, unread, mentions]`. `version` increases with
    each change. `flags` are bits: muted, archived, favourite, notification level, added. `last_seq` is the
    number of the newest message, `read_seq` of the newest one that the user has read. `unread` and `mentions` count
    unread messages. Zeros at the end are left out, and also `read_seq` if no message is unread: it equals `last_seq`.
    """
    encoded = []
    for summary in summaries:
        values = [summary.id, summary.version, summary.last_seq, summary.flags]
        if summary.unread:
            values += [summary.read_seq, summary.unread, summary.mentions]
        while not values[-1]:
            values.pop()
        encoded.append(values)
    return json.dumps(encoded, separators=(",", ":"))


# ── Titles ───────────────────────────────────────────────────────────────────────────────────────────────────────
class ConversationTitle(NamedTuple):
    """The title and avatar of a conversation and, for a direct conversation, the data of the other user."""

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
        return build_user_schema(self.peer_id, self.peer_username, self.peer_name, self.peer_avatar)


def get_titles_by_conversation(user_id: int) -> dict[int, ConversationTitle]:
    """Returns titles and avatars of all conversations of a user, by conversation id. One query."""
    rows = fetch_all(
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
        for row in rows
    }
