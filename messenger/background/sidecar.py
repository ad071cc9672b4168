"""Runs the worker as a child process of the server process, so that a small site is started with one command.

The worker executes background tasks. It is a separate process, so tasks do not slow down messages. The worker's
standard input is a pipe, and only the server process has the other end. If the server process ends in any way, even by
kill -9, the pipe is closed and the worker ends too.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time

from django.conf import settings
from django.db import transaction
from django_tasks.signals import task_enqueued

log = logging.getLogger(__name__)

_process: subprocess.Popen[bytes] | None = None


def start() -> None:
    """Starts the worker process, which executes background tasks. Starts it again whenever it has ended."""
    threading.Thread(target=_supervise, name="worker", daemon=True).start()
    task_enqueued.connect(_on_task_enqueued, weak=False, dispatch_uid="messenger.background.sidecar")


def _supervise() -> None:
    """Starts the worker process and starts it again whenever it has ended. Never returns.

    Waits before each restart: 1 second if the worker ran for more than a minute. Otherwise the delay begins with 2
    seconds and doubles with each restart, up to 30 seconds.
    """
    global _process
    delay = 1.0
    while True:
        started = time.monotonic()
        _process = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "messenger" / "__main__.py"), "worker", "--sidecar"],
            stdin=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "WORKER": "off"},
        )
        assert _process.stdin
        os.set_blocking(_process.stdin.fileno(), False)
        status = _process.wait()
        delay = 1.0 if time.monotonic() - started > 60 else min(delay * 2, 30)
        log.warning("The worker ended (%s); another is started in %d s", status, delay)
        time.sleep(delay)


def _on_task_enqueued(**_kwargs: object) -> None:
    transaction.on_commit(_wake_worker, robust=True)


def _wake_worker() -> None:
    """Makes the worker process look for due tasks now. Otherwise it looks for them only at regular intervals."""
    try:
        if _process and _process.stdin:
            os.write(_process.stdin.fileno(), b".")
    except OSError:  # the worker is ending, or the pipe is full because it has been woken often enough
        pass
