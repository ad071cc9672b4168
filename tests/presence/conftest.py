"""Fixtures for tests of presence: who is online, types or views a conversation.

Most tests use simulated server processes. Each of them has a `PresenceTracker`, which stores in memory or in Redis who
is online. The test calls its method `tick`, which a real server process calls once a second.
"""

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

# Seconds. Shorter than DEFAULT_TIMEOUTS, in similar proportions.
TIMEOUTS = Timeouts(lease=1.0, grace=0.3, heartbeat=1.0, claim=0.8, stall=0.6, stall_recovery=1.2)


class Process:
    """A simulated server process. It records what a real server process would publish about presence.

    `arrived` has the ids of users who came online, `departed` the ids of users who went offline, `head_counts` the
    numbers of online users and visitors, and `changed_conversation_ids` the ids of conversations whose viewers changed.
    """

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
        """Calls `PresenceTracker.tick` once, as a real process does once a second, and records the returned changes.

        Returns the departures: users who seem to have left, because they have no connection any more. With `confirm`,
        those who have not come back are then set offline, as in a real process. Without `confirm` they stay online, and
        another process can set them offline only after `TIMEOUTS.claim` seconds.
        """
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
    """Calls `tick` of these simulated server processes again and again for some seconds.

    Other simulated processes of the test do nothing in this time, as if they had been killed.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for process in processes:
            await process.tick()
        await asyncio.sleep(0.05)


@pytest.fixture(params=["memory", "redis"])
def process(request) -> Process:
    """Provides a simulated server process. The test runs twice: on a site without Redis and on a site with Redis."""
    if request.param == "memory":
        return Process(PresenceTracker(timeouts=TIMEOUTS))
    return request.getfixturevalue("make_process")()


@pytest.fixture
def make_process(redis_url):
    """Returns a function that creates a simulated server process. All processes that it creates share one Redis."""
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
    """Provides a list in which published events are collected. They are not delivered to sockets."""
    event_list = []
    previous = events.set_publisher(event_list.extend)
    yield event_list
    events.set_publisher(previous)


@pytest.fixture
def presence_tracker():
    """Provides a new `PresenceTracker` (stores who is online). Django views and consumers use it during the test."""
    new_tracker = PresenceTracker(timeouts=TIMEOUTS)
    tracker.set_tracker(new_tracker)
    yield new_tracker
    tracker.set_tracker(None)
