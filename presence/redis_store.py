"""Leases in Redis, for any number of processes. Each step is one script, so one round trip and nothing in between.

The scripts are in `presence/lua/`; `common.lua`, which begins each of them, says which keys there are. They read keys
that they find in others, so this wants one Redis (with replicas, if you like), not a cluster. Redis 6.2 or later.

The client is a synchronous one on purpose: the same code serves request threads and the event loop (through one thread
of the tracker) and is bound to no loop. The hop to that thread costs 60 µs more than redis-py's asyncio client does
(130 µs a step instead of 70, measured), which is little beside the 2 ms that signing a connection in takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from presence.memory_store import HEAD_COUNT_GAP
from presence.store import USUAL, Lease, Leaving, Opened, Sign, Tick, Times

TIMEOUT = 1.0  # seconds: whoever asks is not kept longer by a Redis that stands still


@cache
def _script(name: str) -> str:
    folder = Path(__file__).parent / "lua"
    return (folder / "common.lua").read_text() + (folder / f"{name}.lua").read_text()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


class RedisStore:
    """Raises `redis.RedisError` while Redis is away."""

    def __init__(self, url: str, process_id: str, times: Times = USUAL):
        self.process_id, self.times = process_id, times
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            # Once more, at once, where the kept connection turns out to be a dead one. redis-py would wait and retry
            # for seconds.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._scripts: dict[str, Any] = {}

    def _call(self, name: str, *arguments: str | int) -> Any:
        if name not in self._scripts:
            self._scripts[name] = self._redis.register_script(_script(name))
        return self._scripts[name](args=arguments)

    def open(self, lease: Lease, per_person: int, per_address: int) -> Opened:
        return Opened(self._call("open", self.process_id, *_arguments(lease), per_person, per_address))

    def close(self, connection_id: str) -> None:
        self._call("close", self.process_id, connection_id, _ms(self.times.grace))

    def look(self, connection_id: str, conversation_id: int) -> None:
        self._call("look", self.process_id, connection_id, conversation_id)

    def sign(self, sign: Sign) -> None:
        explicit = int(sign.explicit)
        self._call("sign", sign.who, _ms(self.times.beat), explicit, sign.view, sign.instead_of)

    def tick(self, expected: int) -> Tick:
        times = self.times
        spans = map(_ms, (times.lease, times.claim, times.pause, times.patience, HEAD_COUNT_GAP))
        known, arrived, leaving, claim, stirred, count, changed = self._call("tick", self.process_id, expected, *spans)
        ended = [Leaving(int(user), int(ago) / 1000) for user, ago in zip(leaving[::2], leaving[1::2], strict=True)]
        return Tick(bool(known), _numbers(arrived), ended, claim, _numbers(stirred), count, bool(changed))

    def settle(self, claim: str, user_ids: Iterable[int]) -> list[int]:
        return _numbers(self._call("settle", claim, *user_ids))

    def register(self, leases: Iterable[Lease]) -> list[int]:
        listed = [argument for lease in leases for argument in _arguments(lease)]
        return _numbers(self._call("register", self.process_id, _ms(self.times.lease), _ms(self.times.grace), *listed))

    def online(self, user_ids: Iterable[int]) -> set[int]:
        return set(_numbers(self._call("online", *user_ids)))

    def head_count(self) -> int:
        return self._call("head_count")

    def viewers(self, conversation_id: int) -> set[int]:
        return set(_numbers(self._call("viewers", conversation_id)))

    def disconnect(self) -> None:
        self._redis.close()


def _arguments(lease: Lease) -> tuple[str, int, int, str]:
    return lease.connection_id, lease.user_id, lease.view, lease.address


def _numbers(texts: Iterable[str]) -> list[int]:
    return [int(text) for text in texts]
