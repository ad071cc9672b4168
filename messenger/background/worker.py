"""Defines the worker: the process that takes background tasks from the database and executes them.

It executes each task in a child process with a time limit. So a task that hangs, uses too much memory or crashes does
not affect other tasks. A child process is a fork of the worker, which starts in a few milliseconds and shares unchanged
memory with the worker. The worker itself has only one thread, because forking a process with threads is not safe.
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

from messenger.background import options_for, queue

log = logging.getLogger(__name__)

POLL_INTERVAL = 1.0  # seconds between two searches for due rows
REQUEUE_INTERVAL = 10.0  # seconds between two searches for abandoned rows
SHUTDOWN_TIMEOUT = 8.0  # seconds that running tasks have to finish when the worker ends; then they are killed


class _Child(NamedTuple):
    row: DBTaskResult
    deadline: float  # monotonic time


class Worker:
    """Executes background tasks, each in a child process, and at most `concurrency` at the same time.

    `wake_fd` is the pipe from the server process that started this worker (see sidecar.py). Data in the pipe means
    "look for due tasks now". The end of the pipe means that the server process has ended.
    """

    def __init__(self, concurrency: int, wake_fd: int | None = None):
        self._concurrency, self._wake_fd = concurrency, wake_fd
        self._children: dict[int, _Child] = {}  # by process id
        self._stopping = False
        self._last_slots: dict[str, int] = {}
        self._last_requeue = float("-inf")
        self._signal_read, self._signal_write = os.pipe()
        os.set_blocking(self._signal_write, False)
        os.set_blocking(self._signal_read, False)
        # Only the worker has the writing end of this pipe. Even kill -9 closes it, and then the child processes end.
        self._alive_read, self._alive_write = os.pipe()

    def run(self) -> None:
        signal.set_wakeup_fd(self._signal_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        gc.collect()
        gc.freeze()
        log.info("Worker started, %d tasks at a time", self._concurrency)
        while not self._stopping:
            try:
                self._poll()
            except DatabaseError as error:
                log.warning("The database did not answer the worker: %s", type(error).__name__)
                connections.close_all()
            self._wait(POLL_INTERVAL)
        deadline = time.monotonic() + SHUTDOWN_TIMEOUT
        while self._children and time.monotonic() < deadline:
            self._reap()
            self._wait(0.2)
        for pid in list(self._children):
            os.kill(pid, signal.SIGKILL)
        while self._children:
            self._reap()
            time.sleep(0.01)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _poll(self) -> None:
        self._reap()
        queue.enqueue_periodic(self._last_slots)
        if time.monotonic() - self._last_requeue > REQUEUE_INTERVAL:
            self._last_requeue = time.monotonic()
            queue.requeue_abandoned()
        while len(self._children) < self._concurrency and not self._stopping:
            is_last_slot = self._concurrency > 1 and len(self._children) == self._concurrency - 1
            row = queue.claim(queue.worker_id(), short_only=is_last_slot)
            if row is None:
                return
            self._start(row)

    def _start(self, row: DBTaskResult) -> None:
        connections.close_all()  # parent and child must not share a database connection
        pid = os.fork()
        if pid == 0:
            self._run_child(row)
        self._children[pid] = _Child(row, time.monotonic() + options_for(row.task_path).timeout)

    def _run_child(self, row: DBTaskResult) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)  # only the worker reacts: running tasks may finish
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self._alive_write)
            threading.Thread(target=self._exit_with_worker, daemon=True).start()
            queue.run_task(row)
            connections.close_all()
            status = 0
        except BaseException:
            log.exception("The process of a task failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _exit_with_worker(self) -> None:
        os.read(self._alive_read, 1)  # returns when the worker has ended
        os._exit(1)

    def _reap(self) -> None:
        """Collects the child processes (one per task) that have ended, and kills those that have passed their deadline.

        If a child process failed, records the failure of its task.
        """
        for pid, child in list(self._children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                if time.monotonic() > child.deadline:
                    os.kill(pid, signal.SIGKILL)  # the next call collects it
                continue
            del self._children[pid]
            if status != 0:
                timed_out = time.monotonic() > child.deadline
                queue.record_failure(child.row, TimeoutError() if timed_out else ChildProcessError())

    def _wait(self, seconds: float) -> None:
        """Sleeps until a child process ends, a signal arrives, the server wakes the worker or `seconds` have passed."""
        if self._children:
            nearest_deadline = min(child.deadline for child in self._children.values())
            seconds = max(0.01, min(seconds, nearest_deadline - time.monotonic()))
        descriptors = [self._signal_read] + ([self._wake_fd] if self._wake_fd is not None else [])
        readable, _, _ = select.select(descriptors, [], [], seconds)
        if self._signal_read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._signal_read, 4096)
        if self._wake_fd in readable and self._wake_fd is not None and not os.read(self._wake_fd, 4096):
            self._stopping, self._wake_fd = True, None  # the server has ended


def disable_connection_pool() -> None:
    """Switches off the pool of database connections, because the worker forks a child process for each task.

    A pool has threads, and a forked process has no copies of these threads. Must be called before the first query.
    """
    settings.DATABASES["default"].get("OPTIONS", {}).pop("pool", None)
