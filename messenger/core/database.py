"""Opens write transactions, takes locks, and runs database work in threads.

Callers in the event loop can use the threads too. Each kind of work has threads of its own (`ThreadPool`), so that one
locked conversation or slow query delays no other kind.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    close_old_connections,
    connection,
    transaction,
)

from messenger.core.errors import ApplicationError, internal, unavailable
from messenger.core.metrics import metrics

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)

FIRST_LOCK_WAIT = 0.03  # seconds that the first attempt of a change waits for locked rows
_sqlite_write_lock = threading.RLock()
_lock_wait: ContextVar[float] = ContextVar("lock_wait", default=0.0)  # seconds; 0: settings.LOCK_TIMEOUT
_MISSING_SCHEMA = re.compile(r"no such (table|column)|has no column named")  # SQLite: an OperationalError like others


class RowsLocked(ApplicationError):
    """Raised inside `brief_lock_wait` if rows stayed locked. Nothing was stored. To clients it is `unavailable`."""


@contextmanager
def brief_lock_wait(seconds: float) -> Iterator[None]:
    """Context manager in which `write_transaction` waits only so long for rows that another transaction has locked.

    Then it raises `RowsLocked`. Has no effect with SQLite, which locks no single rows.
    """
    token = _lock_wait.set(seconds)
    try:
        yield
    finally:
        _lock_wait.reset(token)


@contextmanager
def write_transaction() -> Iterator[None]:
    """Opens a transaction for code that changes rows. All writing code uses this function instead of `atomic()`.

    Raises `unavailable` if the database is down or too busy. Then nothing was stored, and the caller may try again.

    With SQLite, only one transaction can write at a time. So the threads of this process also wait for a common lock,
    which is fairer and faster than SQLite's own polling.
    """
    try:
        if connection.vendor == "sqlite":
            if not _sqlite_write_lock.acquire(timeout=settings.LOCK_TIMEOUT):
                raise unavailable()
            try:
                with transaction.atomic():
                    yield
            finally:
                _sqlite_write_lock.release()
        else:
            with transaction.atomic():
                if wait := _lock_wait.get():
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{int(wait * 1000)}ms"])
                yield
    except (OperationalError, InterfaceError) as error:
        if _lock_wait.get() and type(error.__cause__).__name__ == "LockNotAvailable":
            raise RowsLocked("unavailable", retry_after=1) from error
        if not connection.in_atomic_block:
            connection.close()
        raise to_application_error(error) from error


def to_application_error(error: DatabaseError | InterfaceError) -> ApplicationError:
    """Returns the error that clients receive for an error of the database, and logs it in one line.

    The error is `unavailable`, which asks them to try again. If a table or column is missing, it is `internal`: the
    code is newer than the database, and trying again cannot help before somebody runs `manage.py migrate`.
    """
    text = str(error).partition("\n")[0]
    if is_schema_error(error):
        log.error("The database does not fit this version: %s. Run: manage.py migrate", text)
        return internal()
    log.warning("The database did not answer: %s", text or type(error).__name__)
    return unavailable()


def is_schema_error(error: BaseException) -> bool:
    """Returns whether a table or column is missing: migrations have not run."""
    if isinstance(error, ProgrammingError):
        return type(error.__cause__).__name__ in {"UndefinedTable", "UndefinedColumn"}
    return isinstance(error, OperationalError) and bool(_MISSING_SCHEMA.search(str(error)))


@contextmanager
def pipeline() -> Iterator[Callable[[], object]]:
    """Context manager in which PostgreSQL gets statements without waiting for the results of those before.

    Only fetching rows waits, and the end of the block. So statements that return no rows cost no round trip of their
    own. The block must be inside a transaction: an error may be raised by a later statement or at the end of the block,
    and no statement is executed after the failed one. Yields a function that waits for all statements so far and raises
    their errors. Has no effect with SQLite.
    """
    if connection.vendor != "postgresql":
        yield lambda: None
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline() as statements:
        yield statements.sync


@contextmanager
def savepoint() -> Iterator[None]:
    """Context manager that undoes the changes of its block, but not of the transaction around it, after an error.

    Like `transaction.atomic()`, but PostgreSQL gets the savepoint together with the first statement of the block.
    """
    with pipeline() as wait, transaction.atomic():
        try:
            yield
        except BaseException:
            with suppress(Exception):  # what has failed already
                wait()  # after an error, PostgreSQL ignores statements until this
            raise
        wait()


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
        raise to_application_error(error) from error
    finally:
        close_old_connections()


# ── Threads for the event loop ───────────────────────────────────────────────────────────────────────────────────
class ThreadPool:
    """A few threads that do database work of one kind for the event loop. Each keeps its database connection open."""

    def __init__(self, name: str, threads: int):
        self._name = name
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=f"database {name}")
        metrics.threads_busy[name] = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls `work` in one of the threads and returns its result. Raises `unavailable` if the database is down."""
        loop, busy = asyncio.get_running_loop(), metrics.threads_busy
        call = partial(copy_context().run, partial(with_own_connection, work, *args, **kwargs))
        busy[self._name] += 1
        try:
            return await loop.run_in_executor(self._executor, call)
        finally:
            busy[self._name] -= 1


handshakes = ThreadPool("handshakes", 4)  # who opens a WebSocket, and what its first frame says
background = ThreadPool("background", 4)  # reconciliation, presence
reads = ThreadPool("reads", 4)  # commands that only read
_changes = ThreadPool("changes", 4)  # commands that change rows
_locked_changes = ThreadPool("locked changes", 4)  # the same, if their rows are locked


async def run_in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `work` in a thread for background work and returns its result."""
    return await background.run(work, *args, **kwargs)


async def run_change(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `work`, which changes rows in one transaction, in a database thread and returns its result.

    If other transactions have locked its rows, it is called again in a thread that may wait for them. So changes of a
    locked conversation do not use up the threads that changes of other conversations need.
    """
    try:
        return await _changes.run(_with_brief_lock_wait, partial(work, *args, **kwargs))
    except RowsLocked:
        return await _locked_changes.run(work, *args, **kwargs)


def _with_brief_lock_wait(work: Callable[[], T]) -> T:
    with brief_lock_wait(FIRST_LOCK_WAIT):
        return work()
