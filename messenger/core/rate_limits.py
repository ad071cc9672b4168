"""Rate limits with token buckets. Pages, API and WebSocket share the buckets; with Redis, all processes share them.

Each action takes one token and is rejected if the bucket is empty. A bucket holds at most `burst` tokens, and
`per_second` tokens are added each second. Only one number is stored: the time at which the bucket will be full again
(GCRA, the generic cell rate algorithm). A full bucket needs no entry, so its key in Redis expires.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import redis
from django.conf import settings
from django.http import HttpRequest

from messenger.core.client_ip import request_network
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
    """Returns the token bucket of one user or address (`key`) for the rate limit `name` from settings.RATES."""
    return f"{name}.{key}", *settings.RATES[name]


def buckets(name: str, keys: Iterable[object]) -> list[Bucket]:
    """Returns the token buckets of several users or addresses for the rate limit `name`."""
    rate = settings.RATES[name]
    return [(f"{name}.{key}", *rate) for key in keys]


class _LocalBuckets:
    """Stores token buckets in the memory of this process."""

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
    """Stores token buckets in Redis, which all processes share.

    Takes tokens from several buckets in one request to Redis.

    While Redis is down, each process counts in its own memory.
    """

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
    """Context manager that switches off all rate limits.

    Used by background tasks that call actions, not by requests.
    """
    token = _suspended.set(True)
    try:
        yield
    finally:
        _suspended.reset(token)


def acquire_many(buckets: Sequence[Bucket]) -> list[float]:
    """Takes one token from each bucket. Returns for each bucket 0, or the seconds to wait if the bucket is empty.

    If the setting LIMITS is off, or inside the context manager `suspended()`, takes no tokens and returns zeros.
    """
    global _buckets
    if not settings.LIMITS or not buckets or _suspended.get():
        return [0.0] * len(buckets)
    if _buckets is None:
        _buckets = _RedisBuckets(settings.REDIS_URL) if settings.REDIS_URL else _LocalBuckets()
    return _buckets.acquire(buckets)


def acquire(name: str, key: object) -> float:
    """Takes a token of the rate limit `name` for one user or address (`key`). Returns 0, or the seconds to wait."""
    return acquire_many([bucket(name, key)])[0]


def acquire_for_request(name: str, user_id: int | None, request: HttpRequest) -> float:
    """Takes a token of the rate limit `name` for a signed-in user. Returns 0, or the seconds to wait.

    Without sign-in (`user_id` is None), takes a token of the rate limit "api.address" for the network of the request.
    """
    return acquire("api.address", request_network(request)) if user_id is None else acquire(name, user_id)


def require(name: str, key: object) -> None:
    """Takes a token of the rate limit `name` for one user or address (`key`). Raises `rate_limited` if none is left."""
    if wait := acquire(name, key):
        raise rate_limited(wait)


def release(buckets: Sequence[Bucket]) -> None:
    """Gives one token back to each bucket.

    Example: each sign-in attempt takes a token, and a correct password gives the token back. So only wrong passwords
    count.
    """
    if _buckets is not None and settings.LIMITS:
        _buckets.release(buckets)


def reset_all() -> None:
    """Resets all buckets in the memory of this process. Used by tests."""
    global _buckets
    _buckets = None
