"""Writes WebSocket frames directly to the network transport of the ASGI server.

ASGI's `send` needs a coroutine, a dictionary and a newly built frame for each recipient. With both supported servers
(uvicorn, daphne), the transport can be reached from `send`. The bytes of a text frame are only a header and the text,
so they are built once for all recipients. If no transport is found (another server, a test), ASGI's `send` is used: it
is slower and sends the same bytes. See docs/decisions/writing-to-the-transport.md.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from django.conf import settings


class OutgoingFrame:
    """A frame that is sent to any number of connections. Its bytes are built only once.

    `data` has the bytes of the frame (RFC 6455 §5.2): FIN and the text opcode, a length in one, three or nine bytes,
    and no mask.
    """

    __slots__ = ("data", "text")

    def __init__(self, text: str):
        self.text = text
        payload = text.encode()
        size = len(payload)
        if size < 126:
            header = bytes((0x81, size))
        elif size < 65536:
            header = b"\x81\x7e" + size.to_bytes(2)
        else:
            header = b"\x81\x7f" + size.to_bytes(8)
        self.data = header + payload


class JoinedFrames(dict[tuple[OutgoingFrame, ...], bytes]):
    """A cache of concatenated WebSocket frames, by the tuple of the frames.

    Connections that wait for the same frames share the bytes.
    """

    def __missing__(self, frames: tuple[OutgoingFrame, ...]) -> bytes:
        data = self[frames] = b"".join([frame.data for frame in frames])
        return data


class AsyncioTransport:
    """Writes frames to a transport of asyncio or uvloop. Used with uvicorn."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Any):
        self._transport = transport

    def write(self, frames: list[OutgoingFrame], joined: JoinedFrames) -> None:
        if not self._transport.is_closing():
            self._transport.write(frames[0].data if len(frames) == 1 else joined[tuple(frames)])

    def buffered_bytes(self) -> int:
        """Returns how many bytes wait in this process to be sent. The number grows if the client reads slowly."""
        return self._transport.get_write_buffer_size()

    def close(self, code: int, reason: str) -> bool:
        """Returns False, because with uvicorn the caller must close the connection through ASGI's `send`."""
        return False

    def abort(self) -> None:
        self._transport.abort()


class AsgiTransport:
    """Sends frames through ASGI's `send`, one after another. Used with servers other than uvicorn and daphne."""

    __slots__ = ("_queue", "_send", "_size", "_task")

    def __init__(self, send: Any):
        self._send = send
        self._queue: list[OutgoingFrame] = []
        self._size = 0
        self._task: asyncio.Task | None = None

    def write(self, frames: list[OutgoingFrame], joined: JoinedFrames) -> None:
        self._queue += frames
        self._size += sum(len(frame.text) for frame in frames)
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        try:
            while self._queue:
                frame = self._queue.pop(0)
                await self._send({"type": "websocket.send", "text": frame.text})
                self._size -= len(frame.text)
        except Exception:  # closed meanwhile: the consumer receives `websocket.disconnect`
            self._queue.clear()

    def buffered_bytes(self) -> int:
        return self._size

    def close(self, code: int, reason: str) -> bool:
        return False

    def abort(self) -> None:
        self._queue.clear()


class SocketTransport(Protocol):
    """What a connection needs of a transport. That of daphne is in messenger.core.daphne_internals."""

    def write(self, frames: list[OutgoingFrame], joined: JoinedFrames) -> None: ...
    def buffered_bytes(self) -> int: ...
    def close(self, code: int, reason: str) -> bool: ...
    def abort(self) -> None: ...


def transport_for(send: Any) -> SocketTransport:
    """Returns the fastest transport for a connection. `send` is the ASGI callable of the connection."""
    protocol = getattr(send, "__self__", None)
    transport = getattr(protocol, "transport", None)
    if isinstance(transport, asyncio.Transport) or hasattr(transport, "get_write_buffer_size"):
        return AsyncioTransport(transport)
    if settings.SERVER == "daphne":
        from messenger.core import daphne_internals  # not loaded under another server

        return daphne_internals.daphne_transport_for(send) or AsgiTransport(send)
    return AsgiTransport(send)
