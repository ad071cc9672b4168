"""Fixtures for tests of presence: who is online, types or views a conversation.

Most tests use simulated server processes. Each of them has a `PresenceTracker`, which knows who is online, and which
may exchange this with the others through Redis. The test calls the steps that a real server process repeats.
"""

from __future__ import annotations

import itertools
import time

import pytest

from messenger.live import events
from presence import tracker
from presence.exchange import RedisExchange
from presence.leases import Timeouts
from presence.tracker import Departure, PresenceTracker

# Seconds. Shorter than DEFAULT_TIMEOUTS, in similar proportions.
TIMEOUTS = Timeouts(lease=0.8, grace=0.3, heartbeat=1.0, patience=0.25)


class Process:
    """A simulated server process. It records what a real server process would send to its connections about presence.

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

    def open(self, user_id: int, address: str = "192.0.2.1") -> str:
        connection_id = f"c{next(self._names)}"
        self.tracker.open_connection(connection_id, user_id, address)
        return connection_id

    def step(self) -> list[Departure]:
        """Writes and reads presence once, as a real process does several times a second, and records the changes."""
        self.tracker.refresh()
        changes = self.tracker.collect_changes()
        self.arrived += changes.arrived
        self.departed += [departure.user_id for departure in changes.departures]
        self.changed_conversation_ids += sorted(changes.conversation_ids)
        if changes.head_count is not None:
            self.head_counts.append(changes.head_count)
        return changes.departures


def step(*processes: Process) -> None:
    """Lets each of the processes write, and then read what the others have written."""
    for process in (*processes, *processes):
        process.step()


def run(seconds: float, *processes: Process) -> None:
    """Calls `step` of these simulated server processes again and again for some seconds.

    Other simulated processes of the test do nothing in this time, as if they had been killed.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for process in processes:
            process.step()
        time.sleep(0.03)


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch):
    monkeypatch.setattr("presence.exchange.RENEW_SECONDS", 0.1)
    monkeypatch.setattr("presence.exchange.RETRY_SECONDS", 0.2)


@pytest.fixture(params=["memory", "redis"])
def process(request) -> Process:
    """Provides a simulated server process. The test runs twice: on a site without Redis and on a site with Redis."""
    if request.param == "memory":
        return Process(PresenceTracker(timeouts=TIMEOUTS))
    return request.getfixturevalue("make_process")()


@pytest.fixture
def make_process(redis_url):
    """Returns a function that creates a simulated server process. All processes that it creates share one Redis."""
    exchanges: list[RedisExchange] = []

    def make(url: str = redis_url, timeouts: Timeouts = TIMEOUTS) -> Process:
        exchange = RedisExchange(url, f"process{len(exchanges)}", timeouts)
        exchanges.append(exchange)
        return Process(PresenceTracker(exchange, timeouts))

    yield make
    for exchange in exchanges:
        exchange.stop()


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
