"""Fixtures of simulated server processes: each has a tracker with the store under test, and the test calls `tick`."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from messenger.live import events
from presence import tracker
from presence.redis_store import RedisStore
from presence.store import Departure, Timeouts
from presence.tracker import PresenceTracker

# In the proportions of DEFAULT_TIMEOUTS, but shorter.
TIMEOUTS = Timeouts(lease=1.0, grace=0.3, heartbeat=1.0, claim=0.8, stall=0.6, stall_recovery=1.2)


class Process:
    """A simulated server process. `arrived`, `departed` and `head_counts` keep what a real one would publish."""

    def __init__(self, tracker: PresenceTracker):
        self.tracker = tracker
        self.arrived: list[int] = []
        self.departed: list[int] = []
        self.head_counts: list[int] = []
        self.changed_conversation_ids: list[int] = []
        self._names = itertools.count(1)

    async def open(self, user_id: int, address: str = "192.0.2.1") -> str:
        connection_id = f"c{next(self._names)}"
        if await self.tracker.open_connection(connection_id, user_id, address):
            self.arrived.append(user_id)
        return connection_id

    async def tick(self, confirm: bool = True) -> list[Departure]:
        """`confirm`: confirm the departures, as a real process does. Without it they stay claimed."""
        tick = await self.tracker.tick()
        self.arrived += tick.arrived
        self.changed_conversation_ids += tick.changed_conversation_ids
        if tick.head_count_changed:
            self.head_counts.append(tick.head_count)
        if confirm and tick.departures:
            user_ids = [departure.user_id for departure in tick.departures]
            self.departed += await self.tracker.confirm_departures(tick, user_ids)
        return tick.departures


async def run_ticks(seconds: float, *processes: Process) -> None:
    """Let these processes tick for some seconds. Processes not in the list are like dead ones in this time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for process in processes:
            await process.tick()
        await asyncio.sleep(0.05)


@pytest.fixture(params=["memory", "redis"])
def process(request) -> Process:
    """The single process of a site without Redis, and a process of a site with Redis."""
    if request.param == "memory":
        return Process(PresenceTracker(timeouts=TIMEOUTS))
    return request.getfixturevalue("make_process")()


@pytest.fixture
def make_process(redis_url):
    """Return a function that creates processes of one site with Redis."""
    stores: list[RedisStore] = []

    def make(url: str = redis_url) -> Process:
        store = RedisStore(url, f"process{len(stores)}", TIMEOUTS)
        stores.append(store)
        return Process(PresenceTracker(store, TIMEOUTS))

    yield make
    for store in stores:
        store.disconnect()


@pytest.fixture
def published_events():
    """The list of published events. They are not delivered."""
    event_list = []
    previous = events.set_publisher(event_list.extend)
    yield event_list
    events.set_publisher(previous)


@pytest.fixture
def presence_tracker():
    """A new tracker of this process."""
    new_tracker = PresenceTracker(timeouts=TIMEOUTS)
    tracker.set_tracker(new_tracker)
    yield new_tracker
    tracker.set_tracker(None)
