"""Sessions in the database: settings.SESSION_ENGINE where there is no Redis."""

from __future__ import annotations

import re

from django.contrib.sessions.backends.db import SessionStore as DjangoStore

_KEY = re.compile(r"[a-z0-9]{32}")  # as Django makes them


class KnownKeys:
    """A cookie may hold anything. What is no key of ours is no session, and neither database nor cache is asked:
    PostgreSQL takes no NUL in a text."""

    def _validate_session_key(self, key) -> bool:
        """Django's own question before it takes a key on."""
        return isinstance(key, str) and _KEY.fullmatch(key) is not None

    def exists(self, session_key) -> bool:
        return self._validate_session_key(session_key) and super().exists(session_key)  # type: ignore[misc]

    async def aexists(self, session_key) -> bool:
        return self._validate_session_key(session_key) and await super().aexists(session_key)  # type: ignore[misc]

    def load(self) -> dict:
        return super().load() if self.session_key else {}  # type: ignore[misc, attr-defined]

    async def aload(self) -> dict:
        return await super().aload() if self.session_key else {}  # type: ignore[misc, attr-defined]


class SessionStore(KnownKeys, DjangoStore):
    pass
