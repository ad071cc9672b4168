"""Copies all data of a site on SQLite into an empty PostgreSQL database."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, connections, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models.sql import InsertQuery

from accounts.models import User
from chat.models import SearchEntry
from messenger.checks import SQLITE
from messenger.maintenance import archive as archives
from messenger.maintenance.archive import BackupError

SOURCE = "sqlite_source"  # the alias of the SQLite database, beside "default"
BATCH_ROWS = 1000
# Tables that are not copied: migrations are applied, and the search index is built again.
NOT_COPIED = {"django_migrations", SearchEntry._meta.db_table}


def import_sqlite(path: Path, show_progress: Callable[[str, int], None] = lambda table, rows: None) -> int:
    """Copies all rows of the SQLite database at `path` into the database of the site, and returns their number.

    Ids stay the same, so links, sign-ins and files stay valid. All rows are copied in one transaction, and compared by
    their number. Then the search index is built. Calls `show_progress` with the name of each table and its number of
    rows. Raises BackupError if the two databases do not fit, or if the target has users.
    """
    if connection.vendor != "postgresql":
        raise BackupError("DATABASE_URL is not the new PostgreSQL database. Set it to postgres://…")
    if not path.is_file():
        raise BackupError(f"There is no file {path}.")
    call_command("migrate", interactive=False, verbosity=0)
    if count := User.objects.count():
        raise BackupError(f"The PostgreSQL database is not empty: it has {count} users.")
    with _source(path):
        _raise_if_not_migrated()
        rows = _copy_all(show_progress)
    call_command("rebuild_search", verbosity=0, stdout=io.StringIO())
    return rows


@contextmanager
def _source(path: Path) -> Iterator[None]:
    """Context manager that opens the SQLite database as the connection SOURCE, and reads it as of one moment."""
    # Not opened as read-only: the write-ahead log of a server that was killed may have to be recovered first.
    connections.settings[SOURCE] = {
        **connections.settings["default"],
        **{"ENGINE": SQLITE, "NAME": str(path), "OPTIONS": {"timeout": 10}, "CONN_MAX_AGE": 0},
    }
    try:
        with transaction.atomic(using=SOURCE):
            yield
    finally:
        connections[SOURCE].close()
        del connections[SOURCE]
        del connections.settings[SOURCE]


def _raise_if_not_migrated() -> None:
    executor = MigrationExecutor(connections[SOURCE])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise BackupError(
            "The SQLite database is of an older version. Upgrade it first: run `migrate` with DATABASE_URL unset."
        )
    if unknown := archives.unknown_migrations([".".join(key) for key in executor.loader.applied_migrations]):
        raise BackupError(f"The SQLite database is of a newer version (migration {unknown[-1]}). Install that version.")


def _copy_all(show_progress: Callable[[str, int], None]) -> int:
    tables = _copied_models()
    total = 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")  # the foreign keys of all rows are checked at the end
            # Rows that `migrate` has created, such as permissions, are replaced by those of the source.
            names = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in tables)
            cursor.execute(f"TRUNCATE {names}")
        for model in tables:
            rows = _copy_table(model)
            show_progress(model._meta.db_table, rows)
            total += rows
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), tables):
                cursor.execute(statement)
    return total


def _copied_models() -> list[type[models.Model]]:
    """Returns the models of all tables. Raises BackupError if there is a table without a model."""
    found = {
        model._meta.db_table: model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.db_table not in NOT_COPIED
    }
    if missing := set(connection.introspection.table_names()) - set(found) - NOT_COPIED:
        raise BackupError(f"These tables have no model and would be lost: {', '.join(sorted(missing))}.")
    return list(found.values())


def _copy_table(model: type[models.Model]) -> int:
    """Copies all rows of a table, and returns their number. Raises BackupError if the source has
    another number.
    """
    fields = [field for field in model._meta.concrete_fields if not getattr(field, "generated", False)]
    source = model._base_manager.using(SOURCE).order_by("pk")
    waiting = source.iterator(chunk_size=BATCH_ROWS)
    while rows := list(islice(waiting, BATCH_ROWS)):
        query = InsertQuery(model)
        # `raw` keeps the values as they are; otherwise fields such as `auto_now_add` would change them.
        query.insert_values(fields, rows, raw=True)
        query.get_compiler("default").execute_sql()
    expected, copied = source.count(), model._base_manager.count()
    if copied != expected:
        raise BackupError(f"{model._meta.db_table}: {copied} of {expected} rows were copied. Nothing was changed.")
    return copied
