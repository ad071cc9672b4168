"""Writes WebSocket frames directly to the network transport of the ASGI server.

ASGI's `send` needs a coroutine, a dictionary and a newly built frame for each recipient. With both supported servers
(uvicorn, daphne), the transport can be reached from `send`. The bytes of a text frame are only a header and the text,
so they are built once for all recipients. If no transport is found (another server, a test), ASGI's `send` is used: it
is slower and sends the same bytes. See docs/decisions/writing-to-the-transport.md.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any


class OutgoingFrame:
    """A frame that is sent to any number of connections. Its bytes are built once, when they are first needed."""

    __slots__ = ("_data", "text")

    def __init__(self, text: str):
        self.text = text
        self._data: bytes | None = None

    @property
    def data(self) -> bytes:
        """Returns the bytes of the frame (RFC 6455 §5.2). They are built once and then kept.

        The frame has FIN and the text opcode, a length in one, three or nine bytes, and no mask.
        """
        if self._data is None:
            payload = self.text.encode()
            size = len(payload)
            if size < 126:
                header = bytes((0x81, size))
            elif size < 65536:
                header = b"\x81\x7e" + size.to_bytes(2)
            else:
                header = b"\x81\x7f" + size.to_bytes(8)
            self._data = header + payload
        return self._data


class AsyncioTransport:
    """Writes frames to a transport of asyncio or uvloop. Used with uvicorn."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Any):
        self._transport = transport

    def write(self, frames: list[OutgoingFrame]) -> None:
        if not self._transport.is_closing():
            self._transport.write(frames[0].data if len(frames) == 1 else b"".join([frame.data for frame in frames]))

    def buffered_bytes(self) -> int:
        """Returns how many bytes wait in this process to be sent. The number grows if the client reads slowly."""
        return self._transport.get_write_buffer_size()

    def close(self, code: int, reason: str) -> bool:
        """Returns False, because with uvicorn the caller must close the connection through ASGI's `send`."""
        return False

    def abort(self) -> None:
        self._transport.abort()


class TwistedTransport:
    """Writes frames to Twisted's TCP transport without autobahn, the WebSocket library of daphne. Used with daphne.

    Bytes that the kernel accepts at once are not copied into Twisted's buffer.
    """

    __slots__ = ("_protocol",)

    def __init__(self, protocol: Any):
        self._protocol = protocol

    def write(self, frames: list[OutgoingFrame]) -> None:
        protocol = self._protocol
        transport = protocol.transport
        if protocol.state != protocol.STATE_OPEN or transport.disconnecting or not transport.connected:
            return
        data = frames[0].data if len(frames) == 1 else b"".join([frame.data for frame in frames])
        if not transport.dataBuffer and not transport._tempDataBuffer:
            try:
                sent = transport.socket.send(data)
            except OSError:
                sent = 0  # not ready, or disconnected: Twisted detects which when it writes
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)

    def buffered_bytes(self) -> int:
        transport = self._protocol.transport
        return len(transport.dataBuffer) - transport.offset + transport._tempDataLen

    def close(self, code: int, reason: str) -> bool:
        """Sends the close frame directly to the network transport and returns True.

        With ASGI's `send`, autobahn (daphne's WebSocket library) allows only the codes 1000 and 3000 to 4999. We also
        need 1001, 1009 and 1013.
        """
        if self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol.sendCloseFrame(code=code, reasonUtf8=reason.encode() or None)
        return True

    def abort(self) -> None:
        self._protocol.transport.abortConnection()


class AsgiTransport:
    """Sends frames through ASGI's `send`, one after another. Used with servers other than uvicorn and daphne."""

    __slots__ = ("_queue", "_send", "_size", "_task")

    def __init__(self, send: Any):
        self._send = send
        self._queue: list[OutgoingFrame] = []
        self._size = 0
        self._task: asyncio.Task | None = None

    def write(self, frames: list[OutgoingFrame]) -> None:
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


SocketTransport = AsyncioTransport | TwistedTransport | AsgiTransport


def transport_for(send: Any) -> SocketTransport:
    """Returns the fastest transport for a connection. `send` is the ASGI callable of the connection."""
    protocol = getattr(send, "__self__", None)
    transport = getattr(protocol, "transport", None)
    if isinstance(transport, asyncio.Transport) or hasattr(transport, "get_write_buffer_size"):
        return AsyncioTransport(transport)
    if protocol := daphne_protocol(send):
        required = ("dataBuffer", "_tempDataBuffer", "_tempDataLen", "offset", "socket", "disconnecting", "connected")
        if all(hasattr(protocol.transport, name) for name in required):
            return TwistedTransport(protocol)
    return AsgiTransport(send)


def daphne_protocol(send: Any) -> Any | None:
    """Returns daphne's object for a WebSocket connection, or None if the server is not daphne.

    `send` is the ASGI callable of the connection.
    """
    protocol = send.args[0] if isinstance(send, functools.partial) and send.args else None
    return protocol if hasattr(protocol, "STATE_OPEN") and hasattr(protocol, "transport") else None
