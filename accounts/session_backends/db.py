"""Stores sessions in the database. It is settings.SESSION_ENGINE on a site without Redis."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DjangoDatabaseStore

_SESSION_KEY = re.compile(r"[a-z0-9]{32}")  # the format of Django's session keys

# A session stores the dotted path of its authentication backend and is still used after an upgrade. If Django does not
# know the path, the user is signed out. When a backend is renamed or moved, add its old path here. Version 0.1.0 had
# `accounts.passwords`.
RENAMED_BACKENDS = {"accounts.passwords.PasswordBackend": "accounts.auth.auth_backends.PasswordBackend"}


class SessionStoreMixin:
    """Ignores malformed session keys, and replaces old paths of authentication backends when a session is loaded.

    A cookie may contain any text. A malformed key is never looked up in the database or the cache, because it may
    contain NUL, which causes an error in PostgreSQL.
    """

    def _validate_session_key(self, key) -> bool:
        """Returns whether a key from a cookie has the format of a session key. Overrides a method of Django."""
        return isinstance(key, str) and _SESSION_KEY.fullmatch(key) is not None

    def exists(self, session_key) -> bool:
        return self._validate_session_key(session_key) and super().exists(session_key)  # type: ignore[misc]

    async def aexists(self, session_key) -> bool:
        return self._validate_session_key(session_key) and await super().aexists(session_key)  # type: ignore[misc]

    def load(self) -> dict[str, Any]:
        return _with_current_backend(super().load()) if self.session_key else {}  # type: ignore[misc, attr-defined]

    async def aload(self) -> dict[str, Any]:
        if not self.session_key:  # type: ignore[attr-defined]
            return {}
        return _with_current_backend(await super().aload())  # type: ignore[misc]


def _with_current_backend(data: dict[str, Any]) -> dict[str, Any]:
    if (path := data.get(BACKEND_SESSION_KEY)) in RENAMED_BACKENDS:
        return {**data, BACKEND_SESSION_KEY: RENAMED_BACKENDS[path]}
    return data


class SessionStore(SessionStoreMixin, DjangoDatabaseStore):
    # The name of this class is part of the salt of stored sessions (`SessionBase.key_salt`), so it must not change.
    pass
