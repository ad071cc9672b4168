"""Limits the size of request bodies.

Django checks its own limits only when the body is already in memory or on disk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

TOO_LARGE = "messenger.too_large"  # key in the scope of a request that was too large: the limit in bytes


class RequestSizeLimiter:
    """ASGI middleware around Django's application that limits the size of request bodies.

    The rest of a body is ignored if its Content-Length is too large, or as soon as the received bytes exceed the limit.
    The key TOO_LARGE is then set in the ASGI scope, and `messenger.middleware.reject_unreadable_bodies` answers with
    status 413.

    `larger` maps regular expressions to limits in bytes. An expression must match the whole path. For all other paths,
    the limit is settings.DATA_UPLOAD_MAX_MEMORY_SIZE.
    """

    def __init__(self, application, larger: Mapping[str, int]) -> None:
        self.application = application
        self.larger = [(re.compile(path), limit) for path, limit in larger.items()]

    def _limit_for(self, path: str) -> int:
        return next(
            (limit for pattern, limit in self.larger if pattern.fullmatch(path)), settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        )

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return await self.application(scope, receive, send)
        limit = self._limit_for(scope["path"])
        scope = dict(scope)
        if _content_length(scope) > limit:
            scope[TOO_LARGE] = limit
        size, has_ended = 0, False

        async def receive_limited() -> dict[str, Any]:
            nonlocal size, has_ended
            while True:
                if TOO_LARGE in scope and not has_ended:
                    has_ended = True
                    return {"type": "http.request", "body": b"", "more_body": False}
                message = await receive()
                if message["type"] != "http.request":
                    return message
                if has_ended:  # discards the rest of the body
                    continue
                size += len(message.get("body", b""))
                if size > limit:
                    scope[TOO_LARGE] = limit
                    continue
                has_ended = not message.get("more_body", False)
                return message

        await self.application(scope, receive_limited, send)


def _content_length(scope) -> int:
    """Returns the Content-Length in bytes, or 0 if the header is missing or invalid.

    A wrong value does no harm, because the received bytes are counted too.
    """
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 20 else 0
    return 0
