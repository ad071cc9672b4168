"""Tests that a replay obeys rate limits by waiting, and gives up only if the server does not work."""

from __future__ import annotations

import asyncio

import pytest

from tools.irc_replay.http_client import RetryPolicy, TemporaryError


@pytest.fixture
def sleep_times(monkeypatch) -> list[float]:
    """Replaces the clock: waiting takes no time, and the list has the waits."""
    now, waited = [0.0], []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    monkeypatch.setattr("tools.irc_replay.http_client.asyncio.sleep", sleep)
    monkeypatch.setattr("tools.irc_replay.http_client.asyncio.get_running_loop", lambda: _Clock(now))
    return waited


class _Clock:
    def __init__(self, now: list[float]):
        self._now = now

    def time(self) -> float:
        return self._now[0]


def failing(times: int, error: TemporaryError):
    left = [times]

    async def step() -> str:
        if left[0] == 0:
            return "done"
        left[0] -= 1
        raise error

    return step


def test_a_rate_limit_is_waited_for_longer_than_the_patience(sleep_times):
    policy = RetryPolicy(max_seconds=10)
    error = TemporaryError("rate_limited: Too fast.", 60, is_rate_limit=True)
    assert asyncio.run(policy.run(failing(20, error))) == "done"
    assert sleep_times == [60] * 20 and policy.requested_waits == 20


def test_a_server_that_does_not_work_is_given_up(sleep_times):
    with pytest.raises(TemporaryError):
        asyncio.run(RetryPolicy(max_seconds=10).run(failing(1000, TemporaryError("ConnectionError"))))
    assert sum(sleep_times) < 15
