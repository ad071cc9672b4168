"""Processes without servers: each is a tracker whose clock the test turns, over the store that is being tested."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from messenger.live import events
from presence import tracker
from presence.redis_store import RedisStore
from presence.store import Leaving, Times
from presence.tracker import Tracker

# As the real ones, but shorter.
TIMES = Times(lease=1.0, grace=0.3, beat=1.0, claim=0.8, pause=0.6, patience=1.2)


class Process:
    """A server process, as far as presence is concerned. What it would tell is kept in `came`, `went`, `counts`."""

    def __init__(self, tracker: Tracker):
        self.tracker = tracker
        self.came: list[int] = []
        self.went: list[int] = []
        self.counts: list[int] = []
        self.stirred: list[int] = []
        self._names = itertools.count(1)

    async def open(self, user_id: int, address: str = "192.0.2.1") -> str:
        connection_id = f"c{next(self._names)}"
        if await self.tracker.opening(connection_id, user_id, address):
            self.came.append(user_id)
        return connection_id

    async def tick(self, settle: bool = True) -> list[Leaving]:
        tick = await self.tracker.tick()
        self.came += tick.arrived
        self.stirred += tick.stirred
        if tick.head_count_changed:
            self.counts.append(tick.head_count)
        if settle and tick.leaving:
            self.went += await self.tracker.settle(tick, [leaving.user_id for leaving in tick.leaving])
        return tick.leaving


async def live(seconds: float, *processes: Process) -> None:
    """These processes go on living for so long; all others are dead meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for process in processes:
            await process.tick()
        await asyncio.sleep(0.05)


@pytest.fixture(params=["memory", "redis"])
def process(request) -> Process:
    """The one process of a site without Redis, or a process of a site with it."""
    if request.param == "memory":
        return Process(Tracker(times=TIMES))
    return request.getfixturevalue("make_process")()


@pytest.fixture
def make_process(redis_url):
    """Processes of one site with Redis."""
    made: list[RedisStore] = []

    def make(url: str = redis_url) -> Process:
        store = RedisStore(url, f"process{len(made)}", TIMES)
        made.append(store)
        return Process(Tracker(store, TIMES))

    yield make
    for store in made:
        store.disconnect()


@pytest.fixture
def told():
    """What is told, instead of telling it."""
    before, kept = events._publisher, []
    events.set_publisher(kept.extend)
    yield kept
    events.set_publisher(before)


@pytest.fixture
def here():
    """A fresh tracker for this process."""
    fresh = Tracker(times=TIMES)
    tracker.use(fresh)
    yield fresh
    tracker.use(None)
