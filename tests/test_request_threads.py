"""Tests of the threads in which HTTP requests are handled."""

from __future__ import annotations

import asyncio
import threading

import pytest

from messenger import asgi_handler
from messenger.asgi_handler import RequestHandler
from presence.middleware import ActivityMiddleware


@pytest.fixture
def threads(monkeypatch) -> list[threading.Thread]:
    """Provides a list of the threads that handle the requests of the test."""
    used: list[threading.Thread] = []
    monkeypatch.setattr(ActivityMiddleware, "_record", lambda self, request: used.append(threading.current_thread()))
    return used


async def request_page(handler: RequestHandler) -> int:
    """Requests a page that needs no database, and returns the status of the response."""
    done, statuses = asyncio.Event(), []
    messages = [{"type": "http.request", "body": b""}]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/accounts/login/",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
    }

    async def receive():
        if messages:
            return messages.pop()
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        elif not message.get("more_body"):
            done.set()

    await handler(scope, receive, send)
    return statuses[0]


async def test_a_thread_handles_one_request_after_the_other(threads):
    handler = RequestHandler()
    assert [await request_page(handler) for _ in range(3)] == [200] * 3
    assert len(threads) == 3 and len(set(threads)) == 1


async def test_middleware_and_view_are_called_without_returning_to_the_event_loop(threads, monkeypatch):
    handler, calls = RequestHandler(), []
    run_in_executor = asyncio.get_running_loop().run_in_executor

    def count(executor, function, *args):
        calls.append(function)
        return run_in_executor(executor, function, *args)

    monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", count)
    await request_page(handler)
    assert len(calls) == 3  # Django's signal at the beginning, the request, and the end of the response


async def test_requests_at_the_same_time_have_threads_of_their_own_and_few_are_kept(threads, monkeypatch):
    monkeypatch.setattr(asgi_handler, "MAX_IDLE_THREADS", 1)
    handler, all_begun = RequestHandler(), threading.Barrier(3, timeout=10)

    def record(self, request):
        threads.append(threading.current_thread())
        all_begun.wait()

    monkeypatch.setattr(ActivityMiddleware, "_record", record)
    assert await asyncio.gather(*(request_page(handler) for _ in range(3))) == [200] * 3
    assert len(set(threads)) == 3
    for _ in range(100):
        if sum(thread.is_alive() for thread in threads) == 1:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("The threads of the other requests have not ended")
