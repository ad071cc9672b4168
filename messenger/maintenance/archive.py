"""The format of a backup: one tar archive.

| member | contents |
| --- | --- |
| `database.sqlite3` or `database.dump` | a complete SQLite database, or a dump of `pg_dump` in its custom format |
| `files/…` | the stored files, under their names in the storage |
| `data/…` | small files of DATA_DIR that the site cannot create again: DATA_FILES |
| `manifest.json` | the Manifest; last, so an archive without it is incomplete |

SECRET_KEY is not in the archive, because it would make a stolen archive worth more. The manifest has its
fingerprint.
"""

from __future__ import annotations

import tarfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils.crypto import salted_hmac

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE_MEMBERS = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
FILES_PREFIX, DATA_PREFIX = "files/", "data/"
DATA_FILES = ("vapid_private_key",)


class BackupError(Exception):
    """A backup or restore that cannot be done. The message is for the operator and says what to do."""


class Manifest(msgspec.Struct):
    """Describes a backup."""

    format: int
    version: str  # of the messenger that wrote it
    created_at: str
    database: str  # "sqlite" or "postgresql"
    migrations: list[str]  # those applied in the database, as `app.name`
    file_count: int
    key_fingerprint: str


def read_manifest(archive: tarfile.TarFile) -> Manifest:
    """Returns the manifest of an archive. Raises BackupError if the archive is incomplete or of another format."""
    try:
        member = archive.extractfile(MANIFEST)
        assert member
        manifest = msgspec.json.decode(member.read(), type=Manifest)
    except (KeyError, tarfile.TarError, msgspec.MsgspecError):
        raise BackupError("The archive is incomplete, or not a backup of the messenger. Use another backup.") from None
    if manifest.format != FORMAT:
        raise BackupError(f"The archive has format {manifest.format}; this version reads format {FORMAT}.")
    return manifest


def installed_version() -> str:
    """Returns the version of the installed package, or "unknown" in a clone."""
    try:
        return version("messenger")
    except PackageNotFoundError:
        return "unknown"


def key_fingerprint() -> str:
    """Returns a text that is the same for the same SECRET_KEY, and from which the key cannot be computed."""
    return salted_hmac("messenger.maintenance.archive", "fingerprint", algorithm="sha256").hexdigest()[:32]


def applied_migrations() -> list[str]:
    """Returns the migrations that are applied in the database, as `app.name`."""
    return sorted(".".join(key) for key in MigrationLoader(connection).applied_migrations)


def unknown_migrations(applied: list[str]) -> list[str]:
    """Returns those of the applied migrations that this version of the code does not have."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    known = {".".join(key) for key in loader.disk_migrations}
    known |= {".".join(key) for migration in loader.disk_migrations.values() for key in migration.replaces}
    apps = {key[0] for key in loader.disk_migrations}
    return [name for name in applied if name not in known and name.partition(".")[0] in apps]


def data_files() -> list[Path]:
    return [path for name in DATA_FILES if (path := settings.DATA_DIR / name).is_file()]
