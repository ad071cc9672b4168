"""Calls a function when the process is asked to stop, before the server closes its sockets."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


def call_before_shutdown(callback: Callable[[], None]) -> None:
    """Run `callback` on SIGTERM and SIGINT, then the handler that was installed before. From the main thread only.

    Neither server offers a hook for it: daphne does not support the ASGI lifespan protocol, and uvicorn closes all
    sockets (with 1012) before it sends the lifespan event.
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
