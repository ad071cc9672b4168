"""Counts what happens in this process, for the Prometheus metrics (messenger.monitoring).

The counters are plain numbers without locks, because some are increased for each message. A counter is increased in one
thread only, or it may lose a step now and then, which a rate over minutes does not show.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds; upper bounds of the buckets


class Durations:
    """A histogram of durations in seconds."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)  # the last one counts what took longer than the highest bound
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Metrics:
    """The counters of this process since its start."""

    def __init__(self) -> None:
        self.commands: Counter[str] = Counter()  # WebSocket commands received, by name
        self.refusals: Counter[str] = Counter()  # `error` frames sent, by code
        self.deliveries = 0  # events of conversations × connections that they were queued for
        self.missed_events = 0  # events that reconciliation found in the database
        self.closed_connections: Counter[int] = Counter()  # connections that the server closed, by close code
        self.rejected_handshakes: Counter[str] = Counter()  # by close code or HTTP status
        self.batch_seconds: dict[str, Durations] = {}  # from submitting a command to its answer, by queue
        self.batch_waiting: dict[str, int] = {}  # commands without an answer, by queue
        self.threads_busy: dict[str, int] = {}  # work that database threads do or that waits for them, by pool
        self.requests: Counter[tuple[str, str]] = Counter()  # HTTP requests, by method and status
        self.request_seconds = Durations()
        self.loop_delay = 0.0  # seconds by which the event loop was late at the last look
        self.is_redis_down = False


metrics = Metrics()
