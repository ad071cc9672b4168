"""Writes and reads the search index: one table that is a full-text index in SQLite (FTS5) and in PostgreSQL (GIN).

Both databases find messages by the same terms (see terms.py), so they give the same results.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from chat.search.terms import IndexedText, attribute_key, block_attribute, message_terms, newest_blocks, term_key
from messenger.core.bulk_sql import fetch_all

_TABLE = "chat_searchentry"
MAX_TERMS = 2000  # of one SQL query; more conversations need more queries
BLOCK_LEVELS = (0, 1, 2)  # blocks of 4096, 65,536 and 1,048,576 message ids; see `_windows`


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that a message must fulfil: to have at least one of these words or attributes.

    Both are pairs of a text and whether it is only the beginning of the word or attribute.
    """

    words: tuple[tuple[str, bool], ...] = ()
    attributes: tuple[tuple[str, bool], ...] = ()

    def keys(self, conversation_id: int) -> list[tuple[str, bool]]:
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
    build_terms = _terms_builder()
    rows = [(message.message_id, build_terms(message)) for message in messages]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"INSERT INTO {_TABLE} (rowid, terms) SELECT source.id, source.terms::tsvector"
                " FROM json_to_recordset(%s) AS source(id bigint, terms text)",
                [json.dumps([{"id": pk, "terms": terms} for pk, terms in rows])],
            )
        else:
            cursor.executemany(f"INSERT INTO {_TABLE} (rowid, terms) VALUES (%s, %s)", rows)


def entry_terms(message: IndexedText) -> str:
    """Returns the terms of a message as they are stored in this database, separated by spaces."""
    return _terms_builder()(message)


def _terms_builder() -> Callable[[IndexedText], str]:
    return _terms_with_block if connection.vendor == "postgresql" else message_terms


def _terms_with_block(message: IndexedText) -> str:
    block = attribute_key(message.conversation_id, block_attribute(message.message_id))
    return f"{message_terms(message)} {block}"


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
def iterate_message_ids(
    conditions: Sequence[Condition],
    conversation_ids: Sequence[int],
    sizes: Iterator[int],
    *,
    before_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[list[int]]:
    """Yields lists of the ids of messages that fulfil all conditions, newest first. `sizes` says how many at most.

    Only messages of these conversations are found, with an id less than `before_id`, and sent at the time `since` or
    later and before `until`. The work depends on the matching messages of these conversations, not on the size of the
    index.
    """
    for first_id, block in [(0, None)] if until else _windows(before_id):
        window_conditions = [*conditions, block] if block else conditions
        size = 1
        found: list[int] = [0]
        while len(found) == size:
            size = next(sizes)
            found = _find(window_conditions, conversation_ids, before_id, since, until, size)
            if found:
                yield found
                before_id = found[-1]
        before_id = first_id


def _windows(before_id: int | None) -> Iterator[tuple[int, Condition | None]]:
    """Yields ranges of message ids from new to old, each as its first id and the condition that finds its messages.

    PostgreSQL cannot read an index of terms in the order of ids: it visits all messages that have a term. So the newest
    blocks of ids are looked up first, then larger ones, and at last all that are left. SQLite reads in the order of
    ids, so it has only one range.
    """
    if connection.vendor == "postgresql":
        if before_id is None:
            before_id = (fetch_all(f"SELECT max(rowid) FROM {_TABLE}", [])[0][0] or 0) + 1
        for level in BLOCK_LEVELS:
            first_id, attributes = newest_blocks(before_id, level)
            if first_id <= 0:
                break
            yield first_id, Condition(attributes=tuple((attribute, True) for attribute in attributes))
            before_id = first_id
    yield 0, None


def _find(
    conditions: Sequence[Condition],
    conversation_ids: Sequence[int],
    before_id: int | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[int]:
    expressions = [_match_expression(conditions, conversation_id) for conversation_id in conversation_ids]
    chunk_size = max(1, MAX_TERMS // sum(len(condition.words) + len(condition.attributes) for condition in conditions))
    found: list[int] = []
    for start in range(0, len(expressions), chunk_size):
        found += _find_in_chunk(expressions[start : start + chunk_size], before_id, since, until, limit)
    return sorted(found, reverse=True)[:limit]


def _find_in_chunk(
    expressions: Sequence[str], before_id: int | None, since: datetime | None, until: datetime | None, limit: int
) -> list[int]:
    is_before = "" if before_id is None else " AND entry.rowid < %s"
    times = [(operator, time) for operator, time in ((">=", since), ("<", until)) if time is not None]
    created_at = "(SELECT m.created_at FROM chat_message m WHERE m.id = entry.rowid)"
    in_period = "".join(f" AND {created_at} {operator} %s" for operator, _time in times)
    params: list = [] if before_id is None else [before_id]
    params += [connection.ops.adapt_datetimefield_value(time) for _operator, time in times]
    if connection.vendor == "postgresql":
        # One look-up for each conversation: PostgreSQL would evaluate one expression for all for each message found.
        # MATERIALIZED: otherwise the planner may read the primary key backwards and compare every message of the site.
        sql = (
            "WITH entry AS MATERIALIZED (SELECT entry.rowid FROM unnest(%s::tsquery[]) AS expression"
            f" JOIN {_TABLE} entry ON entry.terms @@ expression{is_before} ORDER BY entry.rowid DESC)"
            f" SELECT rowid FROM entry WHERE TRUE{in_period} LIMIT %s"
        )
        rows = fetch_all(sql, [list(expressions), *params, limit])
    else:
        # FTS5 yields rows in descending order one by one, so no more than necessary are read.
        sql = (
            f"SELECT entry.rowid FROM {_TABLE} entry WHERE entry.{_TABLE} MATCH %s{is_before}{in_period}"
            " ORDER BY entry.rowid DESC LIMIT %s"
        )
        rows = fetch_all(sql, [" OR ".join(expressions), *params, limit])
    return [row[0] for row in rows]


def _match_expression(conditions: Sequence[Condition], conversation_id: int) -> str:
    """Returns the expression for the full-text index that finds the messages of one conversation.

    The only ASCII characters in terms are letters and digits, so nothing in them can end the quotation.
    """
    quote, prefix, either, both = ("'{}'", "'{}':*", " | ", " & ") if connection.vendor == "postgresql" else (
        '"{}"', '"{}"*', " OR ", " AND ",
    )  # fmt: skip
    groups = (
        either.join((prefix if is_prefix else quote).format(key) for key, is_prefix in condition.keys(conversation_id))
        for condition in conditions
    )
    return f"({both.join(f'({group})' for group in groups)})"
