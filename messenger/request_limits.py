"""How large a request's body may be. Django reads it to the end, to memory and disk, before any of its limits asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

TOO_LARGE = "messenger.too_large"  # in the scope of a request that was: the bytes it might have had


class Bounded:
    """Around Django's ASGI application. What is too large, by its Content-Length or as it comes, reaches Django without
    the rest of its body and with TOO_LARGE in its scope; `messenger.api.bodies_that_can_be_read` answers it 413.

    `larger`: paths at which more is allowed, as whole expressions, in bytes. All others have
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE.
    """

    def __init__(self, application, larger: Mapping[str, int]) -> None:
        self.application = application
        self.larger = [(re.compile(path), most) for path, most in larger.items()]

    def _most(self, path: str) -> int:
        return next(
            (most for paths, most in self.larger if paths.fullmatch(path)), settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        )

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return await self.application(scope, receive, send)
        most = self._most(scope["path"])
        scope = dict(scope)
        if _declared(scope) > most:
            scope[TOO_LARGE] = most
        came, ended = 0, False

        async def bounded() -> dict[str, Any]:
            nonlocal came, ended
            while True:
                if TOO_LARGE in scope and not ended:
                    ended = True
                    return {"type": "http.request", "body": b"", "more_body": False}
                message = await receive()
                if message["type"] != "http.request":
                    return message
                if ended:  # the rest is let go by
                    continue
                came += len(message.get("body", b""))
                if came > most:
                    scope[TOO_LARGE] = most
                    continue
                ended = not message.get("more_body", False)
                return message

        await self.application(scope, bounded, send)


def _declared(scope) -> int:
    """The Content-Length in bytes; 0 where there is none or it is no number, as then what comes is counted."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 20 else 0
    return 0
