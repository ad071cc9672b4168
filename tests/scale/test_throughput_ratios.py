"""Short tests that our server is still faster than the chat from the Django Channels tutorial.

The goals in tests/scale/__main__.py say how many times faster it shall be. These tests require only half of that, since
the machine may be busy.
"""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.scale import measures
from tests.scale.contenders import Ours, Tutorial

pytestmark = pytest.mark.scale


def run(measure) -> measures.Numbers:
    """Runs a measurement in a thread with its own event loop, since the test may already run in an event loop."""
    results: list = []

    def target() -> None:
        try:
            results.append(asyncio.run(measure))
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def test_an_idle_connection_is_small(environment):
    """An open connection without messages takes at most 45 KiB of memory in the server.

    This test must run first: a server that has worked before reuses freed memory, and the result would be too small.
    """
    numbers = run(measures.idle(Ours(environment), environment, 200, seconds=0))
    assert numbers["KiB each"] <= 45


def test_a_group_hears_ten_times_as_fast(environment):
    ours = run(measures.fan_out(Ours(environment), environment, seconds=2))
    tutorial = run(measures.fan_out(Tutorial(environment), environment, seconds=2))
    assert ours["deliveries/s"] >= 5 * tutorial["deliveries/s"]


def test_pairs_send_five_times_as_fast(environment):
    ours = run(measures.pairs(Ours(environment), environment, seconds=2, count=150))
    tutorial = run(measures.pairs(Tutorial(environment), environment, seconds=2, count=150))
    assert ours["sends/s"] >= 2.5 * tutorial["sends/s"]


def test_what_was_missed_is_caught_up_in_order(environment):
    """A device that was offline loads the 1,200 messages that it missed, all in order. There is no time limit."""
    environment.add_messages(1200)
    run(measures.catch_up(environment, 1200, times=1))
