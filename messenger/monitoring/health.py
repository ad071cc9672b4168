"""Checks whether this process can serve users: database, migrations, Redis and the storage of files."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable

import redis
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection

from messenger.core import database
from messenger.startup import find_missing_migrations

CHECK_SECONDS = 3.0  # a check that takes longer has failed
KEEP_SECONDS = 2.0  # a result is used again so long, so that requests cost little
MIN_FREE_BYTES = 64 * 1024 * 1024
OK = "ok"
# Without these, nothing can be stored. Without the others the site works, with less: see docs/running.md.
REQUIRED = ("database", "migrations")

_threads = database.ThreadPool("health", 4)
_last: tuple[float, dict[str, str]] = (0.0, {})


async def check_services() -> dict[str, str]:
    """Returns for each service `ok`, or in a few words what is wrong."""
    global _last
    checked_at, results = _last
    if results and time.monotonic() - checked_at < KEEP_SECONDS:
        return results
    checks = {"database": _check_database, "migrations": _check_migrations, "storage": _check_storage}
    if settings.REDIS_URL:
        checks["redis"] = _check_redis
    outcomes = await asyncio.gather(*(_run(check) for check in checks.values()))
    results = dict(zip(checks, outcomes, strict=True))
    _last = time.monotonic(), results
    return results


def is_ready(results: dict[str, str]) -> bool:
    return all(results[name] == OK for name in REQUIRED)


async def _run(check: Callable[[], str]) -> str:
    try:
        return await asyncio.wait_for(_threads.run(check), CHECK_SECONDS)
    except TimeoutError:
        return f"no answer in {CHECK_SECONDS:.0f} s"
    except Exception as error:
        return f"unavailable ({type(error).__name__})"


def _check_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


def _check_migrations() -> str:
    return next(find_missing_migrations(), OK)


def _check_redis() -> str:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
        client.ping()
    return OK


def _check_storage() -> str:
    if settings.STORAGE_URL:
        default_storage.exists("health")  # one HEAD request
        return OK
    folder = settings.DATA_DIR / "media"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        return "the folder of files is not writable"
    return OK if shutil.disk_usage(folder).free > MIN_FREE_BYTES else "the disk is full"
