"""Writes and reads the search index: one table that is a full-text index in SQLite (FTS5) and in PostgreSQL (GIN).

Both databases find messages by the same terms (see terms.py), so they give the same results.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.db import connection

from chat.search.periods import ALL_IDS, Bounds, IdRange
from chat.search.terms import IndexedText, attribute_key, message_terms, newest_blocks, term_key
from messenger.core.bulk_sql import fetch_all

_TABLE = "chat_searchentry"
MAX_TERMS = 2000  # of one SQL query; more conversations need more queries
BLOCK_LEVELS = (0, 1, 2)  # blocks of 4096, 65,536 and 1,048,576 message ids; see `_newest_window`
FEW_MESSAGES = 4000  # so few that PostgreSQL may visit all of them


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that a message must fulfil: to have at least one of these words or attributes.

    Both are pairs of a text and whether it is only the beginning of the word or attribute.
    """

    words: tuple[tuple[str, bool], ...] = ()
    attributes: tuple[tuple[str, bool], ...] = ()

    def keys(self, conversation_id: int | str) -> list[tuple[str, bool]]:
        """Returns the terms of the words and attributes in the index, each with whether it is only the beginning."""
        return [
            *((term_key(conversation_id, term), is_prefix) for term, is_prefix in self.words),
            *((attribute_key(conversation_id, attribute), is_prefix) for attribute, is_prefix in self.attributes),
        ]


def has_any(*attributes: str) -> Condition:
    """Returns the condition that a message has one of these attributes."""
    return Condition(attributes=tuple((attribute, False) for attribute in attributes))


# ── Write ────────────────────────────────────────────────────────────────────────────────────────────────────────
def add_entries(messages: Sequence[IndexedText]) -> None:
    """Adds messages that are not in the index yet, in one statement on PostgreSQL."""
    if not messages:
        return
    rows = entry_rows(messages)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"INSERT INTO {_TABLE} (rowid, terms) SELECT source.id, source.terms::tsvector"
                " FROM json_to_recordset(%s) AS source(id bigint, terms text)",
                [msgspec.json.encode([{"id": pk, "terms": terms} for pk, terms in rows]).decode()],
            )
        else:
            cursor.executemany(f"INSERT INTO {_TABLE} (rowid, terms) VALUES (%s, %s)", rows)


def entry_rows(messages: Sequence[IndexedText]) -> list[tuple[int, str]]:
    """Returns the id of each message, and its terms as they are stored in this database, separated by spaces."""
    has_block = connection.vendor == "postgresql"  # read once, as it takes as long as half of the terms
    return [(message.message_id, message_terms(message, has_block=has_block)) for message in messages]


def remove_entries(message_ids: Collection[int]) -> None:
    """Removes messages from the index. Messages without an entry are ignored."""
    if message_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {_TABLE} WHERE rowid IN ({','.join(['%s'] * len(message_ids))})", list(message_ids)
            )


def replace_entries(messages: Sequence[IndexedText]) -> None:
    """Adds messages to the index, and replaces the entries that they have already."""
    remove_entries([message.message_id for message in messages])
    add_entries(messages)


# ── Read ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class IndexQuery:
    """What is looked up in the index: messages of these conversations that fulfil all conditions (at least one).

    `beginnings` are further beginnings of words. They are not looked up, but compared with the terms of each message
    that was found. `ids` limits the ids of messages; `since` and `until` (not included) limit when they were sent.
    `message_count` is how many messages the conversations have.
    """

    conditions: Sequence[Condition]
    conversation_ids: Sequence[int]
    message_count: int
    beginnings: Sequence[str] = ()
    ids: IdRange = ALL_IDS
    since: datetime | None = None
    until: datetime | None = None


def iterate_message_ids(query: IndexQuery, sizes: Iterator[int]) -> Iterator[list[int]]:
    """Yields lists of the ids of messages that are found, newest first. `sizes` says how many at most.

    The work depends on the matching messages of these conversations, not on the size of the index.
    """
    before_id, level = query.ids.end, 0
    while True:
        window = _newest_window(query, before_id, level)
        size, count = 1, 0
        found: list[int] = [0]
        while len(found) == size:
            size = next(sizes)
            found = _find(query, window.condition if window else None, before_id, size)
            count += len(found)
            if found:
                yield found
                before_id = found[-1]
        if window is None:
            return
        before_id = window.first_id
        # All older messages are looked up at once, if about as few of them can be expected to match.
        left = (count + 1) * (window.first_id - (query.ids.first or 0)) / (window.end_id - window.first_id)
        level = len(BLOCK_LEVELS) if level and left <= FEW_MESSAGES else level + 1


class _Window(NamedTuple):
    """A range of message ids, and the condition that finds its messages in the index."""

    first_id: int
    end_id: int
    condition: Condition


