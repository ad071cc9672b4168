"""How large one request may be under daphne.

daphne gathers a whole request, whoever sends it, and then holds all of it in memory before the application is asked:
500 MB sent cost 500 MB. There is no place in ASGI where that could be bounded, so it is bounded where Twisted reads.
uvicorn gives us requests as they come and needs nothing of this.
"""

from __future__ import annotations

import sys

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

    given.gotLength, given.handleContentChunk = got_length, handle_content_chunk


def _refuse(request, most: int) -> None:
    request._refused = True
    body = b'{"code":"too_large","detail":"A request may have %d bytes."}' % most
    request.channel.transport.write(_ANSWER % (len(body), body))
    request.channel.loseConnection()
