"""The worker: takes rows, and does each in a process of its own that it can kill.

A job that hangs, eats memory or crashes in somebody's C code so takes nothing along, and its time limit holds. The
children are forks of a small process with one thread: a few milliseconds, and memory shared until it is changed.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import signal
import sys
import threading
import time
from typing import NamedTuple, NoReturn

from django.conf import settings
from django.db import DatabaseError, connections
from django_tasks_db.models import DBTaskResult

from messenger.background import queue, rules_of

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds between looks for work that nobody told us of
RECOVER_EVERY = 10.0
ENDING = 8.0  # seconds that jobs under way are given when the worker ends


class _Child(NamedTuple):
    row: DBTaskResult
    until: float


class Runner:
    """`beside`: the descriptor by which the server that started us says "look now", and whose end is the server's."""

    def __init__(self, at_once: int, beside: int | None = None):
        self._at_once, self._beside = at_once, beside
        self._children: dict[int, _Child] = {}
        self._stopping = False
        self._planned: dict[str, int] = {}
        self._recovered = float("-inf")
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        # Children hold the reading end of this one: it ends when we do, however that comes.
        self._life_read, self._life_write = os.pipe()

    def run(self) -> None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        gc.collect()
        gc.freeze()
        log.info("The worker is there, for %d jobs at once", self._at_once)
        while not self._stopping:
            try:
                self._look()
            except DatabaseError as error:
                log.warning("The database did not answer the worker: %s", type(error).__name__)
                connections.close_all()
            self._wait(LOOK_EVERY)
        until = time.monotonic() + ENDING
        while self._children and time.monotonic() < until:
            self._reap()
            self._wait(0.2)
        for pid in list(self._children):
            os.kill(pid, signal.SIGKILL)
        while self._children:
            self._reap()
            time.sleep(0.01)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _look(self) -> None:
        self._reap()
        queue.plan(self._planned)
        if time.monotonic() - self._recovered > RECOVER_EVERY:
            self._recovered = time.monotonic()
            queue.recover()
        while len(self._children) < self._at_once and not self._stopping:
            row = queue.claim(queue.worker_id())
            if row is None:
                return
            self._start(row)

    def _start(self, row: DBTaskResult) -> None:
        connections.close_all()  # a child must not speak on our line
        pid = os.fork()
        if pid == 0:
            self._be_child(row)
        self._children[pid] = _Child(row, time.monotonic() + rules_of(row.task_path).seconds)

    def _be_child(self, row: DBTaskResult) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)  # the worker decides, and lets us come to an end
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self._life_write)
            threading.Thread(target=self._die_with_worker, daemon=True).start()
            queue.perform(row)
            connections.close_all()
            status = 0
        except BaseException:
            log.exception("A job's process failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _die_with_worker(self) -> None:
        os.read(self._life_read, 1)
        os._exit(1)

    def _reap(self) -> None:
        for pid, child in list(self._children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                if time.monotonic() > child.until:
                    os.kill(pid, signal.SIGKILL)  # and the next look finds it ended
                continue
            del self._children[pid]
            if status != 0:
                late = time.monotonic() > child.until
                queue.failed(child.row, TimeoutError() if late else ChildProcessError())

    def _wait(self, seconds: float) -> None:
        """Until something is to be done: a child ended, a signal came, the server knows of work; or for so long."""
        if self._children:
            nearest = min(child.until for child in self._children.values())
            seconds = max(0.01, min(seconds, nearest - time.monotonic()))
        watched = [self._wake_read] + ([self._beside] if self._beside is not None else [])
        readable, _, _ = select.select(watched, [], [], seconds)
        if self._wake_read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        if self._beside in readable and self._beside is not None and not os.read(self._beside, 4096):
            self._stopping, self._beside = True, None  # the server is gone


def without_pool() -> None:
    """Children of a fork cannot share a pool's threads: each of them makes the one connection that it needs."""
    settings.DATABASES["default"].get("OPTIONS", {}).pop("pool", None)