def _newest_window(query: IndexQuery, before_id: int | None, level: int) -> _Window | None:
    """Returns the newest blocks of message ids of this level. None means that all ids are looked up at once.

    PostgreSQL cannot read an index of terms in the order of ids: it visits all messages that have a term. So the newest
    blocks of ids are looked up first, then larger ones, and at last all that are left. SQLite reads in the order of
    ids, so it needs no blocks.
    """
    if connection.vendor == "sqlite" or query.message_count <= FEW_MESSAGES or level >= len(BLOCK_LEVELS):
        return None
    if before_id is None:
        before_id = (fetch_all(f"SELECT max(rowid) FROM {_TABLE}", [])[0][0] or 0) + 1
    first_id, attributes = newest_blocks(before_id, BLOCK_LEVELS[level])
    if first_id <= (query.ids.first or 0):
        return None
    is_beginning = BLOCK_LEVELS[level] > 0  # a smallest block is a whole term
    condition = Condition(attributes=tuple((attribute, is_beginning) for attribute in attributes))
    return _Window(first_id, before_id, condition)


def _find(query: IndexQuery, window: Condition | None, before_id: int | None, limit: int) -> list[int]:
    conditions = [*query.conditions, window] if window else query.conditions
    terms_each = sum(len(condition.words) + len(condition.attributes) for condition in conditions)
    chunk_size = max(1, MAX_TERMS // (terms_each + len(query.beginnings)))
    find_in_chunk = _find_in_gin if connection.vendor == "postgresql" else _find_in_fts5
    found: list[int] = []
    for start in range(0, len(query.conversation_ids), chunk_size):
        chunk = query.conversation_ids[start : start + chunk_size]
        found += find_in_chunk(query, conditions, chunk, before_id, limit)
    return sorted(found, reverse=True)[:limit]


def _find_in_gin(
    query: IndexQuery, conditions: Sequence[Condition], chunk: Sequence[int], before_id: int | None, limit: int
) -> list[int]:
    """Searches the index of PostgreSQL with one expression for each conversation, and returns ids of messages.

    A single expression for all conversations would be compared with each entry of the index. MATERIALIZED and `+ 0`
    keep the planner from scanning the primary key, which takes seconds. CASE keeps it from looking up the beginnings of
    words (`query.beginnings`) in the index; they are compared with the entries that were found.
    """
    expressions = _match_expressions(conditions, chunk)
    beginnings = [Condition(words=((beginning, True),)) for beginning in query.beginnings]
    compared = _match_expressions(beginnings, chunk) if beginnings else []
    is_compared = " AND CASE WHEN entry.terms @@ compared THEN TRUE END" if compared else ""
    ids, times = _bounds(query, before_id, "entry.rowid + 0")
    return _fetch_ids(
        "WITH entry AS MATERIALIZED (SELECT entry.rowid"
        " FROM unnest(%s::tsquery[], %s::tsquery[]) AS search(expression, compared)"
        f" JOIN {_TABLE} entry ON entry.terms @@ expression{ids.sql}{is_compared} ORDER BY entry.rowid DESC)"
        f" SELECT rowid FROM entry WHERE TRUE{times.sql} LIMIT %s",
        [expressions, compared, *ids.params, *times.params, limit],
    )


def _find_in_fts5(
    query: IndexQuery, conditions: Sequence[Condition], chunk: Sequence[int], before_id: int | None, limit: int
) -> list[int]:
    """Looks up conversations in SQLite, which yields rows in descending order, so no more than necessary are read.

    The terms of an entry begin with a word, so the text up to its first `x` is the prefix of its conversation.
    """
    expression = " OR ".join(_match_expressions(conditions, chunk))
    begins = " AND instr(entry.terms, substr(entry.terms, 1, instr(entry.terms, 'x')) || %s) > 0"
    ids, times = _bounds(query, before_id)
    return _fetch_ids(
        f"SELECT entry.rowid FROM {_TABLE} entry WHERE entry.{_TABLE} MATCH %s{ids.sql}"
        f"{begins * len(query.beginnings)}"
        f"{times.sql} ORDER BY entry.rowid DESC LIMIT %s",
        [expression, *ids.params, *query.beginnings, *times.params, limit],
    )


def _bounds(query: IndexQuery, before_id: int | None, rowid: str = "entry.rowid") -> tuple[Bounds, Bounds]:
    """Returns the bounds of ids and of times of a query. `rowid` is the SQL of the id."""
    created_at = "(SELECT m.created_at FROM chat_message m WHERE m.id = entry.rowid)"
    return (
        Bounds((f"{rowid} <", before_id), (f"{rowid} >=", query.ids.first)),
        Bounds((f"{created_at} >=", query.since), (f"{created_at} <", query.until)),
    )


def _fetch_ids(sql: str, params: list) -> list[int]:
    return [row[0] for row in fetch_all(sql, params)]


def _match_expressions(conditions: Sequence[Condition], conversation_ids: Sequence[int]) -> list[str]:
    """Returns for each conversation the expression for the full-text index that finds its messages.

    The only ASCII characters in terms are letters and digits, so nothing in them can end the quotation, and `#` can
    stand for the conversation.
    """
    quote, prefix, either, both = ("'{}'", "'{}':*", " | ", " & ") if connection.vendor == "postgresql" else (
        '"{}"', '"{}"*', " OR ", " AND ",
    )  # fmt: skip
    groups = (
        either.join((prefix if is_prefix else quote).format(key) for key, is_prefix in condition.keys("#"))
        for condition in conditions
    )
    expression = f"({both.join(f'({group})' for group in groups)})"
    return [expression.replace("#", str(conversation_id)) for conversation_id in conversation_ids]
