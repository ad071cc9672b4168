"""Write transactions, and database work in threads and from the event loop."""

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
    """A transaction that changes rows. Every write uses it.

    SQLite allows one writer at a time and waits for it by polling. Within a process, a lock is fairer and faster.
    If the database is down or too busy, it raises `unavailable`: nothing was stored, and the caller may try again.
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
    """Lets one transaction at a time continue behind this call, in all processes. `number` names the lock.

    For rules about many rows, such as a sum that must not be exceeded. SQLite has one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def with_own_connection(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `work` in the current thread and close stale connections before and after it, as Django does for requests.

    If the database is down, it raises `unavailable`.
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
    """Call `work` in one of a few database threads, which keep their connections."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, lambda: with_own_connection(work, *args, **kwargs))
