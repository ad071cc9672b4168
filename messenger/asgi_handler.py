"""Handles HTTP requests with Django, each in one thread that is kept for later requests.

Django itself starts a thread for each request and ends it afterwards, and with the thread its database connection.
Opening SQLite takes as long as twenty queries. Django also returns to the event loop between middleware and view, about
ten times for each request. All our middleware and views are synchronous, so this is not necessary.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler

MAX_IDLE_THREADS = 8  # kept for the next requests; more requests at the same time start and end threads of their own


class RequestHandler(ASGIHandler):
    """Django's ASGI handler, with threads that are used again. A thread handles one request at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._idle: list[ThreadPoolExecutor] = []  # each has one thread; the one that was used last is used next

    def load_middleware(self, is_async: bool = False) -> None:
        """Makes one synchronous function of all middleware and the view. It is called in the thread of the request."""
        super().load_middleware(is_async=False)
        self._middleware_chain = sync_to_async(self._middleware_chain)  # type: ignore[has-type]

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, thread_name_prefix="request")
        is_free = False
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.handle(scope, receive, send)
            is_free = len(self._idle) < MAX_IDLE_THREADS
        finally:  # of a request that was cancelled, the view may still run
            if is_free:
                self._idle.append(thread)
            else:
                thread.shutdown(wait=False)
