"""Stores sessions in the database and caches them in Redis. It is settings.SESSION_ENGINE if REDIS_URL is set.

While Redis is unavailable, Django's own `cached_db` raises an error. This engine reads the session from the database
instead, so that no user is signed out.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.sessions.backends.cached_db import SessionStore as DjangoCachedStore
from django.contrib.sessions.backends.db import SessionStore as DjangoDatabaseStore
from redis import RedisError

from accounts.session_backends.db import SessionStoreMixin

log = logging.getLogger(__name__)


class FallbackCachedStore(DjangoCachedStore):
    def load(self) -> dict[str, Any]:
        try:
            return super().load()
        except RedisError:
            return DjangoDatabaseStore.load(self)

    def exists(self, session_key) -> bool:
        return DjangoDatabaseStore.exists(self, session_key)

    def delete(self, session_key=None) -> None:
        try:
            super().delete(session_key)  # deletes from the database first
        except RedisError as error:
            # The session left in the cache is harmless, because its sign-in has ended in the database.
            log.warning("A session stays in the cache: %s", type(error).__name__)


class SessionStore(SessionStoreMixin, FallbackCachedStore):
    # The name of this class is part of the salt of stored sessions, and Django's `cache_key_prefix` is part of the
    # names of cache keys. Changing one of them signs everybody out.
    pass
