"""View model of the list of conversations: filters, search, counts and one page of rows.

When a conversation changes, the browser script `static/js/conversation-list/list-order.js` filters and sorts the list
by the same rules.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from accounts.models import User
from accounts.text import pinyin
from chat import selectors
from chat.models import Level
from chat.schemas import ConversationSchema, MessageSchema, MineSchema, make_excerpt
from chat.selectors import ConversationSummary, ConversationTitle
from chat.view_models import times
from chat.view_models.attachments import summarize_files
from chat.view_models.message_log import conversation_title
from messenger.core.excerpts import shorten
from presence.tracker import get_tracker
from presence.visibility import list_visible_presence

PAGE_SIZE = 60  # conversations per page, in addition to the favourites on the first page


@dataclass(slots=True)
class ConversationRow:
    """One row in the list of conversations, as the user who reads the page sees it."""

    conversation: ConversationSchema
    member_state: MineSchema
    title: str
    time_label: str
    last_message: MessageSchema | None
    sender_kind: str  # "you", "other" (the sender is named), or "" if no sender is shown
    excerpt: str
    is_blocked: bool = False  # the reader has blocked the sender of the last message; the excerpt is hidden
    icon: str = ""  # before the excerpt: the kind of the first file of a message without text

    @property
    def unread_count(self) -> int:
        return self.member_state.unread_count

    @property
    def is_quiet(self) -> bool:
        """True if the conversation is muted, or if the user is notified only of mentions or of no messages at all."""
        return self.member_state.muted or self.member_state.level != Level.ALL

    @property
    def css_classes(self) -> str:
        """The CSS classes of the row.

        The browser script static/js/conversation-list/conversation-row.js sets the same classes.
        """
        flags = {
            "unread": bool(self.unread_count),
            "quiet": self.is_quiet,
            "muted": self.member_state.muted,
            "favourite": self.member_state.favourite,
            "archived": self.member_state.archived,
        }
        return " ".join(["conversation-row", *(name for name, is_set in flags.items() if is_set)])

    @property
    def draft_excerpt(self) -> str:
        return shorten(self.member_state.draft)

    @property
    def is_deleted(self) -> bool:
        return self.last_message is not None and self.last_message.deleted_at is not None


def build_conversation_row(
    conversation: ConversationSchema, user_id: int, now: datetime, blocked: Collection[int] = ()
) -> ConversationRow:
    """Returns the row of a conversation in the list of the user `user_id`.

    `conversation` must include the fields that are different for each member (`mine`: unread count, mute …), of this
    user. `blocked` are the ids of users whom this user has blocked: the row hides their messages.
    """
    assert isinstance(conversation.mine, MineSchema), "the schema must include the user's own member state"
    last = conversation.last_message
    active_at = times.parse_timestamp(last.created_at if last else conversation.created_at)
    sender_kind = ""
    if last and last.sender.id == user_id:
        sender_kind = "you"
    elif last and conversation.kind == "group":
        sender_kind = "other"
    icon, excerpt = "", make_excerpt(last.body_html) if last else ""
    if last and last.attachments and not excerpt:
        icon, excerpt = summarize_files(last.attachments)
    return ConversationRow(
        conversation=conversation,
        member_state=conversation.mine,
        title=conversation_title(conversation),
        time_label=times.format_short(active_at, now),
        last_message=last,
        sender_kind=sender_kind,
        excerpt=excerpt,
        icon=icon,
        is_blocked=last is not None and last.sender.id in blocked,
    )


def parse_cursor(text: str) -> tuple[str, int] | None:
    """Parses a cursor of the list of conversations, such as `2026-11-21T01:02:03+00:00~12`, into (time, id).

    The cursor names the last conversation on a page of the list: the time of its last activity and its id. Returns None
    if the cursor is invalid.
    """
    active_at, _, conversation_id = text.partition("~")
    return times.parse_activity_cursor(active_at, conversation_id)


class ConversationList:
    """The list of conversations beside a page, as one user sees it.

    Counts and rows are loaded when they are first used, so that pages without the list do not load them. `query` has
    the parameters of the URL: `find` (search), `show` (filter) and `older` (cursor of a page of the list). `blocked`
    are the ids of users whom this user has blocked.
    """

    FILTERS = ("all", "unread", "mentions", "people", "groups", "archived")

    def __init__(self, user_id: int, query: Any, blocked: Collection[int] = ()):
        self.user_id = user_id
        self.blocked_ids = blocked
        self.search_query = (query.get("find") or "").strip()[:80]
        self.filter = query.get("show") if query.get("show") in self.FILTERS else "all"
        self.before = parse_cursor(query.get("older") or "")
        self.current_id: int | None = None  # the open conversation; it stays in the list even if the filter excludes it
        self.is_omitted = False  # the browser already has the list, so the page is rendered without it
        self.open_conversation: ConversationSchema | None = None  # the conversation that the page shows beside the list

    # ── Counts: for every page ───
    @cached_property
    def summaries(self) -> list[ConversationSummary]:
        """Short data (unread counts, mute …) of all conversations of the user, newest activity first."""
        return selectors.list_conversation_summaries(self.user_id)

    @property
    def has_conversations(self) -> bool:
        return bool(self.summaries)

    @property
    def summaries_json(self) -> str:
        """Short data (unread counts, version …) of all conversations of the user, as JSON for the scripts of the page.

        The scripts compute new counts from it. They also compare the versions (numbers of the newest changes) with
        those that the WebSocket sends, to find out what they have missed.
        """
        return selectors.summaries_as_json(self.summaries)

    @property
    def unread_count(self) -> int:
        """The number in the title of the page: unread messages of all conversations of the user that are not muted.

        See `ConversationSummary.badge_count`.
        """
        return sum(summary.badge_count for summary in self.summaries)

    @property
    def unread_conversation_count(self) -> int:
        return sum(1 for summary in self.summaries if summary.badge_count and not summary.archived)

    @property
    def mention_count(self) -> int:
        return sum(summary.mentions for summary in self.summaries if summary.level != Level.NONE)

    @property
    def has_archived(self) -> bool:
        return any(summary.archived for summary in self.summaries)

    @cached_property
    def online_count(self) -> int:
        """The number of people who are on the site now, signed in or not. Needs no database query."""
        return get_tracker().get_head_count()

    # ── Rows: for pages with the list ───
    @cached_property
    def _page(self) -> tuple[list[ConversationRow], str]:
        """The rows on the current page of the list of conversations, and the cursor of its next page.

        The cursor is "" on the last page.
        """
        matching = [
            summary for summary in self.summaries if self._matches_filter(summary) and self._matches_search(summary)
        ]
        favourites = [summary for summary in matching if self._is_on_top(summary)]
        others = [summary for summary in matching if not self._is_on_top(summary)]
        others = selectors.filter_summaries_after(others, self.before)
        page, next_cursor = others[:PAGE_SIZE], ""
        if len(others) > PAGE_SIZE:
            next_cursor = f"{selectors.activity_time(page[-1].at).isoformat()}~{page[-1].id}"
        if not self.before:
            current = (summary for summary in others[PAGE_SIZE:] if summary.id == self.current_id)
            page = [*favourites, *page, *current]
        now = timezone.localtime()
        conversations = selectors.list_conversations_by_id(self.user_id, [summary.id for summary in page])
        rows = [
            build_conversation_row(conversation, self.user_id, now, self.blocked_ids) for conversation in conversations
        ]
        return rows, next_cursor

    def _matches_filter(self, summary: ConversationSummary) -> bool:
        if summary.id == self.current_id and not self.search_query:
            return True
        if self.filter == "mentions":
            return summary.mentions > 0
        if summary.archived != (self.filter == "archived"):
            return bool(self.search_query) and self.filter == "all"  # a search in "all" includes archived conversations
        matches = {
            "unread": summary.unread > 0,
            "people": summary.kind == "direct",
            "groups": summary.kind == "group",
        }
        return matches.get(self.filter, True)

    def _is_on_top(self, summary: ConversationSummary) -> bool:
        return summary.favourite and self.filter != "archived"

    def _matches_search(self, summary: ConversationSummary) -> bool:
        return not self.search_query or summary.id in self._search_results

    @cached_property
    def _search_results(self) -> set[int]:
        titles = selectors.get_titles_by_conversation(self.user_id).values()
        return {title.id for title in titles if matches_search(title, self.search_query)}

    @property
    def rows(self) -> list[ConversationRow]:
        """The rows on the current page of the list of conversations.

        Favourite conversations come first, then the other conversations, each with the newest activity first.
        """
        return self._page[0]

    @cached_property
    def online_peer_ids(self) -> set[int]:
        """Ids of the other users of the direct conversations on the current page of the list who are online.

        Leaves out users who hide from the reader that they are online. Includes the conversation that is open beside
        the list. Two queries if any of the users is online, else none.
        """
        conversations = [] if self.is_omitted else [row.conversation for row in self.rows]
        if self.open_conversation:
            conversations.append(self.open_conversation)
        peer_ids = [conversation.peer.id for conversation in conversations if conversation.peer]
        online_ids = get_tracker().get_online_users(peer_ids)
        if not online_ids:
            return online_ids
        viewer = User.objects.only("show_presence").get(pk=self.user_id)
        presences = list_visible_presence(viewer, online_ids, online_ids)
        return {presence.user_id for presence in presences if presence.online}

    @property
    def next_cursor(self) -> str:
        """The value of the URL parameter `older` in the link to the next page of the list. Empty on the last page."""
        return self._page[1]

    @property
    def filter_query(self) -> str:
        """The query string for links to conversations.

        It has the current filter of the list, so that the list is still filtered beside the opened conversation.
        """
        return "" if self.filter == "all" else f"?show={self.filter}"

    @property
    def next_page_query(self) -> str:
        """The query string of the link to the next page of the list: filter, search and cursor."""
        parameters = {
            "show": "" if self.filter == "all" else self.filter,
            "find": self.search_query,
            "older": self.next_cursor,
        }
        return "?" + urlencode({name: value for name, value in parameters.items() if value})

    @cached_property
    def _titles(self) -> dict[int, str]:
        return {title.id: title.name for title in selectors.get_titles_by_conversation(self.user_id).values()}

    def get_title(self, conversation_id: int) -> str:
        return self._titles.get(conversation_id, "")


def matches_search(title: ConversationTitle, query: str) -> bool:
    """Returns True if a conversation matches the search text `query`.

    It matches if its title contains the text, if the user name of the other user in a direct conversation contains it,
    or if the Pinyin (Latin spelling) of a Chinese title begins with it.
    """
    text = query.casefold()
    if text in title.name.casefold() or text.removeprefix("@") in title.peer_username.casefold():
        return True
    key = pinyin.fold_to_ascii(query)
    return bool(key) and any(pinyin_key.startswith(key) for pinyin_key in pinyin.pinyin_keys(title.name))
