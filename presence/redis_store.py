"""A presence store (who is online and which conversation each user views) in Redis, for any number of processes.

Each method runs one Lua script, so it is atomic and needs one round trip. The scripts are in `presence/lua/`.
`common.lua` is put before each script and documents the keys. The scripts read names of keys from other keys, so they
need a single Redis (replicas are possible), not a cluster. They need Redis 6.2 or later.

The Redis client is synchronous, so that request threads and the event loop can use the same code. The event loop calls
the client in a separate thread, which `PresenceTracker` owns. Such a call takes 130 µs (measured); with redis-py's
asyncio client it would take 70 µs. The difference is small compared with the 2 ms that it takes to authenticate a
connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from presence.memory_store import HEAD_COUNT_INTERVAL
from presence.store import DEFAULT_TIMEOUTS, Activity, Departure, Lease, OpenResult, TickResult, Timeouts

TIMEOUT = 1.0  # seconds: the longest that a caller waits for a Redis that does not answer


@cache
def _load_script(name: str) -> str:
    folder = Path(__file__).parent / "lua"
    return (folder / "common.lua").read_text() + (folder / f"{name}.lua").read_text()


def _to_ms(seconds: float) -> int:
    return round(seconds * 1000)


class RedisStore:
    """The presence store in Redis. Its methods raise `redis.RedisError` if Redis is unavailable."""

    def __init__(self, url: str, process_id: str, timeouts: Timeouts = DEFAULT_TIMEOUTS):
        self.process_id, self.timeouts = process_id, timeouts
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            # One retry at once, for a pooled connection that the other end has closed. The default of redis-py would
            # wait and retry for seconds.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._scripts: dict[str, Any] = {}

    def _call(self, name: str, *arguments: str | int) -> Any:
        if name not in self._scripts:
            self._scripts[name] = self._redis.register_script(_load_script(name))
        return self._scripts[name](args=arguments)

    def open_lease(self, lease: Lease, per_user: int, per_address: int) -> OpenResult:
        return OpenResult(self._call("open_lease", self.process_id, *_lease_arguments(lease), per_user, per_address))

    def close_lease(self, connection_id: str) -> None:
        self._call("close_lease", self.process_id, connection_id, _to_ms(self.timeouts.grace))

    def set_view(self, connection_id: str, conversation_id: int) -> None:
        self._call("set_view", self.process_id, connection_id, conversation_id)

    def record_activity(self, activity: Activity) -> None:
        self._call(
            "record_activity",
            activity.subject,
            _to_ms(self.timeouts.heartbeat),
            int(activity.is_heartbeat),
            activity.viewed_conversation_id,
            activity.replaces,
        )

    def tick(self, expected_leases: int) -> TickResult:
        timeouts = self.timeouts
        durations = map(
            _to_ms,
            (timeouts.lease, timeouts.claim, timeouts.stall, timeouts.stall_recovery, HEAD_COUNT_INTERVAL),
        )
        is_registered, arrived, departed, claim, changed_ids, count, is_changed = self._call(
            "tick", self.process_id, expected_leases, *durations
        )
        departures = [
            Departure(int(user_id), int(ms_ago) / 1000)
            for user_id, ms_ago in zip(departed[::2], departed[1::2], strict=True)
        ]
        return TickResult(
            bool(is_registered), _to_ints(arrived), departures, claim, _to_ints(changed_ids), count, bool(is_changed)
        )

    def confirm_departures(self, claim: str, user_ids: Iterable[int]) -> list[int]:
        return _to_ints(self._call("confirm_departures", claim, *user_ids))

    def register(self, leases: Iterable[Lease]) -> list[int]:
        arguments = [argument for lease in leases for argument in _lease_arguments(lease)]
        lease_ms, grace_ms = _to_ms(self.timeouts.lease), _to_ms(self.timeouts.grace)
        return _to_ints(self._call("register_process", self.process_id, lease_ms, grace_ms, *arguments))

    def get_online_users(self, user_ids: Iterable[int]) -> set[int]:
        return set(_to_ints(self._call("get_online_users", *user_ids)))

    def get_head_count(self) -> int:
        return self._call("get_head_count")

    def get_viewers(self, conversation_id: int) -> set[int]:
        return set(_to_ints(self._call("get_viewers", conversation_id)))

    def disconnect(self) -> None:
        self._redis.close()


def _lease_arguments(lease: Lease) -> tuple[str, int, int, str]:
    return lease.connection_id, lease.user_id, lease.viewed_conversation_id, lease.address


def _to_ints(texts: Iterable[str]) -> list[int]:
    return [int(text) for text in texts]
