"""`manage.py import_sqlite`: copies all data of a site on SQLite into the PostgreSQL database of DATABASE_URL."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from messenger.maintenance.archive import BackupError
from messenger.maintenance.import_sqlite import import_sqlite


class Command(BaseCommand):
    help = "Copies all data of a SQLite database into the empty PostgreSQL database of DATABASE_URL."

    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, help="the SQLite database, such as var/messenger.sqlite3")

    def handle(self, *, file: Path, **options):
        try:
            rows = import_sqlite(file, lambda table, rows: self.stdout.write(f"{rows:>10} {table}"))
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{rows:>10} rows in all, the same numbers in both databases. The search index is complete.")
