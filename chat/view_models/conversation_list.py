"""View model of the list of conversations: its rows (one page at a time), filters, search and unread counts.

When a conversation changes, the browser script `static/js/conversation-list/list-order.js` filters and sorts the list
by the same rules.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from accounts.models import User
from accounts.selectors import users
from accounts.text import pinyin
from chat import selectors
from chat.message_kinds import KINDS
from chat.models import Level
from chat.schemas import ConversationSchema, MessageSchema, MineSchema
from chat.selectors import ConversationSummary, ConversationTitle
from chat.view_models import times
from chat.view_models.attachments import summarize_files
from chat.view_models.message_log import conversation_title, is_hidden_by_block
from messenger.core.excerpts import shorten
from messenger.core.rules import is_rule_met
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
    added_by: str = ""  # name of the member who has added the reader to this group, until the reader opens it
    icon: str = ""  # before the excerpt: the kind of the first file of a message without text
    receipt_state: str = ""  # "sent", "delivered" or "read": of the reader's own last message in a direct conversation

    @property
    def unread_count(self) -> int:
        return self.member_state.unread_count

    @property
    def is_added(self) -> bool:
        return self.member_state.added_by_id is not None

    @property
    def is_quiet(self) -> bool:
        """True if the user is not notified of every new message of the conversation.

        That is, the conversation is muted, or the notification level is "mentions only" or "none".
        """
        return self.member_state.muted or self.member_state.level != Level.ALL

    @property
    def css_classes(self) -> str:
        """The CSS classes of this row of the list, separated by spaces.

        The browser script static/js/conversation-list/conversation-row.js sets the same classes.
        """
        flags = {
            "unread": bool(self.unread_count) or self.is_added,
            "added": self.is_added,
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
    conversation: ConversationSchema,
    user_id: int,
    now: datetime,
    blocked: Collection[int] = (),
    names: Mapping[int, str] | None = None,
    peer_receipts: Mapping[int, tuple[int, int]] | None = None,
) -> ConversationRow:
    """Returns the row of a conversation in the list of the user `user_id`.

    `conversation` must include the fields that are different for each member (`mine`: unread count, mute …), of this
    user. `blocked` are the ids of users whom this user has blocked: the row hides their messages. `names` are display
    names by user id, of the members who have added this user.
    """
    assert isinstance(conversation.mine, MineSchema), "the schema must include the user's own member state"
    last = conversation.last_message
    active_at = times.parse_timestamp(last.created_at if last else conversation.created_at)
    sender_kind = ""
    if last and last.sender.id == user_id:
        sender_kind = "you"
    elif last and conversation.kind == "group":
        sender_kind = "other"
    icon, excerpt = "", last.excerpt if last else ""
    if last and last.attachments and not last.body.strip():
        icon, excerpt = summarize_files(last.attachments)
    elif last and (describe := KINDS[last.kind].describe):
        excerpt = describe(last, last.sender.id == user_id)
    return ConversationRow(
        conversation=conversation,
        member_state=conversation.mine,
        title=conversation_title(conversation),
        time_label=times.format_short(active_at, now),
        last_message=last,
        sender_kind=sender_kind,
        excerpt=excerpt,
        icon=icon,
        added_by=(names or {}).get(conversation.mine.added_by_id or 0, ""),
        receipt_state=_get_receipt_state(conversation, user_id, peer_receipts or {}),
        is_blocked=last is not None and is_hidden_by_block(last, user_id, blocked),
    )


def _is_own_last(conversation: ConversationSchema, user_id: int) -> bool:
    """Returns True if the user has sent the last message of this direct conversation, and has not deleted it."""
    last = conversation.last_message
    is_own = last is not None and last.sender.id == user_id and last.deleted_at is None
    return is_own and conversation.kind == "direct"


def _get_receipt_state(
    conversation: ConversationSchema, user_id: int, peer_receipts: Mapping[int, tuple[int, int]]
) -> str:
    last = conversation.last_message
    if last is None or not _is_own_last(conversation, user_id):
        return ""
    delivered_seq, read_seq = peer_receipts.get(conversation.id, (0, 0))
    return "read" if read_seq >= last.seq else "delivered" if delivered_seq >= last.seq else "sent"


def parse_cursor(text: str) -> tuple[str, int] | None:
    """Parses the cursor of a page of the list of conversations, such as `2026-11-21T01:02:03+00:00~12`.

    Returns (time, id): the time of the last activity and the id of the conversation after which the page begins.
    Returns None if the text is not a valid cursor.
    """
    active_at, _, conversation_id = text.partition("~")
    return times.parse_activity_cursor(active_at, conversation_id)


# Which conversations each filter shows, and which are on top of the list. Scripts evaluate the same rules.
LIST_RULES = {
    "all": "!archived|searched",  # a search includes archived conversations
    "unread": "unread|added !archived",
    "mentions": "mentions",
    "people": "direct !archived",
    "groups": "group !archived",
    "archived": "archived",
    "top": "favourite|added !archive_shown",
}


class ConversationList:
    """The list of conversations at the side of a web page, as one user sees it.

    Rows and unread counts are loaded when they are first used, so pages that do not show them do not load them. `query`
    are the parameters of the URL: `find` (search text), `show` (filter) and `older` (cursor: after which conversation
    the rows begin). `blocked` are the ids of users whom this user has blocked.
    """

    FILTERS = tuple(name for name in LIST_RULES if name != "top")

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
        """A summary (unread counts, mute …) of each conversation of the user, newest activity first."""
        return selectors.list_conversation_summaries(self.user_id)

    @property
    def has_conversations(self) -> bool:
        return bool(self.summaries)

    @property
    def summaries_json(self) -> str:
        """A summary (unread counts, version …) of each conversation of the user, as JSON for the browser scripts.

        When messages arrive or are read, the scripts compute new unread counts from the summaries. The version is the
        number of the newest change of a conversation. The scripts compare it with the version that the server sends
        over the WebSocket, to find out which changes they have missed.
        """
        return selectors.summaries_as_json(self.summaries)

    @property
    def unread_count(self) -> int:
        """The unread count in the browser tab (in `<title>`): the sum over all conversations of the user.

        A conversation with the notification level "mentions only" adds only its unread mentions. A muted conversation
        or one with the level "none" adds 0.
        """
        return sum(summary.badge_count for summary in self.summaries)

    @property
    def unread_conversation_count(self) -> int:
        return sum(
            1 for summary in self.summaries if (summary.badge_count or summary.is_added) and not summary.archived
        )

    @property
    def mention_count(self) -> int:
        return sum(summary.mentions for summary in self.summaries if summary.level != Level.NONE)

    @property
    def has_archived(self) -> bool:
        return any(summary.archived for summary in self.summaries)

    @cached_property
    def online_count(self) -> int:
        """The number of people who are on the site now, signed in or not. Makes no database query."""
        return get_tracker().get_head_count()

    # ── Rows: for pages with the list ───
    @cached_property
    def _page(self) -> tuple[list[ConversationRow], str]:
        """The rows on the current page of the list of conversations, and the cursor with which the next page begins.

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
        adder_ids = {conversation.mine.added_by_id for conversation in conversations if conversation.mine}
        names = users.get_display_names(pk for pk in adder_ids if pk)
        own_last_ids = [each.id for each in conversations if _is_own_last(each, self.user_id)]
        peer_receipts = selectors.list_peer_receipts(self.user_id, own_last_ids)
        rows = [
            build_conversation_row(conversation, self.user_id, now, self.blocked_ids, names, peer_receipts)
            for conversation in conversations
        ]
        return rows, next_cursor

    def _matches_filter(self, summary: ConversationSummary) -> bool:
        if summary.id == self.current_id and not self.search_query:
            return True
        return is_rule_met(LIST_RULES[self.filter], self._facts(summary))

    def _is_on_top(self, summary: ConversationSummary) -> bool:
        return is_rule_met(LIST_RULES["top"], self._facts(summary))

    def _facts(self, summary: ConversationSummary) -> set[str]:
        facts = {
            "unread": summary.unread > 0,
            "mentions": summary.mentions > 0,
            "added": summary.is_added,
            "archived": summary.archived,
            "favourite": summary.favourite,
            "searched": bool(self.search_query),
            "archive_shown": self.filter == "archived",
        }
        return {summary.kind, *(name for name, holds in facts.items() if holds)}

    def _matches_search(self, summary: ConversationSummary) -> bool:
        return not self.search_query or summary.id in self._search_results

    @cached_property
    def _search_results(self) -> set[int]:
        titles = selectors.get_titles_by_conversation(self.user_id).values()
        return {title.id for title in titles if matches_search(title, self.search_query)}

    @property
    def rows(self) -> list[ConversationRow]:
        """The rows on the current page of the list of conversations.

        Favourite conversations and groups that the user was added to and has not opened come first, then the other
        conversations, each with the newest activity first.
        """
        return self._page[0]

    @cached_property
    def online_peer_ids(self) -> set[int]:
        """Ids of users who are online and with whom the user has a direct conversation that the web page shows.

        The web page shows the rows of the list and the opened conversation. Users whose privacy settings hide from the
        user that they are online are left out. Makes two queries if anybody is online, else none.
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
        """The query string that is added to links to conversations, such as `?show=unread`. Empty without a filter.

        It keeps the current filter of the list when the user opens a conversation.
        """
        return "" if self.filter == "all" else f"?show={self.filter}"

    @property
    def next_page_query(self) -> str:
        """The query string of the link to the next page of the list: filter, search text and cursor."""
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
