"""The list of conversations as a page shows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils import timezone

from chat import reading, times
from chat.lines import title_of
from chat.shapes import ConversationShape, MessageShape, MineShape, excerpt

SHOWN = 100  # conversations on a page; older ones on the next


@dataclass(slots=True)
class Row:
    """One conversation in the list."""

    conversation: ConversationShape
    mine: MineShape
    title: str
    at: datetime
    when: str
    last: MessageShape | None
    who: str  # "you", "other" (then named) or "" where nobody need be named
    text: str

    @property
    def unread(self) -> int:
        return self.mine.unread_count

    @property
    def draft(self) -> str:
        return excerpt(self.mine.draft)

    @property
    def gone(self) -> bool:
        return self.last is not None and self.last.deleted_at is not None


def row(conversation: ConversationShape, me: int, now: datetime) -> Row:
    assert isinstance(conversation.mine, MineShape), "a list is somebody's own"
    last = conversation.last_message
    at = times.parse(last.created_at if last else conversation.created_at)
    who = "you" if last and last.sender.id == me else "other" if last and conversation.kind == "group" else ""
    return Row(
        conversation=conversation,
        mine=conversation.mine,
        title=title_of(conversation),
        at=at,
        when=times.brief(at, now),
        last=last,
        who=who,
        text=excerpt(last.body) if last else "",
    )


def cursor(text: str) -> tuple[str, int] | None:
    """`2026-11-21T01:02:03+00:00~12`, as an address carries it; what is not so is as if nothing was asked."""
    at, _, pk = text.partition("~")
    return times.activity_place(at, pk)


class Listing:
    """The list beside a page, read when it is first looked at, and once."""

    FILTERS = ("all", "unread", "rooms", "archived")

    def __init__(self, me: int, query: Any):
        self.me = me
        self.q = (query.get("find") or "").strip()[:80]
        self.show = query.get("show") if query.get("show") in self.FILTERS else "all"
        self.before = cursor(query.get("older") or "")

    @cached_property
    def _read(self) -> tuple[list[Row], tuple[str, int] | None]:
        conversations, after = reading.conversations(self.me, before=self.before, limit=SHOWN)
        now = timezone.localtime()
        return [row(conversation, self.me, now) for conversation in conversations], after

    @property
    def all(self) -> list[Row]:
        return self._read[0]

    @property
    def rows(self) -> list[Row]:
        """Those whose title holds what is looked for. Tabs only hide rows, by style: a live row finds its place."""
        wanted = self.q.casefold()
        return [row for row in self.all if wanted in row.title.casefold()] if wanted else self.all

    @property
    def next(self) -> str:
        """Where the next page begins, for `?older=`; empty at the end."""
        return "~".join(map(str, self._read[1])) if self._read[1] else ""

    @property
    def versions(self) -> str:
        """What the page knows of each conversation, as JSON: scripts ask for what came since."""
        return json.dumps({row.conversation.id: row.conversation.version for row in self.all}, separators=(",", ":"))

    @property
    def unread(self) -> int:
        """Messages that are new, those in muted conversations left out: the number in the page's title."""
        return sum(row.unread for row in self.all if not row.mine.muted)

    @property
    def unread_conversations(self) -> int:
        return sum(1 for row in self.all if row.unread and not row.mine.archived)

    @property
    def mentions(self) -> int:
        return sum(row.mine.unread_mention_count for row in self.all)

    @property
    def any_archived(self) -> bool:
        return any(row.mine.archived for row in self.all)

    def title(self, conversation_id: int) -> str:
        return next((row.title for row in self.all if row.conversation.id == conversation_id), "")
