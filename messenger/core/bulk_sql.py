"""Many rows in one statement: for what is stored in batches. Everything else goes through the models.

Rows are tuples here. Model instances, `bulk_create` and `bulk_update` cost ten times as much, and with PostgreSQL
psycopg takes most of the time to put in a parameter for each value; so there all rows are one parameter, of JSON.
SQLite binds values faster than it reads JSON. Measured in docs/decisions/batches.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Field, Model

_json = msgspec.json.Encoder().encode


def fetch(sql: str, params: Iterable[Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params))
        return cursor.fetchall()


def uuids(values: Sequence[UUID]) -> Sequence[UUID | str]:
    """As they are given to SQL and read back."""
    return values if connection.features.has_native_uuid_field else [value.hex for value in values]


def placeholders(count: int, width: int) -> str:
    """`(%s,%s),(%s,%s)`: for `VALUES`, or behind `IN`."""
    return ",".join(["(" + ",".join(["%s"] * width) + ")"] * count)


def lock_rows(of: str = "") -> str:
    """The end of a SELECT that locks its rows against changes, where the database knows that; `of` is an alias."""
    if not connection.features.has_select_for_update:
        return ""
    return " FOR NO KEY UPDATE" + (f" OF {of}" if of else "")


def insert_rows(
    model: type[Model], columns: Sequence[str], rows: Sequence[Sequence[Any]], returning: str = ""
) -> list[tuple]:
    """New rows; what `returning` names of each, in any order. Columns that are not given have to allow NULL."""
    if not rows:
        return []
    names = ", ".join(columns)
    into = f"INSERT INTO {model._meta.db_table} ({names})"
    back = f" RETURNING {returning}" if returning else ""
    if connection.vendor == "postgresql":
        sql = f"{into} SELECT {names} FROM {_recordset(model, tuple(columns))}{back}"
        params: list[Any] = [_as_json(columns, rows)]
    else:
        sql = f"{into} VALUES {placeholders(len(rows), len(columns))}{back}"
        params = [value for row in _for_sqlite(model, columns, rows) for value in row]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if returning else []


def update_rows(model: type[Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """The first column is the primary key. On PostgreSQL the rows have to be locked already: their order is its own."""
    if not rows:
        return
    key, *changed = columns
    table = model._meta.db_table
    if connection.vendor == "postgresql":
        changes = ", ".join(f"{name} = given.{name}" for name in changed)
        given = _recordset(model, tuple(columns))
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET {changes} FROM {given} WHERE {table}.{key} = given.{key}",
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
    return f"json_to_recordset(%s) AS given({', '.join(f'{name} {kind}' for name, kind in types.items())})"


def _as_json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return _json([dict(zip(columns, row, strict=True)) for row in rows]).decode()


# ── SQLite ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _for_sqlite(model: type[Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """As Django's fields store them: times and UUIDs as text, JSON encoded."""
    kinds = [_field(model, name).get_internal_type() for name in columns]
    adapted = [(at, _ADAPTED[kind]) for at, kind in enumerate(kinds) if kind in _ADAPTED]
    if not adapted:
        return list(rows)
    done: list[Sequence[Any]] = []
    for row in rows:
        values = list(row)
        for at, adapt in adapted:
            if values[at] is not None:
                values[at] = adapt(values[at])
        done.append(values)
    return done


@lru_cache(100)  # a batch has one time
def _time(value: datetime) -> str | None:
    return connection.ops.adapt_datetimefield_value(value)


_ADAPTED: dict[str, Callable[[Any], Any]] = {
    "DateTimeField": _time,
    "UUIDField": lambda value: value.hex,
    "JSONField": lambda value: _json(value).decode(),
}


def _field(model: type[Model], name: str) -> Field:
    field = model._meta.get_field(name)
    assert isinstance(field, Field), f"{name} is no column"
    return field
