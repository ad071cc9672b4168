"""Searches the messages, files and conversations that a user may see.

Only messages of conversations of which the user is a member now are found, and no deleted messages. The index finds
candidates. Each candidate is compared with the query again, because the index does not know which words are neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property

from django.db.models import Q
from django.utils import timezone

from accounts.models import SearchKey, User
from accounts.text import pinyin
from accounts.usernames.rules import skeleton
from chat.models import Mention, Message
from chat.schemas import MessageSchema, SearchHitSchema, TitleSchema, message_schema
from chat.search import index
from chat.search.folding import fold, fold_with_positions
from chat.search.query import ME, SearchQuery, Word, parse_query
from chat.search.terms import month_attribute, query_terms
from chat.selectors.conversations import filter_users_sharing_conversations, list_conversation_titles
from chat.selectors.prefetch import messages_with_relations
from chat.selectors.summaries import get_titles_by_conversation, list_conversation_summaries
from messenger.core import rate_limits

RESULTS, RESULTS_MAX = 20, 50
CANDIDATES = 60  # messages that one query of the index returns
MAX_CANDIDATES = 600  # messages compared for one page; then the page may be short, and its cursor continues
RANKED = 200  # newest matches from which the most relevant ones are chosen
MAX_MONTHS = 12  # a longer period is not looked up by month
MAX_NAMED_USERS = 50  # users whom one `from:` may mean


@dataclass(slots=True)
class FoundPage:
    """A page of messages that were found, and the cursor of the next page (the id of a message), None if it is last."""

    hits: list[SearchHitSchema]
    cursor: int | None


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
    def conversation_ids(self) -> list[int]:
        """The ids of the conversations that are searched, newest activity first."""
        ids = [summary.id for summary in list_conversation_summaries(self.user_id)]
        if self.conversation_id is not None:
            ids = [pk for pk in ids if pk == self.conversation_id]
        if self.query.conversations:
            titles = get_titles_by_conversation(self.user_id)
            wanted = [fold(name) for name in self.query.conversations]
            ids = [pk for pk in ids if pk in titles and any(_is_title(titles[pk], name) for name in wanted)]
        return ids

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

    def _conditions(self) -> list[index.Condition] | None:
        """Returns what a message must have in the index. None means that no message can fulfil the query."""
        query, conditions = self.query, []
        for word in query.words:
            for place, token in enumerate(word.tokens):
                is_exact = word.is_exact or place < len(word.tokens) - 1
                conditions += [index.Condition(words=(term,)) for term in query_terms(token, is_exact)]
        if query.senders:
            if not self.sender_ids:
                return None
            conditions.append(index.Condition(attributes=tuple(f"from{pk}" for pk in self.sender_ids)))
        conditions += [index.Condition(attributes=(f"has{kind}",)) for kind in sorted(query.kinds)]
        if query.mentions_me:
            conditions.append(index.Condition(attributes=(f"mention{self.user_id}", "mentionall")))
        return list(dict.fromkeys(conditions))

    # ── Messages ───
    def find_messages(self, before: int | None = None, limit: int = RESULTS) -> FoundPage:
        """Searches messages. Returns a page, newest first; `before` is the cursor that came with the previous page."""
        return self._find(lambda message: True, before, limit)

    def find_messages_with_files(self, before: int | None = None, limit: int = RESULTS, kind: str = "") -> FoundPage:
        """Returns a page of messages of which a file has the words of the query in its name, newest first.

        With `kind` (such as image or video), it is a file of this kind.
        """
        file_condition = index.Condition(attributes=(f"has{kind or 'attachment'}",))
        return self._find(
            lambda message: any(
                self.matches_file(file["name"]) and kind in ("", file["kind"]) for file in message.files
            ),
            before,
            limit,
            file_condition,
        )

    def matches_file(self, filename: str) -> bool:
        folded = fold(filename)
        return all(word.pattern.search(folded) for word in self.query.words)

    def rank_messages(self, limit: int = RESULTS) -> FoundPage:
        """Returns the most relevant of the newest 200 matches. There is no further page.

        A message is relevant if it has the words as whole words and several times, and is not long.
        """
        page = self._find(lambda message: True, None, RANKED)
        ranked = sorted(page.hits, key=lambda hit: (self._relevance(hit.message), hit.message.id), reverse=True)
        return FoundPage(ranked[:limit], None)

    def _relevance(self, message: MessageSchema) -> float:
        folded = fold(message.body)
        score = 0.0
        for word in self.query.words:
            matches = list(word.pattern.finditer(folded))[:5]
            whole = sum(not folded[match.end() : match.end() + 1].isalnum() for match in matches)
            score += bool(matches) + bool(whole) + 0.25 * len(matches)
        return score / (1 + len(folded) / 1000)

    def _find(
        self,
        is_wanted: Callable[[Message], bool],
        before: int | None,
        limit: int,
        *more_conditions: index.Condition,
    ) -> FoundPage:
        conditions = self._conditions()
        if self.query.is_empty or conditions is None or not self.conversation_ids:
            return FoundPage([], None)
        hits: list[SearchHitSchema] = []
        compared = 0
        for ids in self._candidates([*conditions, *more_conditions], before):
            messages = messages_with_relations().filter(deleted_at=None, conversation__in=self.conversation_ids)
            if self.query.mentions_me:
                messages = messages.filter(pk__in=Mention.objects.filter(user_id=self.user_id).values("message"))
            rows = messages.in_bulk(ids)
            for message_id in ids:
                if len(hits) == limit:
                    return FoundPage(hits, hits[-1].message.id)
                message = rows.get(message_id)
                if message is not None and self._matches(message) and is_wanted(message):
                    hits.append(SearchHitSchema(message_schema(message), self.highlight(message.body)))
            compared += len(ids)
            if compared >= MAX_CANDIDATES:
                return FoundPage(hits, ids[-1])
        return FoundPage(hits, None)

    def _candidates(self, conditions: Sequence[index.Condition], before: int | None) -> Iterator[list[int]]:
        """Yields ids of messages that may match, in lists of at most CANDIDATES, newest first.

        The search index finds them by their words and attributes. Whether a message really matches is checked later.
        """
        since, until = self._period()
        for months in self._month_conditions(is_required=not conditions):
            cursor = before
            while True:
                ids = index.find_message_ids(
                    [*conditions, *months],
                    self.conversation_ids,
                    before_id=cursor,
                    since=since,
                    until=until,
                    limit=CANDIDATES,
                )
                if ids:
                    yield ids
                if len(ids) < CANDIDATES:
                    break
                cursor = ids[-1]

    def _period(self) -> tuple[datetime | None, datetime | None]:
        """Returns when the first day of the query begins and when its last day ends, None where there is no limit."""
        first, last = self.query.first_day, self.query.last_day
        return (
            self._start_of_day(first) if first else None,
            self._start_of_day(last + timedelta(days=1)) if last else None,
        )

    def _start_of_day(self, day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC)

    def _month_conditions(self, is_required: bool) -> list[list[index.Condition]]:
        """Returns conditions with the months of the query, for one look-up of the index after the other, newest first.

        A long period is only looked up by months if there is no other condition (`is_required`).
        """
        since, until = self._period()
        if since is None and until is None:
            return [[]]
        last = min(until or timezone.now(), timezone.now() + timedelta(days=1))
        first = since or last - timedelta(days=366 * 10)
        months = _months_between(first, last)
        if not is_required and (since is None or len(months) > MAX_MONTHS):
            return [[]]
        return [
            [index.Condition(attributes=tuple(months[start : start + MAX_MONTHS]))]
            for start in range(0, len(months), MAX_MONTHS)
        ]

    def _matches(self, message: Message) -> bool:
        folded = fold("\n".join([message.body, *(file["name"] for file in message.files)]))
        return all(word.pattern.search(folded) for word in self.query.words) and not any(
            word.pattern.search(folded) for word in self.query.excluded_words
        )

    def highlight(self, text: str) -> list[list[int]]:
        """Returns the parts of a text that match words of the query, as pairs of start and end, in order."""
        return find_matches(text, self.query.words)

    # ── Conversations ───
    def find_conversations(self, after: int = 0, limit: int = RESULTS) -> tuple[list[TitleSchema], int | None]:
        """Returns conversations whose title has all words of the query, newest activity first, and the next offset.

        Chinese titles are also found by pinyin. `after` is the number of results to skip.
        """
        words = self.query.words
        if not words or self.conversation_id is not None:
            return [], None
        found = [
            title for title in list_conversation_titles(self.user_id) if all(_title_has(title, word) for word in words)
        ]
        return found[after : after + limit], after + limit if len(found) > after + limit else None

    @property
    def name_text(self) -> str:
        """The words of the query without operators, for searching people; empty if the search is restricted."""
        return "" if self.conversation_id is not None else " ".join(word.text for word in self.query.words)


def find_matches(text: str, words: Sequence[Word]) -> list[list[int]]:
    """Returns where the words stand in a text, as pairs of start and end in code points, in order, without overlap."""
    folded = fold_with_positions(text)
    spans = sorted(
        folded.original_span(*match.span())
        for word in words
        for match in word.pattern.finditer(folded.text)
        if match.end() > match.start()
    )
    merged: list[list[int]] = []
    for start, end in spans:
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


def _months_between(first: datetime, last: datetime) -> list[str]:
    """Returns the month attributes (UTC) of a period, newest month first."""
    months = []
    month = last.astimezone(UTC).date().replace(day=1)
    while month >= first.astimezone(UTC).date().replace(day=1):
        months.append(month_attribute(month))
        month = (month - timedelta(days=1)).replace(day=1)
    return months
