"""`manage.py restore`: restores an archive that `manage.py backup` wrote."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from messenger.maintenance.archive import BackupError, key_fingerprint
from messenger.maintenance.restore import restore_backup


class Command(BaseCommand):
    help = "Restores database and files from an archive of `backup`, and upgrades the database. Stop the server first."

    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, help="the archive")
        parser.add_argument("--replace", action="store_true", help="delete everything that the site has now")

    def handle(self, *, file: Path, replace: bool, **options):
        try:
            manifest = restore_backup(file, replace=replace)
        except (BackupError, OSError, sqlite3.Error) as error:
            raise CommandError(str(error)) from error
        files = f"{manifest.file_count} file{'' if manifest.file_count == 1 else 's'}"
        self.stdout.write(
            f"Restored the database and {files} as of {manifest.created_at}. Start the server and the worker."
        )
        if manifest.key_fingerprint != key_fingerprint():
            self.stderr.write(
                "SECRET_KEY is not that of the backup: everybody has to sign in again, and second factors do not work."
                " Set the old SECRET_KEY."
            )
