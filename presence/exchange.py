"""Exchanges presence with the other server processes through Redis.

Several times a second, a thread of each process reads which processes have changed their report (their leases and
activities), and reads the reports that have changed. It writes its own report after a change, and once a second to
renew its leases. Each process writes its own keys only, so no step needs to be atomic. If Redis loses them, each
process writes its own again.

Keys in Redis:

- `presence:processes`: hash, process → "<when it last renewed its leases> <revision of its report>"
- `presence:report:<process>`: `Report` in MessagePack

All times are of the clock of Redis, since the clocks of the processes may differ.

While Redis is down, each process keeps what it has last read of the others.
"""

from __future__ import annotations

import atexit
import logging
import math
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from presence.leases import DEFAULT_TIMEOUTS, Report, Timeouts

if TYPE_CHECKING:
    from presence.tracker import PresenceTracker

log = logging.getLogger(__name__)

READ_SECONDS = 0.1  # how often the thread reads
WRITE_SECONDS = 0.05  # at least between two writes, so that changes at the same time are written together
MAX_CPU_SHARE = 0.05  # of a core, for the thread: the more connections there are, the less often it writes and reads
RENEW_SECONDS = 1.0  # how often leases are renewed
RETRY_SECONDS = 1.0  # without a new attempt after Redis failed
TIMEOUT = 1.0  # seconds: the longest that a caller waits for a Redis that does not answer

PROCESSES = "presence:processes"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Report).decode


def _report_key(process_id: str) -> str:
    return f"presence:report:{process_id}"


@dataclass(slots=True)
class _OtherProcess:
    renewed_at: float
    revision: int = 0  # of the report that was read
    silent_since: float | None = None  # monotonic time since when its leases are seen to be not renewed in time


class RedisExchange:
    """Writes the report of this process to Redis, and passes the reports of other processes to the `PresenceTracker`.

    No method raises an error if Redis is unavailable.
    """

    def __init__(self, url: str, process_id: str = "", timeouts: Timeouts = DEFAULT_TIMEOUTS):
        self.process_id, self.timeouts = process_id or secrets.token_hex(6), timeouts
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            # One retry at once, for a pooled connection that the other end has closed. The default of redis-py would
            # wait and retry for seconds.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._lock = threading.Lock()  # one exchange at a time
        self._others: dict[str, _OtherProcess] = {}
        self._is_stopped = self._is_redis_down = False
        self._retry_at = 0.0  # monotonic time
        # Activities count for some minutes, even if their process dies.
        self._seconds_kept = math.ceil(timeouts.heartbeat + timeouts.lease)

    def start(self, tracker: PresenceTracker) -> None:
        threading.Thread(target=self._run, args=[tracker], name="presence", daemon=True).start()
        atexit.register(self.run_once, tracker)  # so that the others know at once that the connections were closed

    def _run(self, tracker: PresenceTracker) -> None:
        while not self._is_stopped:
            tracker.report_changed.clear()
            started = time.thread_time()
            try:
                self.run_once(tracker)
            except Exception:
                log.exception("Presence could not be exchanged; it goes on.")
            time.sleep(max(WRITE_SECONDS, (time.thread_time() - started) / MAX_CPU_SHARE))
            tracker.report_changed.wait(READ_SECONDS - WRITE_SECONDS)

    def run_once(self, tracker: PresenceTracker) -> None:
        """Writes and reads once. Does nothing for RETRY_SECONDS after Redis failed."""
        with self._lock:
            if self._is_stopped or time.monotonic() < self._retry_at:
                return
            try:
                self._write_and_read(tracker)
            except redis.RedisError as error:
                if not self._is_redis_down:
                    log.warning(
                        "Redis is unavailable, presence is known to this process alone: %s", type(error).__name__
                    )
                self._is_redis_down, self._retry_at = True, time.monotonic() + RETRY_SECONDS
            else:
                if self._is_redis_down:
                    self._is_redis_down = False
                    log.info("Redis is back, presence is shared again")

    def stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            self._redis.close()

    # ── Steps (with the lock) ────────────────────────────────────────────────────────────────────────────────────
    def _write_and_read(self, tracker: PresenceTracker) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()
        pipeline.hgetall(PROCESSES)
        (seconds, microseconds), entries = pipeline.execute()
        now = seconds + microseconds / 1_000_000
        tracker.set_time(now)
        states: dict[str, tuple[float, int]] = {}
        for process_id, entry in entries.items():
            renewed_at, revision = entry.split()
            states[process_id.decode()] = float(renewed_at), int(revision)
        own_renewed_at, own_revision = states.pop(self.process_id, (0.0, 0))
        changed_ids = [process_id for process_id, state in states.items() if self._must_read(process_id, *state, now)]

        pipeline = self._redis.pipeline()
        for process_id in changed_ids:
            pipeline.get(_report_key(process_id))
        revision = tracker.revision
        if revision != own_revision or (tracker.has_connections() and now - own_renewed_at >= RENEW_SECONDS):
            pipeline.set(_report_key(self.process_id), _encode(tracker.report()), ex=self._seconds_kept)
            pipeline.hset(PROCESSES, self.process_id, f"{now:.6f} {revision}")
        if forgotten_ids := [pid for pid, (renewed_at, _) in states.items() if now - renewed_at > self._seconds_kept]:
            pipeline.hdel(PROCESSES, *forgotten_ids)
        reports = pipeline.execute() if len(pipeline) else []

        for process_id, (renewed_at, _) in states.items():
            self._others.setdefault(process_id, _OtherProcess(renewed_at)).renewed_at = renewed_at
        for process_id, report in zip(changed_ids, reports[: len(changed_ids)], strict=True):
            self._others[process_id].revision = states[process_id][1]
            is_silent = self._is_silent(states[process_id][0], now)
            ended_at = states[process_id][0] + self.timeouts.lease if is_silent else None
            tracker.set_other_report(process_id, _decode(report) if report else Report([], []), ended_at)
        self._end_dead_processes(tracker, now)

    def _must_read(self, process_id: str, renewed_at: float, revision: int, now: float) -> bool:
        """Returns whether the report of another process must be read: it has changed, or is not known yet."""
        other = self._others.get(process_id)
        return other is None or (revision != other.revision and not self._is_silent(renewed_at, now))

    def _is_silent(self, renewed_at: float, now: float) -> bool:
        return now - renewed_at > self.timeouts.lease

    def _end_dead_processes(self, tracker: PresenceTracker, now: float) -> None:
        """Ends the leases of processes that have not renewed them for too long, and for `patience` while this one read.

        Also of processes whose data Redis has lost: a process that lives writes them again.
        """
        for process_id, other in self._others.items():
            if not self._is_silent(other.renewed_at, now):
                other.silent_since = None
            elif other.silent_since is None:
                other.silent_since = time.monotonic()
            elif time.monotonic() - other.silent_since >= self.timeouts.patience:
                tracker.remove_process_leases(process_id, other.renewed_at + self.timeouts.lease)
                other.revision = 0  # read again if the process turns out to live
        for process_id in [pid for pid, other in self._others.items() if now - other.renewed_at > self._seconds_kept]:
            del self._others[process_id]
