"""Writes a backup: one archive with the database and all stored files, while people use the site."""

from __future__ import annotations

import io
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from chat.attachments.local_copies import copy_to_local
from chat.attachments.storage.base import get_upload_storage
from messenger.maintenance import archive as archives
from messenger.maintenance import postgres_programs, stored_files
from messenger.maintenance.archive import BackupError, Manifest


def write_backup(target: Path, show_progress: Callable[[int], None] = lambda count: None) -> Manifest:
    """Writes a backup to the new file `target`, and returns its manifest.

    The database is a snapshot of one moment, and is written first. Then the files are copied. A file that is deleted in
    between is left out. Until the archive is complete, it has the suffix `.partial`. Only the current user of the
    machine may read it. Calls `show_progress` with the number of files that are copied.
    """
    if target.exists():
        raise BackupError(f"{target} exists already.")
    partial = target.with_name(f"{target.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as output:
            # Temporary files are beside the archive: /tmp may be too small, or in memory.
            with (
                tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as scratch,
                tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive,
            ):
                manifest = _write_members(archive, Path(scratch), show_progress)
            output.flush()
            os.fsync(output.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def _write_members(archive: tarfile.TarFile, scratch: Path, show_progress: Callable[[int], None]) -> Manifest:
    migrations = archives.applied_migrations()
    created_at = timezone.now()
    snapshot = scratch / archives.DATABASE_MEMBERS[connection.vendor]
    _write_database(snapshot)
    archive.add(snapshot, snapshot.name)
    snapshot.unlink()
    for path in archives.data_files():
        archive.add(path, archives.DATA_PREFIX + path.name)
    count = 0
    for name in stored_files.list_names():
        if _add_file(archive, name, scratch):
            count += 1
            show_progress(count)
    manifest = Manifest(
        format=archives.FORMAT,
        version=archives.installed_version(),
        created_at=created_at.isoformat(timespec="seconds"),
        database=connection.vendor,
        migrations=migrations,
        file_count=count,
        key_fingerprint=archives.key_fingerprint(),
    )
    content = msgspec.json.format(msgspec.json.encode(manifest))
    member = tarfile.TarInfo(archives.MANIFEST)
    member.size, member.mtime, member.mode = len(content), created_at.timestamp(), 0o600
    archive.addfile(member, io.BytesIO(content))
    return manifest


def _write_database(target: Path) -> None:
    if connection.vendor == "postgresql":
        with target.open("wb") as output:
            postgres_programs.dump(output)
        return
    # The online backup of SQLite: with WAL, others read and write meanwhile.
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def _add_file(archive: tarfile.TarFile, name: str, scratch: Path) -> bool:
    """Adds a stored file to the archive, and returns whether it still existed."""
    try:
        path = get_upload_storage().local_path(name)
        if path is None:
            path = scratch / "file"
            copy_to_local(name, path)
        archive.add(path, archives.FILES_PREFIX + name)
    except Exception:
        if default_storage.exists(name):
            raise
        return False
    return True
