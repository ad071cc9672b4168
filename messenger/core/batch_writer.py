"""Stores the commands of many callers (for example "send a message") in few database transactions.

Each `BatchWriter` has one writer thread. The thread sleeps while the queue is empty and stores a new command at once,
so a single command does not wait for others. Commands that arrive during a commit are stored together in the next
transaction. If another transaction has locked the rows of a conversation, the commands for this conversation get a
separate queue and thread. There they keep their order and do not delay other conversations.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import msgspec
from django.conf import settings
from django.db import IntegrityError

from messenger.core.database import is_schema_error, with_own_connection
from messenger.core.errors import ApplicationError, internal, unavailable
from messenger.core.metrics import Durations, metrics

C = TypeVar("C")
log = logging.getLogger(__name__)


class Busy:
    """Type of the constant BUSY: the outcome of a command that was not stored.

    The reason is that another transaction has locked the rows that this command changes.
    """


BUSY = Busy()

OnStored = Callable[[Any], None]


class _QueuedCommand(msgspec.Struct):
    command: Any
    on_stored: OnStored
    loop: asyncio.AbstractEventLoop | None  # the loop in which `on_stored` is called; None: in the writer's thread
    key: Hashable  # commands with the same key keep their order
    outcome: Any = None  # set by `_store_batch`: a result, an `ApplicationError` or BUSY
    submitted_at: float = 0.0  # monotonic time; only with `loop`
    is_answered: bool = False


class BatchWriter(Generic[C]):
    """Stores commands of many callers in batches (one transaction for many commands).

    `store(commands)` returns an outcome for each command: a result, an `ApplicationError` or BUSY. `store_blocking`
    does the same, but waits for locked rows instead of returning BUSY. `key_of(command)` returns the key of a command,
    usually its conversation or user. Commands with the same key are stored in the order in which they were submitted.

    `size` is the maximum number of commands in a batch. `pause` is how many seconds the writer waits after a batch, so
    that the next batch is larger. It is 0 for commands that people wait for.
    """

    def __init__(
        self,
        name: str,
        store: Callable[[Sequence[C]], Sequence[Any]],
        key_of: Callable[[C], Hashable],
        *,
        store_blocking: Callable[[Sequence[C]], Sequence[Any]] | None = None,
        size: int = 256,
        pause: float = 0.0,
    ):
        self._name, self._store, self._key_of = name, store, key_of
        self._store_blocking = store_blocking or store
        self._size, self._pause = size, pause
        self._queue: deque[_QueuedCommand] = deque()
        self._key_queues: dict[
            Hashable, deque[_QueuedCommand]
        ] = {}  # of keys whose rows another transaction has locked
        self._lock = threading.Lock()
        self._filled = threading.Event()  # set while the queue is not empty; changed only with the lock
        self._thread: threading.Thread | None = None
        self._unanswered: deque[_QueuedCommand] = deque()  # of `submit`, oldest first; used in the event loop only
        self._durations = metrics.batch_seconds.setdefault(name, Durations())
        metrics.batch_waiting[name] = 0
        self._overdue_timer: asyncio.TimerHandle | None = None
        self._timer_loop: asyncio.AbstractEventLoop

    # ── Submitting ───────────────────────────────────────────────────────────────────────────────────────────────
    def submit(self, command: C, on_stored: OnStored) -> None:
        """Queues a command. After the commit, calls `on_stored(outcome)` in the event loop of the caller.

        Must be called in an event loop. The outcome is the result of the command or an `ApplicationError`. A command
        that is not stored after `settings.ANSWER_SECONDS` gets `unavailable`, and is dropped unless it is being stored.
        """
        loop = asyncio.get_running_loop()
        metrics.batch_waiting[self._name] += 1
        queued = _QueuedCommand(command, on_stored, loop, self._key_of(command))
        queued.submitted_at = time.monotonic()
        self._enqueue(queued)
        self._unanswered.append(queued)
        if self._overdue_timer is None or self._overdue_timer.cancelled() or self._timer_loop is not loop:
            self._timer_loop = loop
            self._overdue_timer = loop.call_later(settings.ANSWER_SECONDS, self._answer_overdue)

    def _answer_overdue(self) -> None:
        """Answers commands that took too long with `unavailable`, and looks again when the next one is due."""
        now, overdue = time.monotonic(), []
        submitted_by = now - settings.ANSWER_SECONDS
        while self._unanswered and (
            self._unanswered[0].is_answered or self._unanswered[0].submitted_at <= submitted_by
        ):
            queued = self._unanswered.popleft()
            if not queued.is_answered:
                overdue.append(queued)
        self._answer(overdue, unavailable())
        self._overdue_timer = None
        if self._unanswered:
            pause = max(self._unanswered[0].submitted_at - submitted_by, 0.05)
            self._overdue_timer = self._timer_loop.call_later(pause, self._answer_overdue)

    def _answer(self, commands: list[_QueuedCommand], error: ApplicationError | None = None) -> None:
        """Calls `on_stored` of each command with this error or with its outcome, and counts the answers.

        Called in the event loop of the callers. Leaves out commands that are answered already.
        """
        now = time.monotonic()
        for queued in commands:
            if queued.is_answered:
                continue
            queued.is_answered = True
            metrics.batch_waiting[self._name] -= 1
            self._durations.add(now - queued.submitted_at)
            try:
                queued.on_stored(error or queued.outcome)
            except Exception:
                log.exception("The callback of a stored command failed")

    def call(self, command: C, timeout: float = 5.0) -> Any:
        """Stores a command, waits for the commit and returns the result.

        Must be called in a thread, not in an event loop. If the command failed with an `ApplicationError`, raises this
        error. Raises `unavailable` after `timeout` seconds. After the timeout the command may still be stored. If the
        command has a client_id (a UUID chosen by the client), submitting it again returns the stored result.
        """
        future: Future = Future()
        self._enqueue(_QueuedCommand(command, future.set_result, None, self._key_of(command)))
        try:
            return _result_or_raise(future.result(timeout))
        except TimeoutError:
            raise unavailable() from None

    def _enqueue(self, queued: _QueuedCommand) -> None:
        with self._lock:
            if (key_queue := self._key_queues.get(queued.key)) is not None:
                key_queue.append(queued)
                return
            if not self._queue:  # otherwise it is set: the writer thread clears it only together with an empty queue
                self._filled.set()
            self._queue.append(queued)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    # ── The writer thread ────────────────────────────────────────────────────────────────────────────────────────
    def _run(self) -> None:
        while True:
            self._filled.wait()
            with self._lock:
                batch = [self._queue.popleft() for _ in range(min(self._size, len(self._queue)))]
                if not self._queue:
                    self._filled.clear()
            if batch := [queued for queued in batch if not queued.is_answered]:
                _store_batch(self._store, batch)
                self._finish(batch)
                if self._pause:
                    time.sleep(self._pause)

    def _finish(self, batch: list[_QueuedCommand]) -> None:
        busy: dict[Hashable, list[_QueuedCommand]] = {}
        finished = []
        for queued in batch:
            if queued.outcome is BUSY:
                busy.setdefault(queued.key, []).append(queued)
            else:
                finished.append(queued)
        for key, commands in busy.items():
            self._start_key_queue(key, commands)  # from now on, these commands belong to the thread of their key
        self._report(finished)

    def _report(self, batch: list[_QueuedCommand]) -> None:
        """Calls the `on_stored` callbacks of all commands in the event loops of their callers.

        Each event loop is woken only once, for all its callbacks.
        """
        by_loop: dict[asyncio.AbstractEventLoop, list[_QueuedCommand]] = {}
        for queued in batch:
            if queued.loop is None:
                queued.on_stored(queued.outcome)
            else:
                by_loop.setdefault(queued.loop, []).append(queued)
        for loop, commands in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._answer, commands)
            except RuntimeError:  # the loop was closed, so its callers are not waiting any more
                log.debug("Outcomes for a closed event loop were dropped")

    # ── Queues of locked keys ────────────────────────────────────────────────────────────────────────────────────
    def _start_key_queue(self, key: Hashable, commands: list[_QueuedCommand]) -> None:
        """Creates a separate queue and thread for the commands of a key (such as a conversation) whose rows are locked.

        The queue begins with `commands`, followed by all waiting commands with the same key. Only the writer thread
        calls this method. The writer thread gets no commands of a key that already has a separate queue, so it never
        creates a second queue for a key.
        """
        with self._lock:
            following = [queued for queued in self._queue if queued.key == key]
            if following:
                self._queue = deque(queued for queued in self._queue if queued.key != key)
            self._key_queues[key] = deque([*commands, *following])
        name = f"{self._name} {key}"
        threading.Thread(target=self._run_key_queue, args=(key,), name=name, daemon=True).start()

    def _run_key_queue(self, key: Hashable) -> None:
        while True:
            with self._lock:
                key_queue = self._key_queues[key]
                if not key_queue:
                    del self._key_queues[key]
                    return
                batch = [key_queue.popleft() for _ in range(min(self._size, len(key_queue)))]
            if batch := [queued for queued in batch if not queued.is_answered]:
                _store_batch(self._store_blocking, batch)
                self._report(batch)


# ── Storing ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _store_batch(store: Callable, batch: list[_QueuedCommand]) -> None:
    """Stores a batch of commands in one transaction and sets the outcome of each command. Raises no exception.

    If one command makes the whole transaction fail, the batch is split, so that the remaining commands are stored.
    """
    commands = [queued.command for queued in batch]
    try:
        outcomes = with_own_connection(store, commands)
    except ApplicationError as error:  # for the whole batch: the database is down
        outcomes = [error] * len(batch)
    except Exception as error:
        if len(batch) > 1:
            _store_halves(store, batch)
            return
        if isinstance(error, IntegrityError):
            outcomes = _store_again(store, commands)
        else:
            log.exception("A command could not be stored")
            outcomes = [internal() if is_schema_error(error) else unavailable()]
    for queued, outcome in zip(batch, outcomes, strict=True):
        queued.outcome = outcome


def _store_halves(store: Callable, batch: list[_QueuedCommand]) -> None:
    """Stores the two halves of a batch one after the other.

    If a command in the first half was not stored because its rows were locked (outcome BUSY), all commands with the
    same key in the second half get the outcome BUSY too. Otherwise later commands of this key would be stored before
    earlier ones.
    """
    half = len(batch) // 2
    _store_batch(store, batch[:half])
    busy_keys = {queued.key for queued in batch[:half] if queued.outcome is BUSY}
    rest = []
    for queued in batch[half:]:
        if queued.key in busy_keys:
            queued.outcome = BUSY
        else:
            rest.append(queued)
    if rest:
        _store_batch(store, rest)


def _store_again(store: Callable, commands: list[Any]) -> Sequence[Any]:
    """Stores a single command a second time after an IntegrityError.

    The usual cause is that another process stored a command with the same client_id (a UUID chosen by the client) at
    the same time. The second attempt finds the row of the other process and returns it.
    """
    try:
        return with_own_connection(store, commands)
    except ApplicationError as error:
        return [error]
    except Exception:
        log.exception("A command could not be stored")
        return [unavailable()]


def _result_or_raise(outcome: Any) -> Any:
    if isinstance(outcome, ApplicationError):
        raise outcome
    return outcome
