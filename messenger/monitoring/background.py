"""Measures the event loop of this process, and writes its metrics for the processes that share its port."""

from __future__ import annotations

import asyncio
import time

from messenger.core.metrics import metrics
from messenger.monitoring import siblings

LOOK_SECONDS = 1.0

_tasks: set[asyncio.Task] = set()


def start_once() -> None:
    """Starts the background tasks in the running event loop. Does nothing if they run already."""
    if not _tasks:
        for work in (_measure_loop_delay(), siblings.write_repeatedly()):
            task = asyncio.get_running_loop().create_task(work)
            _tasks.add(task)


async def _measure_loop_delay() -> None:
    while True:
        before = time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
        metrics.loop_delay = max(0.0, time.monotonic() - before - LOOK_SECONDS)
