"""What one request may cost under daphne.

Twisted gathers a whole request, whoever sends it, in a file of its own; daphne then reads all of that into memory
before the application is asked: 500 MB sent cost 500 MB. There is no place in ASGI where that could be bounded. So how
much is gathered is bounded where Twisted reads, and what daphne queues are places in the file, which are read when the
application asks for them. Answers wait for their readers: daphne would keep all that a slow one has not taken. uvicorn
gives us requests as they come, and waits, and needs nothing of this.
"""

from __future__ import annotations

import asyncio
import sys
from io import BytesIO
from typing import IO

UNTAKEN = 1024 * 1024  # bytes of an answer that wait for its reader
BREATH = 0.01  # seconds until we look again
_ANSWER = (
    b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)


def bound_requests(most: int) -> None:
    """Requests of more than `most` bytes are answered 413 and the line is closed. Only where daphne is the server."""
    server = sys.modules.get("daphne.http_protocol")
    if server is None:
        return
    given = server.WebRequest

    def got_length(self, length: int | None) -> None:
        self._came = 0
        self._refused = False
        if length is not None and length > most:
            _refuse(self, most)
        super(given, self).gotLength(0 if self._refused else length)

    def handle_content_chunk(self, data: bytes) -> None:
        self._came += len(data)
        if self._came > most and not self._refused:
            _refuse(self, most)
        if not self._refused:
            super(given, self).handleContentChunk(data)

    gathered = given.process

    def process(self):
        if not isinstance(self.content, BytesIO):
            self.content = _Gathered(self.content)
        return gathered(self)

    given.gotLength, given.handleContentChunk, given.process = got_length, handle_content_chunk, process
    _wait_for_readers(sys.modules["daphne.server"].Server)


def _wait_for_readers(server) -> None:
    given = server.handle_reply

    async def handle_reply(self, protocol, message):
        await given(self, protocol, message)
        if message["type"] != "http.response.body" or not message.get("more_body"):
            return
        while _untaken(protocol) > UNTAKEN and not self.connections.get(protocol, {"disconnected": 1}).get(
            "disconnected"
        ):
            await asyncio.sleep(BREATH)

    server.handle_reply = handle_reply


def _untaken(protocol) -> int:
    transport = getattr(getattr(protocol, "channel", None), "transport", None)
    if transport is None or not hasattr(transport, "_tempDataLen"):
        return 0
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen


class _Place:
    """Some bytes of a file, as long as they are."""

    __slots__ = ("_at", "_file", "_length")

    def __init__(self, file: IO[bytes], at: int, length: int):
        self._file, self._at, self._length = file, at, length

    def __len__(self) -> int:
        return self._length

    def read(self) -> bytes:
        """ValueError: the client has left, and the file with it."""
        self._file.seek(self._at)
        return self._file.read(self._length)


class _Gathered:
    """In the place of the file: bytes that are read bit by bit come later."""

    def __init__(self, file: IO[bytes]):
        self._file, self._size, self._at = file, file.seek(0, 2), 0
        file.seek(0)

    def __getattr__(self, name: str):
        return getattr(self._file, name)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = self._file.seek(offset, whence)
        return self._at

    def read(self, count: int = -1) -> bytes | _Place:
        if count < 0:
            return self._file.read()
        place = _Place(self._file, self._at, min(count, self._size - self._at))
        self._at += len(place)
        return place


class Unspooled:
    """Before the application: what daphne left in its file is read now, a piece at a time."""

    def __init__(self, application) -> None:
        self.application = application

    async def __call__(self, scope, receive, send) -> None:
        async def received():
            message = await receive()
            if not isinstance(place := message.get("body"), _Place):
                return message
            try:
                return {**message, "body": place.read()}
            except ValueError:
                return {"type": "http.disconnect"}

        await self.application(scope, received, send)


def _refuse(request, most: int) -> None:
    request._refused = True
    body = b'{"code":"too_large","detail":"A request may have %d bytes."}' % most
    request.channel.transport.write(_ANSWER % (len(body), body))
    request.channel.loseConnection()
