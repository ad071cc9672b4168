"""Runs functions of a test at the same time, in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from messenger.core.errors import ApplicationError


def run_concurrently(*calls: Callable[[], Any]) -> list[Any]:
    """Runs each of the functions `calls` in its own thread; all threads start together.

    Returns a list in the order of `calls`: the result of each function, or the ApplicationError that it raised.
    """
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(index: int) -> None:
        barrier.wait(20)
        try:
            results[index] = calls[index]()
        except ApplicationError as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return results
