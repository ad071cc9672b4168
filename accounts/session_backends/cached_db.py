"""Sessions in the database, read through Redis: settings.SESSION_ENGINE where REDIS_URL is set.

Django's own `cached_db` raises while Redis is away. Here that costs a query and signs nobody out.
"""

from __future__ import annotations

import logging

from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from redis import RedisError

from accounts.session_backends.db import KnownKeys

log = logging.getLogger(__name__)


class SessionStore(KnownKeys, CachedStore):
    def load(self):
        try:
            return super().load()
        except RedisError:
            return DatabaseStore.load(self)

    def exists(self, session_key):
        return self._validate_session_key(session_key) and DatabaseStore.exists(self, session_key)

    def delete(self, session_key=None):
        try:
            super().delete(session_key)  # the database first
        except RedisError as error:
            # What stays in the cache opens nothing: its sign-in has ended, and that is a row.
            log.warning("A session stays in the cache: %s", type(error).__name__)
