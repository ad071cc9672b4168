"""A minimal, fast WebSocket client on asyncio protocols.

A WebSocket library needs more time to read a frame than the measured server needs to write it. So with a library the
measurement would show the speed of the client.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable, Iterable

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
OPEN_AT_ONCE = 25  # parallel handshakes; more would only wait in the queue of the server


class ConnectionFailed(Exception):
    """Raised if the server did not answer the WebSocket handshake with status 101, or has closed the connection."""


class Socket(asyncio.Protocol):
    """A WebSocket connection that calls the function `on_frame(socket, payload)` for each text frame that it receives.

    `ended` is the reason why the connection was closed.
    """

    __slots__ = ("_handshake", "_opened", "_rest", "_transport", "closed", "ended", "on_frame", "state")

    def __init__(self, handshake: bytes, on_frame: Callable[[Socket, bytes], None]):
        self.on_frame = on_frame
        self.state: dict = {}  # data of the measurement about this socket
        self.closed, self.ended = False, ""
        self._handshake, self._rest = handshake, b""
        self._opened = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport

    def connection_made(self, transport) -> None:
        self._transport = transport
        transport.write(self._handshake)

    def connection_lost(self, error) -> None:
        self.closed = True
        self.ended = self.ended or f"the connection was lost: {error}"
        if not self._opened.done():
            self._opened.set_exception(ConnectionFailed(self.ended))

    async def opened(self) -> None:
        await self._opened

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        if not self._opened.done():
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._opened.set_exception(ConnectionFailed(head.split(b"\r\n")[0].decode()))
                return
            self._opened.set_result(None)
        self._rest = self._handle_frames(data)

    def _handle_frames(self, data: bytes) -> bytes:
        """Handles each complete WebSocket frame in `data`. Returns the bytes of the incomplete frame at the end."""
        position, end, on_frame = 0, len(data), self.on_frame
        while end - position >= 2:
            kind, size, start = data[position], data[position + 1], position + 2
            if size == 126:
                start += 2
                size = int.from_bytes(data[position + 2 : start])
            elif size == 127:
                start += 8
                size = int.from_bytes(data[position + 2 : start])
            if start + size > end or end < start:
                break
            position = start + size
            if kind == TEXT:
                on_frame(self, data[start:position])
            else:
                self._handle_control_frame(kind, data[start:position])
        return data[position:] if position else data

    def _handle_control_frame(self, kind: int, payload: bytes) -> None:
        if kind == PING:
            self._transport.write(_frame(PONG, payload))
        elif kind == CLOSE:
            self.ended = f"closed with {int.from_bytes(payload[:2])}"
        elif kind != PONG:
            raise AssertionError(f"No server under test sends frames of kind {kind:#x}")

    def send(self, text: bytes) -> None:
        self._transport.write(_frame(TEXT, text))

    def close(self) -> None:
        self._transport.close()


def _frame(kind: int, payload: bytes) -> bytes:
    """Returns the bytes of a WebSocket frame from a client, with the mask 0.

    Clients must combine the bytes of a frame with a mask. The mask 0 is allowed and leaves the bytes unchanged, which
    saves time.
    """
    size = len(payload)
    if size < 126:
        return bytes((kind, 0x80 | size, 0, 0, 0, 0)) + payload
    return bytes((kind, 0xFE)) + size.to_bytes(2) + b"\0\0\0\0" + payload


async def open_socket(port: int, path: str, cookie: str, on_frame: Callable[[Socket, bytes], None]) -> Socket:
    handshake = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: Socket(handshake.encode(), on_frame), "127.0.0.1", port)
    await socket.opened()
    return socket


async def open_all(
    port: int, urls_and_cookies: Iterable[tuple[str, str]], on_frame: Callable[[Socket, bytes], None]
) -> list[Socket]:
    """Opens a WebSocket for each pair (path, session cookie). Returns the sockets in the same order."""
    semaphore = asyncio.Semaphore(OPEN_AT_ONCE)

    async def open_one(path: str, cookie: str) -> Socket:
        async with semaphore:
            return await open_socket(port, path, cookie, on_frame)

    return await asyncio.gather(*[open_one(path, cookie) for path, cookie in urls_and_cookies])
