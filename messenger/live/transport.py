"""Writing to a socket. The hub builds a frame once and hands the same bytes to every reader's transport.

ASGI's `send` costs each reader a coroutine, a dictionary and the server's own framing. Both servers that we ship
keep the transport within reach of `send`, and an unmasked text frame is a header and the text; so we write that.
Where no transport is found (another server, a test), ASGI's `send` is used: slower, and the same on the wire.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any


class Outgoing:
    """One frame on its way to any number of sockets."""

    __slots__ = ("_data", "text")

    def __init__(self, text: str):
        self.text = text
        self._data: bytes | None = None

    @property
    def data(self) -> bytes:
        """The frame as RFC 6455 §5.2 has it: FIN and text, the length in one, three or nine bytes, no mask."""
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


class AsyncioWire:
    """uvicorn: an asyncio or uvloop transport."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Any):
        self._transport = transport

    def write(self, frames: list[Outgoing]) -> None:
        if not self._transport.is_closing():
            self._transport.write(frames[0].data if len(frames) == 1 else b"".join([frame.data for frame in frames]))

    def waiting(self) -> int:
        """Bytes that the reader has not taken yet."""
        return self._transport.get_write_buffer_size()

    def close(self, code: int) -> bool:
        """False: to be closed through ASGI."""
        return False

    def abort(self) -> None:
        self._transport.abort()


class TwistedWire:
    """daphne: a Twisted TCP transport under autobahn. What the kernel takes at once never enters Twisted's buffer."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: Any):
        self._protocol = protocol

    def write(self, frames: list[Outgoing]) -> None:
        protocol = self._protocol
        transport = protocol.transport
        if protocol.state != protocol.STATE_OPEN or transport.disconnecting or not transport.connected:
            return
        data = frames[0].data if len(frames) == 1 else b"".join([frame.data for frame in frames])
        if not transport.dataBuffer and not transport._tempDataBuffer:
            try:
                sent = transport.socket.send(data)
            except OSError:
                sent = 0  # not ready, or gone: Twisted finds out and says so
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)

    def waiting(self) -> int:
        transport = self._protocol.transport
        return len(transport.dataBuffer) - transport.offset + transport._tempDataLen

    def close(self, code: int) -> bool:
        """Through ASGI daphne could say 1000 and 3000 to 4999 only: autobahn's public call refuses 1001, 1009, 1013."""
        if self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol.sendCloseFrame(code=code)
        return True

    def abort(self) -> None:
        self._protocol.transport.abortConnection()


class AsgiWire:
    """Any server: frames go one after another through `send`."""

    __slots__ = ("_queue", "_send", "_size", "_task")

    def __init__(self, send: Any):
        self._send = send
        self._queue: list[Outgoing] = []
        self._size = 0
        self._task: asyncio.Task | None = None

    def write(self, frames: list[Outgoing]) -> None:
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
        except Exception:  # closed meanwhile: the receiving side hears of it
            self._queue.clear()

    def waiting(self) -> int:
        return self._size

    def close(self, code: int) -> bool:
        return False

    def abort(self) -> None:
        self._queue.clear()


Wire = AsyncioWire | TwistedWire | AsgiWire


def wire_for(send: Any) -> Wire:
    """The quickest way to the reader that this server offers."""
    protocol = getattr(send, "__self__", None)
    transport = getattr(protocol, "transport", None)
    if isinstance(transport, asyncio.Transport) or hasattr(transport, "get_write_buffer_size"):
        return AsyncioWire(transport)
    if isinstance(send, functools.partial) and send.args:
        protocol = send.args[0]
        transport = getattr(protocol, "transport", None)
        wanted = ("dataBuffer", "_tempDataBuffer", "_tempDataLen", "offset", "socket", "disconnecting", "connected")
        if hasattr(protocol, "STATE_OPEN") and all(hasattr(transport, name) for name in wanted):
            return TwistedWire(protocol)
    return AsgiWire(send)
