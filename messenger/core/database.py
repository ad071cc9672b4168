"""Opens write transactions, takes locks, and runs database work in threads.

Callers in the event loop can use the threads too.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction

from messenger.core.errors import unavailable

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)

_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="database")
_sqlite_write_lock = threading.RLock()


@contextmanager
def write_transaction() -> Iterator[None]:
    """Opens a transaction for code that changes rows. All writing code uses this function instead of `atomic()`.

    Raises `unavailable` if the database is down or too busy. Then nothing was stored, and the caller may try again.

    With SQLite, only one transaction can write at a time. So the threads of this process also wait for a common lock,
    which is fairer and faster than SQLite's own polling.
    """
    try:
        if connection.vendor == "sqlite":
            with _sqlite_write_lock, transaction.atomic():
                yield
        else:
            with transaction.atomic():
                yield
    except (OperationalError, InterfaceError) as error:
        log.warning("The database did not answer: %s", str(error).splitlines()[0] if str(error) else error)
        if not connection.in_atomic_block:
            connection.close()
        raise unavailable() from error


def lock_until_commit(number: int) -> None:
    """Takes the PostgreSQL advisory lock with this number until the current transaction ends. Other processes wait.

    Used to check rules about many rows, such as a sum that must not be exceeded. Does nothing with SQLite, where only
    one transaction writes at a time.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def with_own_connection(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `work` in the current thread and returns its result. `work` may use the database.

    Before and after the call, closes database connections of this thread that are too old or broken, as Django does for
    requests. Raises `unavailable` if the database is down.
    """
    close_old_connections()
    try:
        return work(*args, **kwargs)
    except (OperationalError, InterfaceError) as error:
        connection.close()
        raise unavailable() from error
    finally:
        close_old_connections()


async def run_in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `work` in one of a few database threads and returns its result.

    Each of these threads keeps its database connection open. Raises `unavailable` if the database is down.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, lambda: with_own_connection(work, *args, **kwargs))
