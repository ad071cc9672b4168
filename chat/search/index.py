"""Writes and reads the search index: one table that is a full-text index in SQLite (FTS5) and in PostgreSQL (GIN).

Both databases find messages by the same terms (see terms.py), so they give the same results.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from chat.search.terms import IndexedText, attribute_key, message_terms, term_key
from messenger.core.bulk_sql import fetch_all, placeholders

_TABLE = "chat_searchentry"
MAX_ALTERNATIVES = 600  # terms of one condition in one SQL query; more conversations need more queries


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
    """Adds messages that are not in the index yet, in one statement."""
    if not messages:
        return
    if connection.vendor == "postgresql":
        rows = [{"id": message.message_id, "terms": message_terms(message)} for message in messages]
        sql = (
            f"INSERT INTO {_TABLE} (rowid, terms) SELECT source.id, array_to_tsvector(source.terms)"
            " FROM json_to_recordset(%s) AS source(id bigint, terms text[])"
        )
        params: list = [json.dumps(rows)]
    else:
        sql = f"INSERT INTO {_TABLE} (rowid, terms) VALUES {placeholders(len(messages), 2)}"
        params = [value for message in messages for value in (message.message_id, " ".join(message_terms(message)))]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


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
def find_message_ids(
    conditions: Sequence[Condition],
    conversation_ids: Iterable[int],
    *,
    before_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
) -> list[int]:
    """Returns the ids of messages that fulfil all conditions, newest first, at most `limit`.

    Only messages of these conversations are found, with an id less than `before_id`, and sent at the time `since` or
    later and before `until`. The work depends on the matching messages of these conversations, not on the size of the
    index.
    """
    widest = max(len(condition.words) + len(condition.attributes) for condition in conditions)
    chunk_size = max(1, MAX_ALTERNATIVES // widest)
    ordered = list(conversation_ids)
    found: list[int] = []
    for start in range(0, len(ordered), chunk_size):
        expression = _match_expression(conditions, ordered[start : start + chunk_size])
        found += _find_in_chunk(expression, before_id, since, until, limit)
    return sorted(found, reverse=True)[:limit]


def _find_in_chunk(
    expression: str, before_id: int | None, since: datetime | None, until: datetime | None, limit: int
) -> list[int]:
    bounds, params = "", []
    if before_id is not None:
        bounds, params = " AND entry.rowid < %s", [before_id]
    times, time_params = "", []
    for operator, time in ((">=", since), ("<", until)):
        if time is not None:
            times += f" AND m.created_at {operator} %s"
            time_params.append(connection.ops.adapt_datetimefield_value(time))
    join = " JOIN chat_message m ON m.id = found.rowid WHERE TRUE" + times if times else ""
    if connection.vendor == "postgresql":
        # MATERIALIZED: otherwise the planner may read the primary key backwards and compare every message of the site.
        found = f"SELECT entry.rowid FROM {_TABLE} entry WHERE entry.terms @@ %s::tsquery{bounds}"
        sql = f"WITH found AS MATERIALIZED ({found}) SELECT found.rowid FROM found{join}"
    else:
        # FTS5 yields rows in descending order one by one, so no more than necessary are read.
        join = join.replace("found.", f"{_TABLE}.")
        sql = f"SELECT {_TABLE}.rowid FROM {_TABLE}{join or ' WHERE TRUE'} AND {_TABLE} MATCH %s"
        sql += bounds.replace("entry.", f"{_TABLE}.")
        return [
            row[0]
            for row in fetch_all(
                f"{sql} ORDER BY {_TABLE}.rowid DESC LIMIT %s", [*time_params, expression, *params, limit]
            )
        ]
    rows = fetch_all(f"{sql} ORDER BY found.rowid DESC LIMIT %s", [expression, *params, *time_params, limit])
    return [row[0] for row in rows]


def _match_expression(conditions: Sequence[Condition], conversation_ids: Sequence[int]) -> str:
    """Returns the expression for the full-text index: all conditions, each with its terms in any conversation.

    A message has terms of its own conversation only, so the conditions cannot be fulfilled by different conversations.
    The only ASCII characters in terms are letters and digits, so nothing in them can end the quotation.
    """
    quote, prefix, either, both = ("'{}'", "'{}':*", " | ", " & ") if connection.vendor == "postgresql" else (
        '"{}"', '"{}"*', " OR ", " AND ",
    )  # fmt: skip
    groups = []
    for condition in conditions:
        terms = [
            (prefix if is_prefix else quote).format(key)
            for conversation_id in conversation_ids
            for key, is_prefix in condition.keys(conversation_id)
        ]
        groups.append(f"({either.join(terms)})")
    return both.join(groups)
