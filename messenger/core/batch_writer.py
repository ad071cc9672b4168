"""Verbs that take many: commands that arrive while one commit is under way are stored together in the next.

One writer thread per batcher. A command that comes alone waits for nobody: the thread sleeps on an empty queue and
takes at once whatever is there. A conversation that somebody else holds gets a lane of its own, so that it holds up
no other, and keeps its order there.
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
from django.db import IntegrityError

from messenger.core.database import with_own_connection
from messenger.core.errors import ApplicationError, unavailable

C = TypeVar("C")
log = logging.getLogger(__name__)


class Busy:
    """The outcome of a command whose rows somebody else holds."""


BUSY = Busy()

Done = Callable[[Any], None]


class _Ticket(msgspec.Struct):
    command: Any
    done: Done
    loop: asyncio.AbstractEventLoop | None  # where `done` is to be called; None: in the writer's thread
    lane: Hashable


class BatchWriter(Generic[C]):
    """`store(commands)` answers for each: a result, a `ApplicationError`, or BUSY; `wait` is the same, waiting instead of BUSY.

    `pause` is how many seconds to gather after a batch before the next is taken: 0 for what people wait for.
    """

    def __init__(
        self,
        name: str,
        store: Callable[[Sequence[C]], Sequence[Any]],
        lane_of: Callable[[C], Hashable],
        *,
        wait: Callable[[Sequence[C]], Sequence[Any]] | None = None,
        size: int = 256,
        pause: float = 0.0,
    ):
        self._name, self._store, self._wait, self._lane_of = name, store, wait or store, lane_of
        self._size, self._pause = size, pause
        self._queue: deque[_Ticket] = deque()
        self._lanes: dict[Hashable, deque[_Ticket]] = {}
        self._lock = threading.Lock()
        self._filled = threading.Event()
        self._thread: threading.Thread | None = None
        self.batches = self.commands = 0  # for tests and metrics

    # ── In ──
    def submit(self, command: C, done: Done) -> None:
        """From the event loop. `done(outcome)` is called there after commit; the outcome may be a `ApplicationError`."""
        self._put(_Ticket(command, done, asyncio.get_running_loop(), self._lane_of(command)))

    async def ask(self, command: C) -> Any:
        """From the event loop, waiting. Raises the `ApplicationError`."""
        future = asyncio.get_running_loop().create_future()

        def done(outcome: Any) -> None:
            if not future.done():
                future.set_result(outcome)

        self.submit(command, done)
        return _raised(await future)

    def call(self, command: C, timeout: float = 5.0) -> Any:
        """From a thread, waiting at most `timeout` seconds. Raises the `ApplicationError`.

        What took longer may still be stored; given again it is found, where the command has a client_id.
        """
        future: Future = Future()
        self._put(_Ticket(command, future.set_result, None, self._lane_of(command)))
        try:
            return _raised(future.result(timeout))
        except TimeoutError:
            raise unavailable() from None

    def _put(self, ticket: _Ticket) -> None:
        with self._lock:
            if (lane := self._lanes.get(ticket.lane)) is not None:
                lane.append(ticket)
                return
            self._queue.append(ticket)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        self._filled.set()

    # ── The writer ──
    def _run(self) -> None:
        while True:
            self._filled.wait()
            with self._lock:
                batch = [self._queue.popleft() for _ in range(min(self._size, len(self._queue)))]
                if not self._queue:
                    self._filled.clear()
            if batch:
                self._finish(batch, in_own_connection_or_refusals(self._store, batch))
                self.batches += 1
                self.commands += len(batch)
                if self._pause:
                    time.sleep(self._pause)

    def _finish(self, batch: list[_Ticket], outcomes: Sequence[Any]) -> None:
        busy: dict[Hashable, list[_Ticket]] = {}
        for ticket, outcome in zip(batch, outcomes, strict=True):
            if outcome is BUSY:
                busy.setdefault(ticket.lane, []).append(ticket)
        for lane, tickets in busy.items():
            self._open_lane(lane, tickets)
        _answer([(t, outcome) for t, outcome in zip(batch, outcomes, strict=True) if outcome is not BUSY])

    # ── Lanes ──
    def _open_lane(self, key: Hashable, tickets: list[_Ticket]) -> None:
        """Only the writer opens lanes, so there is none yet. What is queued for it goes in too, behind."""
        with self._lock:
            queued = [ticket for ticket in self._queue if ticket.lane == key]
            if queued:
                self._queue = deque(ticket for ticket in self._queue if ticket.lane != key)
            self._lanes[key] = deque([*tickets, *queued])
        name = f"{self._name} lane {key}"
        threading.Thread(target=self._run_lane, args=(key,), name=name, daemon=True).start()

    def _run_lane(self, key: Hashable) -> None:
        while True:
            with self._lock:
                lane = self._lanes[key]
                if not lane:
                    del self._lanes[key]
                    return
                batch = [lane.popleft() for _ in range(min(self._size, len(lane)))]
            _answer(list(zip(batch, in_own_connection_or_refusals(self._wait, batch), strict=True)))


def in_own_connection_or_refusals(store: Callable, batch: list[_Ticket]) -> Sequence[Any]:
    """Outcomes for all, whatever happens. A batch that fails for one command's sake is split to spare the others."""
    commands = [ticket.command for ticket in batch]
    try:
        return with_own_connection(store, commands)
    except ApplicationError as refused:  # of the whole: the database is away
        return [refused] * len(batch)
    except Exception as error:
        if len(batch) == 1 and not isinstance(error, IntegrityError):
            log.exception("A command could not be stored")
            return [unavailable()]
        if len(batch) == 1:
            return _once_more(store, commands)
        return _in_halves(store, batch)


def _in_halves(store: Callable, batch: list[_Ticket]) -> Sequence[Any]:
    """A lane that was busy for the first half is so for the second, though it may be free by then: its order stays."""
    half = len(batch) // 2
    first = in_own_connection_or_refusals(store, batch[:half])
    busy = {ticket.lane for ticket, outcome in zip(batch, first, strict=False) if outcome is BUSY}
    rest = [ticket for ticket in batch[half:] if ticket.lane not in busy]
    outcomes = iter(in_own_connection_or_refusals(store, rest) if rest else ())
    return [*first, *(BUSY if ticket.lane in busy else next(outcomes) for ticket in batch[half:])]


def _once_more(store: Callable, commands: list[Any]) -> Sequence[Any]:
    """Two processes stored one client_id at once and this one lost: now it finds the other's row."""
    try:
        return with_own_connection(store, commands)
    except ApplicationError as refused:
        return [refused]
    except Exception:
        log.exception("A command could not be stored")
        return [unavailable()]


def _answer(answered: list[tuple[_Ticket, Any]]) -> None:
    """Wake each event loop once for all that it waits for."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Done, Any]]] = {}
    for ticket, outcome in answered:
        if ticket.loop is None:
            ticket.done(outcome)
        else:
            by_loop.setdefault(ticket.loop, []).append((ticket.done, outcome))
    for loop, calls in by_loop.items():
        try:
            loop.call_soon_threadsafe(_call_all, calls)
        except RuntimeError:  # the loop was closed: nobody is waiting any more
            log.debug("answers for a closed loop")


def _call_all(calls: list[tuple[Done, Any]]) -> None:
    for done, outcome in calls:
        try:
            done(outcome)
        except Exception:
            log.exception("An answer could not be given")


def _raised(outcome: Any) -> Any:
    if isinstance(outcome, ApplicationError):
        raise outcome
    return outcome
