"""Restores a backup into the site: its database and its stored files."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, cast

from django.conf import settings
from django.core.cache import caches
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection

from accounts.models import User
from chat import actions
from chat.models import Upload
from messenger.maintenance import archive as archives
from messenger.maintenance import postgres_programs, stored_files
from messenger.maintenance.archive import BackupError, Manifest


def restore_backup(
    path: Path, *, replace: bool = False, show_progress: Callable[[int], None] = lambda count: None
) -> Manifest:
    """Restores the backup at `path`, upgrades the database to this version, and returns the manifest of the backup.

    The files are written first, then the database in one transaction. So if it fails, the site still has its old
    database. Raises BackupError if the site has users or files, unless `replace` is true. Then everything that is not
    in the backup is deleted. Calls `show_progress` with the number of files that are written.
    """
    try:
        archive = tarfile.open(path, "r:")  # noqa: SIM115 (closed below)
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"{path} cannot be read: {error}") from None
    with archive:
        manifest = archives.read_manifest(archive)
        raise_if_not_restorable(manifest, replace)
        names = set()
        for name, content in _members(archive, archives.FILES_PREFIX):
            _write_file(name, content)
            names.add(name)
            show_progress(len(names))
        if len(names) != manifest.file_count:
            raise BackupError(f"The archive has {len(names)} of {manifest.file_count} files. Use another backup.")
        for name, content in _members(archive, archives.DATA_PREFIX):
            _write_data_file(name, content)
        _restore_database(archive, manifest)
    connection.close()
    call_command("migrate", interactive=False, verbosity=0)
    # Their received bytes are not in the backup. Clients get 404 and begin again.
    Upload.objects.filter(attachment=None).delete()
    for name in list(stored_files.list_names()):
        if name not in names:
            default_storage.delete(name)
    actions.renew_epoch()  # clients that were open read everything afresh
    _clear_caches()
    return manifest


def raise_if_not_restorable(manifest: Manifest, replace: bool) -> None:
    """Raises BackupError if the backup does not fit this version, this database or the contents of this site."""
    if manifest.database != connection.vendor:
        kinds = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
        advice = (
            " Restore it on SQLite, then move to PostgreSQL: docs/running.md." if manifest.database == "sqlite" else ""
        )
        raise BackupError(
            f"The backup is of {kinds.get(manifest.database, manifest.database)}, and DATABASE_URL is"
            f" {kinds.get(connection.vendor)}.{advice}"
        )
    if unknown := archives.unknown_migrations(manifest.migrations):
        raise BackupError(
            f"The backup is of the newer version {manifest.version} (migration {unknown[-1]}). Install that version."
        )
    if not replace and (reason := find_contents()):
        raise BackupError(f"This site is not empty: {reason}. With --replace, everything that it has now is deleted.")


def find_contents() -> str:
    """Returns what the site contains, such as "it has 3 users", or "" if it is empty."""
    if User._meta.db_table in connection.introspection.table_names() and (count := User.objects.count()):
        return f"it has {count} user{'s' if count > 1 else ''}"
    return "it has files" if stored_files.has_files() else ""


def _clear_caches() -> None:
    """Empties Redis, whose sessions and cached values are those of the old database."""
    try:
        for cache in caches.all():
            cache.clear()
    except Exception as error:  # each backend raises its own
        raise BackupError(
            f"The backup is restored, but Redis could not be emptied: {error}. Run: redis-cli -u REDIS_URL FLUSHDB"
        ) from error


@contextmanager
def _extracted(archive: tarfile.TarFile, name: str) -> Iterator[Path]:
    """Context manager that copies a member of the archive to a temporary file in DATA_DIR."""
    try:
        member = archive.extractfile(name)
    except KeyError:
        member = None
    if member is None:
        raise BackupError(f"The archive has no {name}. Use another backup.")
    settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=settings.DATA_DIR, prefix=".restore-") as copy:
        with member:
            shutil.copyfileobj(member, copy, 1024 * 1024)
        copy.flush()
        yield Path(copy.name)


def _members(archive: tarfile.TarFile, prefix: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Yields name and content of all files of the archive below a prefix."""
    for member in archive:
        if member.isreg() and member.name.startswith(prefix):
            content = archive.extractfile(member)
            assert content
            yield member.name.removeprefix(prefix), content


def _write_file(name: str, content: IO[bytes]) -> None:
    """Writes a stored file. The storage itself refuses names that lead outside of its folder."""
    if default_storage.exists(name):
        default_storage.delete(name)
    stored = default_storage.save(name, File(content, name))
    if stored != name:
        raise BackupError(f"The file {name} could not be stored under its name. Is the server still running?")


def _write_data_file(name: str, content: IO[bytes]) -> None:
    if name not in archives.DATA_FILES:
        raise BackupError(f"The archive contains an unknown file, {archives.DATA_PREFIX}{name}.")
    path = settings.DATA_DIR / name
    path.touch(mode=0o600)
    path.write_bytes(content.read())


# ── Database ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _restore_database(archive: tarfile.TarFile, manifest: Manifest) -> None:
    with _extracted(archive, archives.DATABASE_MEMBERS[manifest.database]) as copy:
        if manifest.database == "postgresql":
            _restore_postgresql(copy)
        else:
            _restore_sqlite(copy)


def _restore_sqlite(copy: Path) -> None:
    """Replaces the contents of the database file in one transaction, so that processes that have it open see them."""
    connection.close()
    with closing(sqlite3.connect(copy)) as source:
        try:
            problem = source.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            problem = str(error)
        if problem != "ok":
            raise BackupError(f"The database in the archive is damaged: {problem}. Use another backup.")
        deadline = time.monotonic() + settings.LOCK_TIMEOUT

        def stop_waiting(status: int, _remaining: int, _total: int) -> None:
            # Python itself would wait for ever.
            if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
                raise BackupError("The database is in use. Stop the server and the worker first.")

        with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=settings.LOCK_TIMEOUT)) as target:
            source.backup(target, progress=stop_waiting)


def _restore_postgresql(copy: Path) -> None:
    """Replaces all tables in one transaction: psql drops them and executes what pg_restore prints."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    connection.close()
    psql = postgres_programs.start(
        *("psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"),
        stdin=-1,
    )
    stdin = cast("IO[bytes]", psql.stdin)
    try:
        # Waiting longer would mean that a server still uses the tables.
        stdin.write(f"SET lock_timeout = {int(settings.LOCK_TIMEOUT * 1000)};\n".encode())
        for table in tables:
            stdin.write(f"DROP TABLE {connection.ops.quote_name(table)} CASCADE;\n".encode())
        stdin.flush()
        restore = postgres_programs.start(
            *("pg_restore", "--no-owner", "--no-privileges", "--file=-", str(copy)), stdout=stdin
        )
        postgres_programs.finish(restore)
    except (BrokenPipeError, BackupError):
        try:
            psql.wait(5)  # if psql has ended first, its message says why
        except subprocess.TimeoutExpired:
            psql.kill()  # otherwise it would commit the part that it has received
            psql.wait()
            raise
    try:
        postgres_programs.finish(psql)
    except BackupError as error:
        if "lock timeout" in str(error):
            raise BackupError("The database is in use. Stop the server and the worker first.") from None
        raise
