"""Calls a function when the process is asked to stop, before the server closes its sockets."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


def call_before_shutdown(callback: Callable[[], None]) -> None:
    """Installs a handler for SIGTERM and SIGINT that calls `callback`, and then the handler that was installed before.

    Does nothing outside of the main thread. Signals are used because the servers offer no suitable hook. daphne does
    not support the ASGI lifespan protocol. uvicorn closes all sockets (with 1012) before it sends the lifespan event.
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
