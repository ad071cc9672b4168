"""The list of conversations as a page shows it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils import timezone

from accounts.models import User
from accounts.text import pinyin
from chat import selectors
from chat.models import Level
from chat.schemas import ConversationSchema, MessageSchema, MineSchema, excerpt
from chat.selectors import ConversationSummary, ConversationTitle
from chat.view_models import times
from chat.view_models.message_log import title_of
from presence import visibility as presence_people
from presence.tracker import tracker

SHOWN = 60  # conversations on a page, besides the favourites; older ones on the next


@dataclass(slots=True)
class Row:
    """One conversation in the list."""

    conversation: ConversationSchema
    mine: MineSchema
    title: str
    at: datetime
    when: str
    last: MessageSchema | None
    who: str  # "you", "other" (then named) or "" where nobody need be named
    text: str
    blocked: bool = False  # the reader blocks who wrote it: the words are folded here too

    @property
    def unread(self) -> int:
        return self.mine.unread_count

    @property
    def quiet(self) -> bool:
        """It counts, but calls nobody: muted, or not every message is wanted."""
        return self.mine.muted or self.mine.level != Level.ALL

    @property
    def draft(self) -> str:
        return excerpt(self.mine.draft)

    @property
    def gone(self) -> bool:
        return self.last is not None and self.last.deleted_at is not None


def row(conversation: ConversationSchema, me: int, now: datetime, blocked: Collection[int] = ()) -> Row:
    assert isinstance(conversation.mine, MineSchema), "a list is somebody's own"
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
        text=excerpt(last.body, last.attachments) if last else "",
        blocked=last is not None and last.sender.id in blocked,
    )


def cursor(text: str) -> tuple[str, int] | None:
    """`2026-11-21T01:02:03+00:00~12`, as an address carries it; what is not so is as if nothing was asked."""
    at, _, pk = text.partition("~")
    return times.activity_place(at, pk)


class Listing:
    """The list beside a page. Counts are read when first looked at, and once; rows only where the list is drawn.

    `blocked`: people whose texts the reader has folded.
    """

    FILTERS = ("all", "unread", "mentions", "people", "groups", "archived")

    def __init__(self, me: int, query: Any, blocked: Collection[int] = ()):
        self.me = me
        self.blocked = blocked
        self.q = (query.get("find") or "").strip()[:80]
        self.show = query.get("show") if query.get("show") in self.FILTERS else "all"
        self.before = cursor(query.get("older") or "")
        self.here: int | None = None  # the conversation on the page, which stays in the list until it is left
        self.left_out = False  # the list stands already where this page goes
        self.opened: ConversationSchema | None = None  # what is shown beside it

    # ── Counts: for every page ──
    @cached_property
    def standings(self) -> list[ConversationSummary]:
        """All of one's conversations, newest activity first."""
        return selectors.list_summaries(self.me)

    @property
    def any(self) -> bool:
        return bool(self.standings)

    @property
    def counts(self) -> str:
        """What scripts count on from, as JSON; also which version of each conversation this page knows."""
        return selectors.summaries_as_json(self.standings)

    @property
    def unread(self) -> int:
        """Messages that are new, those in muted conversations left out: the number in the page's title."""
        return sum(each.weight for each in self.standings)

    @property
    def unread_conversations(self) -> int:
        return sum(1 for each in self.standings if each.weight and not each.archived)

    @property
    def mentions(self) -> int:
        return sum(each.mentions for each in self.standings if each.level != Level.NONE)

    @property
    def any_archived(self) -> bool:
        return any(each.archived for each in self.standings)

    @cached_property
    def online(self) -> int:
        """People on the site now, signed in or not. No query."""
        return tracker().head_count_now()

    # ── Rows: for pages with the list ──
    @cached_property
    def _page(self) -> tuple[list[Row], str]:
        wanted = [each for each in self.standings if self._fits(each) and self._named(each)]
        top = [each for each in wanted if self._on_top(each)]
        rest = selectors.summaries_after([each for each in wanted if not self._on_top(each)], self.before)
        page, more = rest[:SHOWN], ""
        if len(rest) > SHOWN:
            more = f"{selectors.activity_time(page[-1].at).isoformat()}~{page[-1].id}"
        if not self.before:
            page = [*top, *page, *(each for each in rest[SHOWN:] if each.id == self.here)]
        now = timezone.localtime()
        shapes = selectors.list_conversations_by_id(self.me, [each.id for each in page])
        return [row(shape, self.me, now, self.blocked) for shape in shapes], more

    def _fits(self, each: ConversationSummary) -> bool:
        if each.id == self.here and not self.q:
            return True
        if self.show == "mentions":
            return each.mentions > 0
        if each.archived != (self.show == "archived"):
            return bool(self.q) and self.show == "all"  # what is looked for by name is found wherever it lies
        return {"unread": each.unread > 0, "people": each.kind == "direct", "groups": each.kind == "group"}.get(
            self.show, True
        )

    def _on_top(self, each: ConversationSummary) -> bool:
        return each.favourite and self.show != "archived"

    def _named(self, each: ConversationSummary) -> bool:
        return not self.q or each.id in self._found

    @cached_property
    def _found(self) -> set[int]:
        return {title.id for title in selectors.titles_by_conversation(self.me).values() if is_called(title, self.q)}

    @property
    def rows(self) -> list[Row]:
        """Favourites first, then by activity; one page of them."""
        return self._page[0]

    @cached_property
    def peers_here(self) -> set[int]:
        """Whoever is here of those whom the page is about, as far as they show it. Two queries where anybody is."""
        rows = [] if self.left_out else [each.conversation for each in self.rows]
        shown = [*rows, self.opened] if self.opened else rows
        peers = [each.peer.id for each in shown if each.peer]
        online = tracker().online_now(peers)
        if not online:
            return online
        viewer = User.objects.only("show_presence").get(pk=self.me)
        return {each.user_id for each in presence_people.of(viewer, online, online) if each.online}

    @property
    def next(self) -> str:
        """Where the next page begins, for `?older=`; empty at the end."""
        return self._page[1]

    @property
    def kept(self) -> str:
        """What addresses carry on, so that the filter stays when one goes to another conversation."""
        return "" if self.show == "all" else f"?show={self.show}"

    @cached_property
    def _titles(self) -> dict[int, str]:
        return {title.id: title.name for title in selectors.titles_by_conversation(self.me).values()}

    def title(self, conversation_id: int) -> str:
        return self._titles.get(conversation_id, "")


def is_called(title: ConversationTitle, q: str) -> bool:
    """Whether a conversation is found by these words: in its name, a user name, or by how Chinese is typed."""
    wanted = q.casefold()
    if wanted in title.name.casefold() or wanted.removeprefix("@") in title.peer_username.casefold():
        return True
    key = pinyin.typed(q)
    return bool(key) and any(each.startswith(key) for each in pinyin.keys(title.name))
