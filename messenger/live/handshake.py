"""What stands behind every other socket address: nothing."""

from __future__ import annotations

from collections.abc import Callable


async def refused(scope: dict, receive: Callable, send: Callable) -> None:
    await receive()
    await send({"type": "websocket.close"})
