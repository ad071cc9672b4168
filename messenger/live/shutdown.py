"""The end of a process: sockets are told to come back (1001) before the server stops listening to them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


def before_the_end(act: Callable[[], None]) -> None:
    """Call this when the process is told to stop, and then do what the server had in mind. From the main thread only.

    Neither server has a place for it: daphne speaks no lifespan, and uvicorn ends sockets (1012) before its own.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        previous = signal.getsignal(number)

        def stop(received: int, frame: FrameType | None, previous=previous, number=number) -> None:
            signal.signal(number, previous)
            act()
            if callable(previous):
                previous(received, frame)
            else:
                signal.raise_signal(received)

        signal.signal(number, stop)
