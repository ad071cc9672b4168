"""The worker as a companion of the server, where nobody runs one by itself: one command, one thing to stop.

It is a process of its own, so no job slows a message down. It hangs on a pipe whose other end only this process has:
however the server ends, kill -9 included, the pipe ends, and the worker with it.
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
    """Start it, and start it anew whenever it ends."""
    threading.Thread(target=_keep, name="worker", daemon=True).start()
    task_enqueued.connect(_enqueued, weak=False, dispatch_uid="messenger.background.sidecar")


def _keep() -> None:
    global _process
    wait = 1.0
    while True:
        began = time.monotonic()
        _process = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker", "--beside"],
            stdin=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "WORKER": "off"},
        )
        assert _process.stdin
        os.set_blocking(_process.stdin.fileno(), False)
        status = _process.wait()
        wait = 1.0 if time.monotonic() - began > 60 else min(wait * 2, 30)
        log.warning("The worker ended (%s); another is started in %d s", status, wait)
        time.sleep(wait)


def _enqueued(**_kwargs: object) -> None:
    transaction.on_commit(_nudge, robust=True)


def _nudge() -> None:
    """There is work: it need not wait for the worker's next look."""
    try:
        if _process and _process.stdin:
            os.write(_process.stdin.fileno(), b".")
    except OSError:  # it is just ending, or has been told often enough
        pass
