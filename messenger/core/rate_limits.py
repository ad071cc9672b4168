"""Rate limits: token buckets, shared by pages, API and WebSocket and, with Redis, by all processes.

A bucket holds `burst` tokens and is refilled with `per_second` tokens a second. It is stored as one number: the time at
which it is full again (GCRA, the generic cell rate algorithm). So taking a token is one comparison, and keys in Redis
expire by themselves.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import redis
from django.conf import settings

from messenger.core.errors import rate_limited

log = logging.getLogger(__name__)

_ACQUIRE_SCRIPT = """
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

_RELEASE_SCRIPT = (
    "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('INCRBYFLOAT', KEYS[1], -tonumber(ARGV[1])) end"
)

Bucket = tuple[str, int, float]  # key, burst, tokens per second


def bucket(name: str, key: object) -> Bucket:
    """Return the bucket of one user or address (`key`) for the rate limit `name` of settings.RATES."""
    return f"{name}.{key}", *settings.RATES[name]


class _LocalBuckets:
    """Buckets in the memory of this process."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._cleaned_at = 0.0

    def acquire(self, buckets: Sequence[Bucket]) -> list[float]:
        now = time.monotonic()
        with self._lock:
            if now - self._cleaned_at > 60:
                self._cleaned_at = now
                self._full_at = {key: full for key, full in self._full_at.items() if full > now}
            return [self._acquire_one(now, *bucket) for bucket in buckets]

    def release(self, buckets: Sequence[Bucket]) -> None:
        with self._lock:
            for key, _, per_second in buckets:
                if key in self._full_at:
                    self._full_at[key] -= 1 / per_second

    def _acquire_one(self, now: float, key: str, burst: int, per_second: float) -> float:
        gap = 1 / per_second
        full = max(self._full_at.get(key, now), now) + gap
        wait = full - now - burst * gap
        if wait > 1e-6:
            return wait
        self._full_at[key] = full
        return 0.0


class _RedisBuckets:
    """Buckets in Redis: one round trip for any number of them. While Redis is down, each process counts by itself."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)
        self._acquire_script = self._redis.register_script(_ACQUIRE_SCRIPT)
        self._release_script = self._redis.register_script(_RELEASE_SCRIPT)
        self._local = _LocalBuckets()
        self._retry_at = 0.0

    def acquire(self, buckets: Sequence[Bucket]) -> list[float]:
        if time.monotonic() < self._retry_at:
            return self._local.acquire(buckets)
        keys = [f"limit:{key}" for key, _, _ in buckets]
        numbers = [number for _, burst, per_second in buckets for number in (burst, 1 / per_second)]
        try:
            return [float(wait) for wait in self._acquire_script(keys=keys, args=numbers)]
        except redis.RedisError as error:
            self._retry_at = time.monotonic() + 1
            log.warning("Redis is down, rate limits are local to this process: %s", type(error).__name__)
            return self._local.acquire(buckets)

    def release(self, buckets: Sequence[Bucket]) -> None:
        if time.monotonic() < self._retry_at:
            return self._local.release(buckets)
        try:
            for key, _, per_second in buckets:
                self._release_script(keys=[f"limit:{key}"], args=[1 / per_second])
        except redis.RedisError as error:
            log.warning("A rate limit token was not released: %s", type(error).__name__)


_buckets: _LocalBuckets | _RedisBuckets | None = None
_suspended: ContextVar[bool] = ContextVar("rate_limits_suspended", default=False)


@contextmanager
def suspended() -> Iterator[None]:
    """Within this context nothing is limited: for tasks that call actions on their own account, not for requests."""
    token = _suspended.set(True)
    try:
        yield
    finally:
        _suspended.reset(token)


def acquire_many(buckets: Sequence[Bucket]) -> list[float]:
    """Take a token from each bucket. Return for each 0, or the seconds to wait if it has none.

    With LIMITS=off, and inside `suspended()`, it returns zeros.
    """
    global _buckets
    if not settings.LIMITS or not buckets or _suspended.get():
        return [0.0] * len(buckets)
    if _buckets is None:
        _buckets = _RedisBuckets(settings.REDIS_URL) if settings.REDIS_URL else _LocalBuckets()
    return _buckets.acquire(buckets)


def acquire(name: str, key: object) -> float:
    """Take a token of the rate limit `name` for one user or address. Return 0, or the seconds to wait."""
    return acquire_many([bucket(name, key)])[0]


def require(name: str, key: object) -> None:
    """Take a token like `acquire`. Raise `rate_limited` if there is none."""
    if wait := acquire(name, key):
        raise rate_limited(wait)


def release(buckets: Sequence[Bucket]) -> None:
    """Return one token to each bucket, for something that turns out not to count, such as a correct password."""
    if _buckets is not None and settings.LIMITS:
        _buckets.release(buckets)


def reset_all() -> None:
    """Reset all buckets of this process. For tests."""
    global _buckets
    _buckets = None
