"""Searches the messages, files and conversations that a user may see.

Only messages of conversations of which the user is a member now are found, and no deleted messages. The index finds
candidates. Each candidate is compared with the query again, because the index does not know which words are neighbours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property
from itertools import chain, islice, repeat
from typing import NamedTuple

from django.db.models import Q

from accounts.models import SearchKey, User
from accounts.text import pinyin
from accounts.usernames.rules import skeleton
from chat.message_kinds import WRITTEN_KINDS
from chat.models import Mention, Message
from chat.schemas import MessageSchema, SearchHitSchema, TitleSchema
from chat.search import index, periods
from chat.search.folding import fold, fold_markdown, fold_markdown_with_positions
from chat.search.query import ME, SearchQuery, Word, parse_query
from chat.search.terms import query_terms
from chat.selectors.conversations import filter_users_sharing_conversations, list_titled_summaries
from chat.selectors.message_rows import get_message_schemas
from chat.selectors.messages import hidden_by_block
from chat.selectors.summaries import get_activity_cursor, get_titles_by_conversation, list_conversation_summaries
from messenger.core import rate_limits

RESULTS = 20
CANDIDATES = 60  # messages that the first query of the index returns if most of them will match
MAX_CANDIDATES = 600  # messages that the next query of the index returns, and that are compared at once
MAX_COMPARED = 5000  # messages compared for one page; then the page may be short, and its cursor continues
SHORT_BEGINNING = 2  # characters; so many words begin like this that looking all of them up is slow
MAX_SHORT_BEGINNINGS = 2  # looked up in the index; more of them are compared with the terms of the messages found
MAX_NAMED_USERS = 50  # users whom one `from:` may mean


@dataclass(slots=True)
class FoundPage:
    """A page of messages that were found, and the cursor of the next page (the id of a message), None if it is last."""

    hits: list[SearchHitSchema]
    cursor: int | None


class Match(NamedTuple):
    """A message that matches a query."""

    message_id: int
    folded_body: str


class MessageSearch:
    """One search of a user: the parsed query, and the conversations and users that its operators mean.

    Raises `invalid` for a query that cannot be understood, and `rate_limited`. `conversation_id` restricts the search
    to one conversation; if the user is not a member of it, nothing is found. The days in the query are days of `zone`.
    """

    def __init__(self, user_id: int, text: str, zone: tzinfo, conversation_id: int | None = None):
        self.query: SearchQuery = parse_query(text)
        rate_limits.require("search", user_id)
        self.user_id, self.zone = user_id, zone
        self.conversation_id = conversation_id

    # ── What the operators mean ───
    @cached_property
    def last_seqs(self) -> dict[int, int]:
        """The conversations that are searched, newest activity first: the number of the last message of each id."""
        last_seqs = {summary.id: summary.last_seq for summary in list_conversation_summaries(self.user_id)}
        ids = list(last_seqs)
        if self.conversation_id is not None:
            ids = [pk for pk in ids if pk == self.conversation_id]
        if self.query.conversations:
            titles = get_titles_by_conversation(self.user_id)
            wanted = [fold(name) for name in self.query.conversations]
            ids = [pk for pk in ids if pk in titles and any(_is_title(titles[pk], name) for name in wanted)]
        return {pk: last_seqs[pk] for pk in ids}

    @cached_property
    def sender_ids(self) -> list[int]:
        """The ids of the users whom `from:` means: by user name, by display name, or by a word of the display name."""
        names = self.query.senders
        ids = {self.user_id} if any(name.lower() in ME for name in names) else set()
        for name in names:
            key = pinyin.fold_text(name)
            named = User.objects.filter(
                Q(username_key=skeleton(name)) | Q(pk__in=SearchKey.objects.filter(key=key).values("user"))
                if key
                else Q(username_key=skeleton(name))
            )
            ids.update(named.values_list("pk", flat=True)[:MAX_NAMED_USERS])
        return sorted(filter_users_sharing_conversations(self.user_id, list(ids)))

    @cached_property
    def _word_conditions(self) -> list[index.Condition]:
        """What a message must have in the index to have the words of the query."""
        conditions = []
        for word in self.query.words:
            for place, token in enumerate(word.tokens):
                is_exact = word.is_exact or place < len(word.tokens) - 1
                conditions += [index.Condition(words=(term,)) for term in query_terms(token, is_exact)]
        return list(dict.fromkeys(conditions))

    def _conditions(self, file_kind: str | None) -> list[index.Condition]:
        """Returns what a message must have in the index."""
        query = self.query
        conditions = [each for each in self._word_conditions if each not in self._compared_beginnings]
        if query.senders:
            conditions.append(index.has_any(*(f"from{pk}" for pk in self.sender_ids)))
        kinds = query.kinds if file_kind is None else {*query.kinds, file_kind or "attachment"}
        conditions += [index.has_any(f"has{kind}") for kind in sorted(kinds)]
        if query.mentions_me:
            conditions.append(index.has_any(f"mention{self.user_id}", "mentionall"))
        return conditions

    @cached_property
    def _compared_beginnings(self) -> list[index.Condition]:
        """The short beginnings of words that are not looked up in the index, but compared with its entries."""
        beginnings = [each for each in self._word_conditions if each.words[0][1]]
        return [each for each in beginnings if len(each.words[0][0]) <= SHORT_BEGINNING][MAX_SHORT_BEGINNINGS:]

    # ── Messages ───
    def find_messages(self, before: int | None = None, limit: int = RESULTS) -> FoundPage:
        """Searches messages. Returns a page, newest first; `before` is the cursor that came with the previous page."""
        matches, cursor = self._find(before, limit)
        return FoundPage(self._load([match.message_id for match in matches]), cursor)

    def find_messages_with_files(
        self, before: int | None = None, limit: int = RESULTS, kind: str = "", blocked_ids: Collection[int] = ()
    ) -> FoundPage:
        """Returns a page of messages of which a file has the words of the query in its name, newest first.

        With `kind` (such as image or video), it is a file of this kind. The messages that conversations hide because
        the user has blocked `blocked_ids` are left out.
        """
        matches, cursor = self._find(before, limit, file_kind=kind, blocked_ids=blocked_ids)
        return FoundPage(self._load([match.message_id for match in matches]), cursor)

    def matches_file(self, filename: str) -> bool:
        folded = fold(filename)
        return all(word.pattern.search(folded) for word in self.query.words)

    def rank_messages(self, limit: int = RESULTS) -> FoundPage:
        """Returns the most relevant of the newest matches (`MAX_CANDIDATES`). There is no further page.

        A message is relevant if it has the words as whole words and several times, and is not long.
        """
        matches, _cursor = self._find(None, MAX_CANDIDATES)
        ranked = sorted(matches, key=lambda match: (self._relevance(match), match.message_id), reverse=True)
        return FoundPage(self._load([match.message_id for match in ranked[:limit]]), None)

    def _relevance(self, match: Match) -> float:
        score = 0.0
        for word in self.query.words:
            places = list(islice(word.pattern.finditer(match.folded_body), 5))
            whole = sum(not match.folded_body[place.end() : place.end() + 1].isalnum() for place in places)
            score += bool(places) + bool(whole) + 0.25 * len(places)
        return score / (1 + len(match.folded_body) / 1000)

    def _find(
        self, before: int | None, limit: int, *, file_kind: str | None = None, blocked_ids: Collection[int] = ()
    ) -> tuple[list[Match], int | None]:
        """Returns the newest messages that match, at most `limit`, and the cursor of the next page.

        With `file_kind`, one file of this kind (of any kind if empty) must have all words of the query in its name.
        """
        matches: list[Match] = []
        compared = 0
        for ids in _slices(self._candidates(before, limit, file_kind), MAX_CANDIDATES):
            found = self._compare(ids, file_kind, blocked_ids)
            for message_id in ids:
                if len(matches) == limit:
                    return matches, matches[-1].message_id
                if message_id in found:
                    matches.append(found[message_id])
            compared += len(ids)
            if compared >= MAX_COMPARED:
                return matches, ids[-1]
        return matches, None

    def _candidates(self, before: int | None, limit: int, file_kind: str | None) -> Iterator[list[int]]:
        """Returns lists of ids of messages that may match, newest first. The first are short if they may suffice.

        The search index finds them by their words and attributes. Whether a message really matches is checked later.
        """
        if self.query.is_empty or not self.last_seqs or (self.query.senders and not self.sender_ids):
            return iter(())
        conversation_ids, last_seq = list(self.last_seqs), max(self.last_seqs.values())
        since, until = self._period
        is_certain = all(len(word.tokens) == 1 for word in self.query.words) and not self.query.excluded_words
        first_sizes = [*repeat(CANDIDATES, 3 if is_certain and limit <= CANDIDATES else 0), MAX_CANDIDATES]
        conditions = self._conditions(file_kind)
        if not conditions:
            sizes = chain(first_sizes, repeat(MAX_CANDIDATES))
            return periods.iterate_message_ids(conversation_ids, last_seq, before, since, until, sizes)
        ids = periods.find_id_range(conversation_ids, last_seq, since, until)
        if ids is None:
            return iter(())
        if before is not None:
            ids = ids._replace(end=min(before, ids.end or before))
        query = index.IndexQuery(
            conditions=conditions,
            conversation_ids=conversation_ids,
            message_count=sum(self.last_seqs.values()),
            beginnings=[condition.words[0][0] for condition in self._compared_beginnings],
            ids=ids,
            since=since,
            until=until,
        )
        # PostgreSQL visits all messages with the words again for each list, so the lists grow fast.
        return index.iterate_message_ids(query, chain(first_sizes, repeat(MAX_COMPARED)))

    def _compare(self, ids: Sequence[int], file_kind: str | None, blocked_ids: Collection[int]) -> dict[int, Match]:
        """Returns those of the candidates that match the query, by message id."""
        messages = Message.objects.filter(pk__in=ids, deleted_at=None, kind__in=WRITTEN_KINDS)
        if self.query.mentions_me:
            messages = messages.filter(pk__in=Mention.objects.filter(user_id=self.user_id).values("message"))
        if blocked_ids:
            messages = messages.exclude(hidden_by_block(self.user_id, blocked_ids))
        found = {}
        for message_id, conversation_id, body, files in messages.values_list("pk", "conversation", "body", "files"):
            if conversation_id not in self.last_seqs:
                continue
            names = [file["name"] for file in files]
            match = Match(message_id, fold_markdown(body))
            named = file_kind is None or any(
                self.matches_file(file["name"]) and file_kind in ("", file["kind"]) for file in files
            )
            if named and self._matches(match.folded_body, names):
                found[message_id] = match
        return found

    def _load(self, ids: Sequence[int]) -> list[SearchHitSchema]:
        """Loads messages for the answer, in this order, except those that have been deleted in the meantime."""
        messages = get_message_schemas(ids)
        return [self._hit(messages[pk]) for pk in ids if pk in messages and messages[pk].deleted_at is None]

    def _hit(self, message: MessageSchema) -> SearchHitSchema:
        names = [self.highlight(attachment.name) for attachment in message.attachments]
        return SearchHitSchema(message, self.highlight(message.body), names)

    @cached_property
    def _period(self) -> tuple[datetime | None, datetime | None]:
        """When the first day of the query begins and when its last day ends, None where there is no limit."""
        first, last = self.query.first_day, self.query.last_day
        return (
            self._start_of_day(first) if first else None,
            self._start_of_day(last + timedelta(days=1)) if last else None,
        )

    def _start_of_day(self, day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC)

    def _matches(self, folded_body: str, filenames: Sequence[str]) -> bool:
        folded = "\n".join([folded_body, *map(fold, filenames)])
        return all(word.pattern.search(folded) for word in self.query.words) and not any(
            word.pattern.search(folded) for word in self.query.excluded_words
        )

    def highlight(self, text: str) -> list[list[int]]:
        """Returns the parts of a text that match words of the query, as pairs of start and end, in order."""
        return find_matches(text, self.query.words)

    # ── Conversations ───
    def find_conversations(
        self, before: tuple[str, int] | None = None, limit: int = RESULTS
    ) -> tuple[list[TitleSchema], tuple[str, int] | None]:
        """Returns a page of conversations whose title has all words of the query, and the cursor of the next page.

        Newest activity comes first, and cursors are those of `list_conversations`. Chinese titles are also found by
        pinyin.
        """
        words = self.query.words
        if not words or self.conversation_id is not None:
            return [], None
        found = [
            (get_activity_cursor(summary), title)
            for summary, title in list_titled_summaries(self.user_id, before)
            if all(_title_has(title, word) for word in words)
        ]
        cursor = found[limit - 1][0] if len(found) > limit else None
        return [title for _cursor, title in found[:limit]], cursor

    @property
    def name_text(self) -> str:
        """The words of the query without operators, for searching people; empty if the search is restricted."""
        return "" if self.conversation_id is not None else " ".join(word.text for word in self.query.words)


def _slices(lists: Iterable[list[int]], size: int) -> Iterator[list[int]]:
    """Yields the lists in parts of at most `size` values."""
    for each in lists:
        for start in range(0, len(each), size):
            yield each[start : start + size]


def find_matches(text: str, words: Sequence[Word]) -> list[list[int]]:
    """Returns where the words stand in a text, as pairs of start and end in code points, in order, without overlap."""
    folded = fold_markdown_with_positions(text)
    spans = sorted(
        folded.original_span(*match.span())
        for word in words
        for match in word.pattern.finditer(folded.text)
        if match.end() > match.start()
    )
    merged: list[list[int]] = []
    for start, end in spans:
        if end <= start:  # from the end of the source to the beginning of the displayed words
            continue
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def _title_has(title: TitleSchema, word: Word) -> bool:
    username = title.peer.username if title.peer else ""
    key = pinyin.fold_to_ascii(word.text)
    return bool(
        word.pattern.search(fold(f"{title.title} {username}"))
        or (key and any(title_key.startswith(key) for title_key in title.keys))
    )


def _is_title(title, name: str) -> bool:
    """Returns whether `in:` with this folded name means the conversation with this title."""
    return name == f"#{title.id}" or name in fold(title.name) or name.removeprefix("@") == fold(title.peer_username)
