"""Helpers for tests: switch Django to another database, copy a migrated database, run management commands."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.conf import settings
from django.db import connections, transaction
from django.db.utils import ConnectionHandler

from messenger.assets.bundles import DESCRIPTION, find_bundler
from tests.fork_server import Child, get_fork_server
from tests.services import PostgresDatabases, create_postgres_server
from tests.settings import RUN_DIR, SECRET, SHARED_DIR

ROOT = Path(__file__).resolve().parent.parent
MIGRATED = "messenger_migrated"  # the name of the database in `postgres_cluster`


class _FollowingConnections(ConnectionHandler):
    """Keeps one database connection for each thread, like Django's connection handler, but follows changed settings.

    If a test has replaced the database settings, each thread closes its old connection and connects to the new
    database.
    """

    def __getitem__(self, alias):
        connection = super().__getitem__(alias)
        if connection.settings_dict is not self.settings[alias]:
            connection.close()
            del self[alias]
            connection = super().__getitem__(alias)
        return connection


connections.__class__ = _FollowingConnections


def _database_settings(url: str) -> dict:
    """Returns the database settings for this DATABASE_URL, as messenger.settings would, but without a connection pool.

    A pool would keep connections open to a database that is dropped after the test.
    """
    database: dict[str, Any]
    if urlsplit(url).scheme.startswith("sqlite"):
        database = {**settings.DATABASES["default"], "NAME": Path(urlsplit(url).path)}
    else:
        database = dict(dj_database_url.parse(url, conn_max_age=None))
        database.setdefault("OPTIONS", {})["options"] = settings.POSTGRES_OPTIONS
    return ConnectionHandler({"default": database}).settings["default"]


@contextmanager
def using_database(url: str):
    """Context manager that makes `url` the database "default" in all threads of this process.

    `url` is `postgres://…` or `sqlite:///file`.
    """
    own = connections["default"]  # kept open, because a test may be inside a transaction on this connection
    before = connections.settings["default"]
    del connections["default"]
    connections.settings["default"] = _database_settings(url)
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = before
        connections["default"] = own


@contextmanager
def rolled_back():
    """Context manager that undoes, at its end, all changes made to the database inside it."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


def run_manage(*arguments: str, **environment: str) -> str:
    """Runs `manage.py` in a process of its own with production settings and returns its standard output.

    Raises RuntimeError if the command fails.
    """
    return run_manage_with_errors(*arguments, **environment)[0]


def run_manage_with_errors(*arguments: str, **environment: str) -> tuple[str, str]:
    """Runs `manage.py` like `run_manage`. Returns what it has written to standard output and to standard error."""
    with tempfile.TemporaryDirectory(dir=RUN_DIR) as folder:
        log, error_log = Path(folder, "output"), Path(folder, "errors")
        process = start_manage(*arguments, log=log, error_log=error_log, **environment)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        output, errors = (path.read_text(encoding="utf-8") for path in (log, error_log))
    if process.returncode:
        raise RuntimeError(f"manage.py {' '.join(arguments)} failed.\n{output}{errors}")
    return output, errors


def start_manage(
    *arguments: str, log: Path, error_log: Path | None = None, **environment: str
) -> subprocess.Popen[bytes] | Child:
    """Starts `manage.py` with production settings, from the fork server where there is one (see fork_server.py)."""
    variables = production_environment(**environment)
    if fork_server := get_fork_server():
        return fork_server.start(
            "manage",
            *arguments,
            **{"log": log, "error_log": error_log, "environment": variables, "ordinary": ORDINARY_ENVIRONMENT},
        )
    with log.open("ab") as output, (error_log or log).open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            **{"cwd": ROOT, "env": variables, "start_new_session": True},
            **{"stdin": subprocess.DEVNULL, "stdout": output, "stderr": errors},
        )


def production_environment(**environment: str) -> dict[str, str]:
    """Returns the environment variables of a process with production settings, but with rate limits off.

    The worker (process for background tasks) is off too, since it would start Django a second time. Tests that need the
    worker pass `WORKER="on"`.
    """
    kept = {name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "DATA_DIR")}
    defaults = {"DEBUG": "off", "SECRET_KEY": SECRET, "LIMITS": "off", "WORKER": "off", "PYTHONUNBUFFERED": "1"}
    return {**kept, **defaults, **environment}


# The environment variables of a process that needs nothing special.
ORDINARY_ENVIRONMENT = production_environment(DATA_DIR=str(RUN_DIR / "data"))


