"""Database work from the event loop and from threads."""

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
_one_writer = threading.RLock()


@contextmanager
def write_transaction() -> Iterator[None]:
    """A transaction that changes rows.

    SQLite has one writer at a time and waits by polling; inside a process our own lock is fairer and quicker.
    A database that is away or too busy is `unavailable`: nothing was stored, the command may be given again.
    """
    try:
        if connection.vendor == "sqlite":
            with _one_writer, transaction.atomic():
                yield
        else:
            with transaction.atomic():
                yield
    except (OperationalError, InterfaceError) as error:
        log.warning("The database did not answer: %s", str(error).splitlines()[0] if str(error) else error)
        if not connection.in_atomic_block:
            connection.close()
        raise unavailable() from error


def with_own_connection(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in this thread and leave no stale connection behind."""
    close_old_connections()
    try:
        return work(*args, **kwargs)
    except (OperationalError, InterfaceError) as error:
        connection.close()
        raise unavailable() from error
    finally:
        close_old_connections()


async def run_in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run synchronous database work in one of a few threads that keep their connections."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, lambda: with_own_connection(work, *args, **kwargs))
