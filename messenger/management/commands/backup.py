"""`manage.py backup`: writes database and files into one archive, while people use the site."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from messenger.maintenance.archive import BackupError
from messenger.maintenance.backup import write_backup


class Command(BaseCommand):
    help = "Writes database and files into one archive, while people use the site. Keep SECRET_KEY with it."

    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "file",
            nargs="?",
            type=Path,
            help="the new archive, or the folder for it (default: this folder)",
        )

    def handle(self, *, file: Path | None, **options):
        target = file or Path.cwd()
        if target.is_dir():
            target /= f"messenger-{timezone.now():%Y-%m-%dT%H%M%SZ}.tar"
        try:
            manifest = write_backup(target)
        except (BackupError, OSError, sqlite3.Error) as error:
            raise CommandError(str(error)) from error
        size = target.stat().st_size / 1024**2
        files = f"{manifest.file_count} file{'' if manifest.file_count == 1 else 's'}"
        self.stdout.write(f"{target}: the database and {files}, {size:.1f} MB. SECRET_KEY is not in it; keep it too.")
