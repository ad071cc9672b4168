"""Calls a function when the process is asked to stop, before the ASGI server closes its sockets."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


def call_before_shutdown(callback: Callable[[], None]) -> None:
    """Installs a handler for SIGTERM and SIGINT that calls `callback`, and then the handler that was installed before.

    Does nothing outside of the main thread. Signals are used because the ASGI servers have no suitable hook: daphne
    does not support the ASGI lifespan protocol, and uvicorn closes all sockets (with code 1012) before the lifespan
    event.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        previous = signal.getsignal(number)

        def handle(received: int, frame: FrameType | None, previous=previous, number=number) -> None:
            signal.signal(number, previous)
            callback()
            if callable(previous):
                previous(received, frame)
            else:
                signal.raise_signal(received)

        signal.signal(number, handle)
