"""Cache backends: one for a site with a single process, and one for Redis that also works while Redis is down.

allauth keeps its rate limits and its used one-time codes in this cache. While Redis is down, each process uses a cache
in its own memory, so pages that need no other data from Redis still work. Rate limits then count in each process
separately, and a one-time code is still rejected by the process that has accepted it before. Sessions use another
cache: see accounts/session_backends/cached_db.py.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

log = logging.getLogger(__name__)
MAX_LOCAL_ENTRIES = 100_000  # about 30 MB
RETRY_SECONDS = 1.0  # after an error, Redis is not used for this time


class LocalCache(LocMemCache):
    """A cache in the memory of this process. When the cache is full, it first removes expired entries.

    When Django's `LocMemCache` is full, it removes arbitrary entries. Such an entry could be a used one-time code,
    which would then be accepted a second time.
    """

    def __init__(self, name: str, params: dict[str, Any]):
        super().__init__(name, {**params, "OPTIONS": {"MAX_ENTRIES": MAX_LOCAL_ENTRIES}})

    def _cull(self) -> None:
        """Removes entries when the cache is full: first those that have expired, then others if it is still full.

        The caller must hold the lock of the cache.
        """
        now = time.time()
        expiry_times: dict[str, float | None] = self._expire_info  # type: ignore[attr-defined]
        for key in [key for key, expires in expiry_times.items() if expires is not None and expires <= now]:
            self._delete(key)  # type: ignore[attr-defined]
        if len(expiry_times) >= MAX_LOCAL_ENTRIES:
            super()._cull()  # type: ignore[misc]


class RedisCacheWithFallback(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]):
        super().__init__(server, dict(params))
        local_params = {key: params[key] for key in params if key != "OPTIONS"}
        self._local_cache = LocalCache("while-redis-is-away", local_params)
        self._retry_at = 0.0


def _with_fallback(name: str):
    def method(self: RedisCacheWithFallback, *args: Any, **options: Any) -> Any:
        if time.monotonic() >= self._retry_at:
            try:
                return getattr(RedisCache, name)(self, *args, **options)
            except RedisError as error:
                self._retry_at = time.monotonic() + RETRY_SECONDS
                log.warning("Redis is down, the cache is local to this process: %s", type(error).__name__)
        return getattr(self._local_cache, name)(*args, **options)

    method.__name__ = name
    return method


for _name in (
    "add",
    "get",
    "set",
    "touch",
    "delete",
    "get_many",
    "has_key",
    "incr",
    "set_many",
    "delete_many",
    "clear",
):
    setattr(RedisCacheWithFallback, _name, _with_fallback(_name))