# ── Databases and static files that are created once per run ────────────────────────────────────────────────────────
def create_once(name: str, create: Callable[[Path], object]) -> Path:
    """Returns the path of a file or folder that `create(path)` writes: once per test run, for all workers.

    It is written under another name and then renamed, so that no worker uses it before it is complete.
    """
    path, incomplete = SHARED_DIR / name, SHARED_DIR / f"{name}.incomplete"
    with (SHARED_DIR / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            create(incomplete)
            incomplete.rename(path)
    return path


@functools.cache
def sqlite_template() -> Path:
    """Returns the path of a SQLite database in which all migrations have run. Tests copy this file.

    The file contains all data: SQLite moved the write-ahead log (WAL) into it when `migrate` closed its connection.
    """

    def migrate(folder: Path) -> None:
        run_manage("migrate", "--no-input", "--verbosity", "0", DATA_DIR=str(folder))

    return create_once("template", migrate) / "messenger.sqlite3"


@functools.cache
def postgres_template(server: PostgresDatabases) -> str:
    """Returns the name of a database on this PostgreSQL server in which all migrations have run. Tests copy it."""
    with server.connection() as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [MIGRATED]).fetchone():
            return MIGRATED  # the server began with a copy of `postgres_cluster`
    return _create_migrated_database(server)


def _create_migrated_database(server: PostgresDatabases, name: str = "") -> str:
    url = server.create(name=name)
    run_manage("migrate", "--no-input", "--verbosity", "0", DATABASE_URL=url, DATA_DIR=str(RUN_DIR / "data"))
    return urlsplit(url).path.lstrip("/")


@functools.cache
def postgres_cluster() -> Path:
    """Returns the data folder of a stopped PostgreSQL server with the migrated database MIGRATED.

    The servers of all workers begin with a copy of it: `initdb` and the migrations run once for all of them.
    """

    def create(path: Path) -> None:
        folder = Path(tempfile.mkdtemp(prefix="messenger-cluster-"))
        folder.chmod(0o755)  # PostgreSQL may run as another user, who must be able to open this folder
        with create_postgres_server(folder) as server:
            _create_migrated_database(server, MIGRATED)
        shutil.move(server.data, path)
        shutil.rmtree(folder)

    return create_once("cluster", create)


def _static_folder() -> Path:
    """Returns where the static files of the present source files, packages and bundler are kept, or will be."""
    assets = ROOT / "messenger" / "assets"
    sources = [path for folder in ("static", "templates") for path in (ROOT / folder).rglob("*") if path.is_file()]
    sources += [path for path in assets.rglob("*") if path.suffix in {".py", ".js", ".json"}]
    sources += [ROOT / "requirements.lock", ROOT / "package-lock.json"]
    files = sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sources)
    state = repr((files, find_bundler()))
    return (
        Path(tempfile.gettempdir()) / f"messenger-static-{hashlib.blake2b(state.encode(), digest_size=12).hexdigest()}"
    )


@functools.cache
def collected_static() -> Path:
    """Returns the folder of static files that the command `collectstatic` has written.

    `collectstatic` is slow, so other test runs use the same folder until source files or packages change. A new folder
    is written under a temporary name and then renamed, so that no test run sees an incomplete folder.
    """
    kept = _static_folder()
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel runs and workers wait here and then use the same folder
        if not kept.is_dir():
            made = RUN_DIR / "collected"
            run_manage("collectstatic", "--no-input", "--verbosity", "0", DATA_DIR=str(made))
            for old in kept.parent.glob("messenger-static-*"):
                if old.stat().st_mtime < time.time() - 3600:  # other runs may still use younger folders
                    shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
            shutil.move(made, kept)
    return kept / "static"


def describe_bundles(folder: Path) -> dict[str, dict[str, Any]]:
    """Returns the imports and modules of each bundle among these collected static files: none without the bundler."""
    collected = json.loads((folder / "staticfiles.json").read_text())["paths"]
    return json.loads((folder / collected[DESCRIPTION]).read_text())["bundles"] if DESCRIPTION in collected else {}


def describe_scripts() -> str:
    """Returns a line for the end of the test report: whether servers of this run served bundled scripts."""
    folder = _static_folder() / "static"
    if not folder.is_dir():
        return "Scripts: none collected."
    count = len(describe_bundles(folder))
    return f"Scripts: {count} bundles." if count else "Scripts: not bundled, because the bundler is missing (npm ci)."


def copy_sqlite_template(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(sqlite_template(), folder / "messenger.sqlite3")


def copy_database(source: Path, target: Path) -> None:
    """Makes the SQLite database `target`, which servers may have open, equal to `source`."""
    with (
        contextlib.closing(sqlite3.connect(source)) as original,
        contextlib.closing(sqlite3.connect(target, timeout=20)) as copy,
    ):
        original.backup(copy)


def restore_sqlite_template(file: Path) -> None:
    """Empties this database, which servers may have open: it becomes as after all migrations.

    Only new rows get higher ids than all that were there before, so that nothing that a server remembers fits them.
    """
    with (
        contextlib.closing(sqlite3.connect(sqlite_template())) as template,
        contextlib.closing(sqlite3.connect(file, timeout=20)) as database,
    ):
        last_ids = database.execute("SELECT seq, name FROM sqlite_sequence").fetchall()
        template.backup(database)
        with database:
            for last_id, table in last_ids:
                if not database.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (last_id, table)).rowcount:
                    database.execute("INSERT INTO sqlite_sequence (seq, name) VALUES (?, ?)", (last_id, table))


if __name__ == "__main__":
    # `python -m tests.databases` collects the static files in advance: all workers of a test run would wait for them.
    collected_static()
