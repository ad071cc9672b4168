"""How fast somebody may do a thing: token buckets, shared by all doors and, with Redis, by all processes.

A bucket holds `burst` tokens and fills at `per_second`. It is kept as one number, the time at which it will be full
again (GCRA, the generic cell rate algorithm), so a step is one comparison and nothing needs sweeping up in Redis.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

import redis
from django.conf import settings

log = logging.getLogger(__name__)

_SCRIPT = """
local waits = {}
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
for i, key in ipairs(KEYS) do
  local burst, gap = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local full = math.max(tonumber(redis.call('GET', key) or now), now)
  local wait = full + gap - now - burst * gap
  if wait <= 1e-6 then
    wait = 0
    redis.call('SET', key, string.format('%.6f', full + gap), 'PX', math.ceil((full + gap - now) * 1000) + 1000)
  end
  waits[i] = string.format('%.6f', wait)
end
return waits
"""

_BACK = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('INCRBYFLOAT', KEYS[1], -tonumber(ARGV[1])) end"

Bucket = tuple[str, int, float]  # key, burst, tokens per second


class _Here:
    """Buckets of this process alone."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._swept = 0.0

    def take(self, buckets: Sequence[Bucket]) -> list[float]:
        now = time.monotonic()
        with self._lock:
            if now - self._swept > 60:
                self._swept = now
                self._full_at = {key: full for key, full in self._full_at.items() if full > now}
            return [self._step(now, *bucket) for bucket in buckets]

    def give_back(self, buckets: Sequence[Bucket]) -> None:
        with self._lock:
            for key, _, per_second in buckets:
                if key in self._full_at:
                    self._full_at[key] -= 1 / per_second

    def _step(self, now: float, key: str, burst: int, per_second: float) -> float:
        gap = 1 / per_second
        full = max(self._full_at.get(key, now), now) + gap
        wait = full - now - burst * gap
        if wait > 1e-6:
            return wait
        self._full_at[key] = full
        return 0.0


class _Shared:
    """Buckets in Redis: one round trip for any number of them. While Redis is away, this process counts alone."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)
        self._script = self._redis.register_script(_SCRIPT)
        self._give_back = self._redis.register_script(_BACK)
        self._alone = _Here()
        self._back_at = 0.0

    def take(self, buckets: Sequence[Bucket]) -> list[float]:
        if time.monotonic() < self._back_at:
            return self._alone.take(buckets)
        keys = [f"limit:{key}" for key, _, _ in buckets]
        numbers = [number for _, burst, per_second in buckets for number in (burst, 1 / per_second)]
        try:
            return [float(wait) for wait in self._script(keys=keys, args=numbers)]
        except redis.RedisError as error:
            self._back_at = time.monotonic() + 1
            log.warning("Limits are counted by this process alone: %s", type(error).__name__)
            return self._alone.take(buckets)

    def give_back(self, buckets: Sequence[Bucket]) -> None:
        if time.monotonic() < self._back_at:
            return self._alone.give_back(buckets)
        try:
            for key, _, per_second in buckets:
                self._give_back(keys=[f"limit:{key}"], args=[1 / per_second])
        except redis.RedisError as error:
            log.warning("A token was not given back: %s", type(error).__name__)


_buckets: _Here | _Shared | None = None


def acquire_many(buckets: Sequence[Bucket]) -> list[float]:
    """For each bucket 0 and a token taken, or the seconds until one is there. With LIMITS=off always 0."""
    global _buckets
    if not settings.LIMITS or not buckets:
        return [0.0] * len(buckets)
    if _buckets is None:
        _buckets = _Shared(settings.REDIS_URL) if settings.REDIS_URL else _Here()
    return _buckets.take(buckets)


def acquire(key: str, burst: int, per_second: float) -> float:
    return acquire_many([(key, burst, per_second)])[0]


def release(buckets: Sequence[Bucket]) -> None:
    """Undo one `take` of each: what was counted beforehand turned out not to count, as a right password does."""
    if _buckets is not None and settings.LIMITS:
        _buckets.give_back(buckets)


def reset_all() -> None:
    """For tests: empty every bucket of this process."""
    global _buckets
    _buckets = None
