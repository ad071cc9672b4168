"""Inserts or updates many rows with one SQL statement. Used by the batch writers; all other code uses the models.

A row is a tuple of values. Django's `bulk_create` and `bulk_update` need model instances and take ten times as long.
With PostgreSQL, all rows are passed as one JSON parameter, because psycopg is slow with one parameter for each value.
With SQLite, each value is a parameter, which is faster than JSON. The measurements are in docs/decisions/batches.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Field, Model

_json = msgspec.json.Encoder().encode


def fetch_all(sql: str, params: Iterable[Any]) -> list[tuple]:
    """Executes a query and returns all rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params))
        return cursor.fetchall()


def adapt_uuids(values: Sequence[UUID]) -> Sequence[UUID | str]:
    """Returns the UUIDs as the database driver needs them: unchanged for PostgreSQL, as hexadecimal text for SQLite."""
    return values if connection.features.has_native_uuid_field else [value.hex for value in values]


def adapt_datetime(moment: datetime) -> datetime | str | None:
    """Returns a point in time as a parameter of `fetch_all`: unchanged for PostgreSQL, as text for SQLite."""
    return connection.ops.adapt_datetimefield_value(moment)


def read_datetime(value: datetime | str | None) -> datetime | None:
    """Returns a point in time that `fetch_all` has read. SQLite returns it as a text or without a time zone, in UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def placeholders(count: int, width: int) -> str:
    """Returns the SQL placeholders for `count` rows of `width` values: `(%s,%s),(%s,%s)`. Used for `VALUES` or `IN`."""
    return ",".join(["(" + ",".join(["%s"] * width) + ")"] * count)


def for_update_clause(of: str = "") -> str:
    """Returns the SQL clause that makes a SELECT lock its rows, or an empty string for SQLite, which has no row locks.

    With `of` (the alias of a table), only the rows of this table are locked. Otherwise the rows of all tables are
    locked.
    """
    if not connection.features.has_select_for_update:
        return ""
    return " FOR NO KEY UPDATE" + (f" OF {of}" if of else "")


def insert_rows(
    model: type[Model], columns: Sequence[str], rows: Sequence[Sequence[Any]], returning: str = ""
) -> list[tuple]:
    """Inserts rows. For each new row, returns the columns named in `returning`. The order of the result is undefined.

    Columns of the model that are not in `columns` must allow NULL or have a default in the database.
    """
    if not rows:
        return []
    names = ", ".join(columns)
    insert = f"INSERT INTO {model._meta.db_table} ({names})"
    returning_clause = f" RETURNING {returning}" if returning else ""
    with connection.cursor() as cursor:
        if cursor.db.vendor == "postgresql":
            sql = f"{insert} SELECT {names} FROM {_recordset(model, tuple(columns))}{returning_clause}"
            params: list[Any] = [_as_json(columns, rows)]
        else:
            sql = f"{insert} VALUES {placeholders(len(rows), len(columns))}{returning_clause}"
            params = [value for row in _for_sqlite(model, columns, rows) for value in row]
        cursor.execute(sql, params)
        return cursor.fetchall() if returning else []


def update_rows(model: type[Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Updates rows. The first of the `columns` is the primary key, which finds the row. The other columns are changed.

    With PostgreSQL, the caller must have locked the rows. Otherwise UPDATE locks the rows in any order, and two such
    statements may deadlock.
    """
    if not rows:
        return
    key, *changed = columns
    table = model._meta.db_table
    if connection.vendor == "postgresql":
        changes = ", ".join(f"{name} = source.{name}" for name in changed)
        recordset = _recordset(model, tuple(columns))
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET {changes} FROM {recordset} WHERE {table}.{key} = source.{key}",
                [_as_json(columns, rows)],
            )
    else:
        changes = ", ".join(f"{name} = %s" for name in changed)
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {table} SET {changes} WHERE {key} = %s",
                [(*row[1:], row[0]) for row in _for_sqlite(model, columns, rows)],
            )


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────────────
@cache
def _recordset(model: type[Model], columns: tuple[str, ...]) -> str:
    types = {name: _field(model, name).db_type(connection) for name in columns}
    return f"json_to_recordset(%s) AS source({', '.join(f'{name} {type_}' for name, type_ in types.items())})"


def _as_json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return _json([dict(zip(columns, row, strict=True)) for row in rows]).decode()


# ── SQLite ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _for_sqlite(model: type[Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Returns the rows with all values as Django stores them in SQLite: times, UUIDs and JSON become text."""
    adapters = _sqlite_adapters(model, tuple(columns))
    if not adapters:
        return list(rows)
    adapted_rows: list[Sequence[Any]] = []
    for row in rows:
        values = list(row)
        for index, adapt in adapters:
            if values[index] is not None:
                values[index] = adapt(values[index])
        adapted_rows.append(values)
    return adapted_rows


@cache
def _sqlite_adapters(model: type[Model], columns: tuple[str, ...]) -> list[tuple[int, Callable[[Any], Any]]]:
    """Returns the functions that convert values, each with the index of its column."""
    types = [_field(model, name).get_internal_type() for name in columns]
    return [(index, _ADAPTERS[type_]) for index, type_ in enumerate(types) if type_ in _ADAPTERS]


_ADAPTERS: dict[str, Callable[[Any], Any]] = {
    "DateTimeField": lru_cache(100)(adapt_datetime),  # all rows of a batch have the same time
    "UUIDField": lambda value: value.hex,
    "JSONField": lambda value: _json(value).decode(),
}


def _field(model: type[Model], name: str) -> Field:
    field = model._meta.get_field(name)
    assert isinstance(field, Field), f"{name} is not a column"
    return field
