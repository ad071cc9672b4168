"""Redis as a cache, and this process's own memory while Redis is away.

What stands in it counts tries and remembers spent codes (allauth). Without it, pages that need no Redis would fail; to
count alone for a while is better, and no code is taken twice by one process. Sessions have a cache of their own, with
the database behind it: see accounts/session_backends/cached_db.py.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

log = logging.getLogger(__name__)
AWAY = 1.0  # seconds until Redis is asked again


class RedisOrHere(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]):
        super().__init__(server, dict(params))
        self._here = LocMemCache("while-redis-is-away", {key: params[key] for key in params if key != "OPTIONS"})
        self._back_at = 0.0


def _with_an_alternative(name: str):
    def method(self: RedisOrHere, *args: Any, **options: Any) -> Any:
        if time.monotonic() >= self._back_at:
            try:
                return getattr(RedisCache, name)(self, *args, **options)
            except RedisError as error:
                self._back_at = time.monotonic() + AWAY
                log.warning("The cache is this process's own for now: %s", type(error).__name__)
        return getattr(self._here, name)(*args, **options)

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
    setattr(RedisOrHere, _name, _with_an_alternative(_name))
