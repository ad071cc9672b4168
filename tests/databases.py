"""Databases for tests: pointing Django at another one for a while, and migrated templates to copy."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.conf import settings
from django.db import connections
from django.db.utils import ConnectionHandler

from tests.services import Databases
from tests.settings import RUN_DIR, SECRET

ROOT = Path(__file__).resolve().parent.parent


class _FollowingConnections(ConnectionHandler):
    """Every thread keeps its own connection; this one lets go of it when "default" has become another database."""

    def __getitem__(self, alias):
        connection = super().__getitem__(alias)
        if connection.settings_dict is not self.settings[alias]:
            connection.close()
            del self[alias]
            connection = super().__getitem__(alias)
        return connection


connections.__class__ = _FollowingConnections


def _as_settings(url: str) -> dict:
    """What messenger.settings would make of this DATABASE_URL, without the pool: a test's database ends with it."""
    database: dict[str, Any]
    if urlsplit(url).scheme.startswith("sqlite"):
        database = {**settings.DATABASES["default"], "NAME": Path(urlsplit(url).path)}
    else:
        database = dict(dj_database_url.parse(url, conn_max_age=None))
        lock_timeout = int(settings.LOCK_TIMEOUT * 1000)
        database.setdefault("OPTIONS", {})["options"] = f"-c statement_timeout=15000 -c lock_timeout={lock_timeout}"
    return ConnectionHandler({"default": database}).settings["default"]


@contextmanager
def using_database(url: str):
    """In all threads of this process, "default" is the database of `url` (`postgres://…` or `sqlite:///file`)."""
    own = connections["default"]  # kept as it is, perhaps inside a test's transaction
    before = connections.settings["default"]
    del connections["default"]
    connections.settings["default"] = _as_settings(url)
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = before
        connections["default"] = own


def run_manage(*arguments: str, **environment: str) -> str:
    """`manage.py …` of the shipped settings in a process of its own; what it printed. Raises where it fails."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=shipped_environment(**environment),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(f"manage.py {' '.join(arguments)} failed.\n{done.stdout}{done.stderr}")
    return done.stdout


def shipped_environment(**environment: str) -> dict[str, str]:
    """For processes that run what is shipped: `messenger.settings`, production's way, with limits off.

    And without its worker, which would be a second start of Django for each of them: `WORKER="on"` where it matters.
    """
    kept = {name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "DATA_DIR")}
    ours = {"DEBUG": "off", "SECRET_KEY": SECRET, "LIMITS": "off", "WORKER": "off", "PYTHONUNBUFFERED": "1"}
    return {**kept, **ours, **environment}


# ── Templates, each made once in a run ───────────────────────────────────────────────────────────────────────────
@functools.cache
def sqlite_template() -> Path:
    """A migrated SQLite file. The last connection's end has put everything into this one file."""
    folder = RUN_DIR / "template"
    run_manage("migrate", "--no-input", "--verbosity", "0", DATA_DIR=str(folder))
    return folder / "messenger.sqlite3"


@functools.cache
def postgres_template(server: Databases) -> str:
    """The name of a migrated PostgreSQL database."""
    url = server.create()
    run_manage("migrate", "--no-input", "--verbosity", "0", DATABASE_URL=url, DATA_DIR=str(RUN_DIR / "data"))
    return urlsplit(url).path.lstrip("/")


@functools.cache
def collected_static() -> Path:
    """What `collectstatic` makes: servers of production serve nothing else.

    It takes as long as many tests together, so it is kept from run to run while neither its sources nor the packages
    change. One folder is kept, whole or not there: it is made aside and then given its name.
    """
    sources = [path for path in (ROOT / "static").rglob("*") if path.is_file()]
    sources += [*(ROOT / "messenger" / "assets").glob("*.py"), ROOT / "requirements.lock"]
    state = repr(sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sources))
    kept = (
        Path(tempfile.gettempdir()) / f"messenger-static-{hashlib.blake2b(state.encode(), digest_size=12).hexdigest()}"
    )
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a run beside this one, or its other half, need not do it too
        if not kept.is_dir():
            made = RUN_DIR / "collected"
            run_manage("collectstatic", "--no-input", "--verbosity", "0", DATA_DIR=str(made))
            for old in kept.parent.glob("messenger-static-*"):
                if old.stat().st_mtime < time.time() - 3600:  # younger ones may be in use
                    shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
            shutil.move(made, kept)
    return kept / "static"


def copy_sqlite_template(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(sqlite_template(), folder / "messenger.sqlite3")
