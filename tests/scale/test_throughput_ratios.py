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
    got: list = []

    def inside() -> None:
        try:
            got.append(asyncio.run(measure))
        except BaseException as error:
            got.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if isinstance(got[0], BaseException):
        raise got[0]
    return got[0]


def test_an_idle_connection_is_small(made):
    """An open connection without messages takes at most 45 KiB of memory in the server.

    This test must run first: a server that has worked before reuses freed memory, and the result would be too small.
    """
    numbers = run(measures.idle(Ours(made), made, 200, seconds=0))
    assert numbers["KiB each"] <= 45


def test_a_group_hears_ten_times_as_fast(made):
    ours = run(measures.fan_out(Ours(made), made, seconds=2))
    tutorials = run(measures.fan_out(Tutorial(made), made, seconds=2))
    assert ours["deliveries/s"] >= 5 * tutorials["deliveries/s"]


def test_pairs_send_five_times_as_fast(made):
    ours = run(measures.pairs(Ours(made), made, seconds=2, count=150))
    tutorials = run(measures.pairs(Tutorial(made), made, seconds=2, count=150))
    assert ours["sends/s"] >= 2.5 * tutorials["sends/s"]


def test_what_was_missed_is_caught_up_in_order(made):
    """A device that was offline loads the 1,200 messages that it missed, all in order. There is no time limit."""
    made.fill(1200)
    run(measures.catch_up(made, 1200, times=1))
