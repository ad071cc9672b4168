"""Finds the messages of a period of time, and which message ids they can have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from messenger.core.bulk_sql import fetch_all

CLOCK_ERROR = timedelta(hours=1)  # messages of a conversation may be out of order by this, because of a wrong clock


class IdRange(NamedTuple):
    """The message ids from `first` up to, but not including, `end`. None means that there is no limit."""

    first: int | None = None
    end: int | None = None


ALL_IDS = IdRange()


class Bounds:
    """Bounds in SQL, such as `("m.id <", 7)`. Those with the value None are left out. `sql` begins with ` AND `."""

    def __init__(self, *bounds: tuple[str, int | datetime | None]):
        self.bounds = [(comparison, value) for comparison, value in bounds if value is not None]
        self.sql = "".join(f" AND {comparison} %s" for comparison, _value in self.bounds)

    @property
    def params(self) -> list:
        adapt = connection.ops.adapt_datetimefield_value
        return [adapt(value) if isinstance(value, datetime) else value for _comparison, value in self.bounds]


def find_id_range(
    conversation_ids: Sequence[int], last_seq: int, since: datetime | None, until: datetime | None
) -> IdRange | None:
    """Returns a range of ids that contains all messages of these conversations sent since `since` and before `until`.

    None means that there are no such messages. `last_seq` is the largest message number (`seq`) of the conversations.
    Messages outside the period can be in the range, too.
    """
    first = end = None
    if since:
        first = _ids_around(conversation_ids, last_seq, since - CLOCK_ERROR)[1]
        if first is None:
            return None
    if until:
        last = _ids_around(conversation_ids, last_seq, until + CLOCK_ERROR)[0]
        if last is None:
            return None
        end = last + 1
    return IdRange(first, end)


def iterate_message_ids(
    conversation_ids: Sequence[int],
    last_seq: int,
    before_id: int | None,
    since: datetime | None,
    until: datetime | None,
    sizes: Iterator[int],
) -> Iterator[list[int]]:
    """Yields lists of the ids of all messages of a period, newest first. `sizes` says how many at most.

    The ids are less than `before_id`. The other arguments are those of `find_id_range`. A message that is out of order
    because a clock was corrected may be missing if it was sent when the period ends.
    """
    size, found = 1, [0]
    while len(found) == size:
        size = next(sizes)
        found = _find_newest_ids(conversation_ids, last_seq, before_id, since, until, size)
        if found:
            yield found
            before_id = found[-1]


def _find_newest_ids(
    conversation_ids: Sequence[int],
    last_seq: int,
    before_id: int | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[int]:
    """Returns the newest ids of a period. In each conversation they are among the last `limit` message numbers."""
    before = Bounds(("m.id <", before_id), ("m.created_at <", until))
    bounds = Bounds(("m.created_at >=", since), *before.bounds)
    positions, params = _last_seq_of_each(conversation_ids, last_seq, before)
    rows = fetch_all(
        f"{positions} SELECT m.id FROM found JOIN chat_message m ON m.conversation_id = found.conversation_id"
        f" AND m.seq > found.seq - %s AND m.seq <= found.seq WHERE found.step = 0{bounds.sql}"
        " ORDER BY m.id DESC LIMIT %s",
        [*params, limit, *bounds.params, limit],
    )
    return [row[0] for row in rows]


def _ids_around(conversation_ids: Sequence[int], last_seq: int, time: datetime) -> tuple[int | None, int | None]:
    """Returns the last id of the messages that were sent before this time, and the first id of the others."""
    positions, params = _last_seq_of_each(conversation_ids, last_seq, Bounds(("m.created_at <", time)))
    message_id = "(SELECT id FROM chat_message m WHERE m.conversation_id = found.conversation_id AND m.seq = {})"
    last, first = message_id.format("found.seq"), message_id.format("found.seq + 1")
    [(last_before, first_after)] = fetch_all(
        f"{positions} SELECT MAX({last}), MIN({first}) FROM found WHERE step = 0", params
    )
    return last_before, first_after


def _last_seq_of_each(conversation_ids: Sequence[int], last_seq: int, before: Bounds) -> tuple[str, list]:
    """Returns a SQL clause, and its parameters, that finds the last message before some bounds in each conversation.

    In a conversation, message numbers, ids and times have the same order. So the number is found by a binary search. An
    index of times would be faster here, but would slow down each send. The result is in the rows with `step = 0`.
    """
    sql = f"""
        WITH RECURSIVE found(conversation_id, seq, step) AS (
            SELECT id, CAST(0 AS bigint), CAST(%s AS bigint) FROM chat_conversation
            WHERE id IN ({",".join(["%s"] * len(conversation_ids))})
            UNION ALL
            SELECT conversation_id,
                seq + CASE WHEN EXISTS (
                    SELECT 1 FROM chat_message m WHERE m.conversation_id = found.conversation_id
                    AND m.seq = found.seq + found.step{before.sql}
                ) THEN step ELSE 0 END,
                step / 2
            FROM found WHERE step > 0
        )"""
    first_step = 1 << max(last_seq.bit_length() - 1, 0)
    return sql, [first_step, *conversation_ids, *before.params]
