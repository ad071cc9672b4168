"""All that depends on private parts of daphne, the library Twisted and autobahn. Loaded only if the server is daphne.

tests/test_daphne_internals.py fails if a new version changes one of these parts.

**Requests.** Twisted first writes the whole body of a request to a temporary file, even for anonymous clients. daphne
then reads the whole file into memory before it calls the application, so a request of 500 MB takes 500 MB of memory.
ASGI offers no way to limit this. `patch_daphne` therefore changes Twisted and daphne:

- Twisted stops reading at a limit, and the request is answered with status 413.
- daphne queues byte ranges of the temporary file instead of bytes. `SpooledBodyReader` reads a byte range when the
  application asks for it.
- A response waits for a client that reads slowly. Otherwise daphne keeps all unsent bytes of the response in memory.
- The headers of a request must arrive within Twisted's timeout of 60 seconds. Otherwise each further byte would begin
  it again, and a client could keep a connection open by sending a header slowly.

**WebSockets.** `TwistedTransport` writes frames directly to the network. A handshake needs HTTP/1.1 and version 13 of
the protocol (RFC 6455): daphne also accepts drafts of it and HTTP/1.0. `send_http_response` answers a handshake with a
body, and `TwistedTransport.close` sends a reason and all close codes, which daphne cannot.

The other server, uvicorn, needs none of this: it passes on a request while it arrives, waits for slow clients, and
checks handshakes. It has no timeout for headers, so a reverse proxy in front of it must have one, as nginx has.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import IO, Any

from daphne import http_protocol, ws_protocol
from daphne import server as daphne_server
from twisted.web import http

MAX_UNSENT = 1024 * 1024  # bytes of a response that may wait for a slow reader
POLL_INTERVAL = 0.01  # seconds between two looks at the unsent bytes
_TOO_LARGE_RESPONSE = (
    b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)


def patch_daphne(max_request_size: int) -> None:
    """Patches daphne so that one HTTP request cannot use much memory.

    A request of more than `max_request_size` bytes is answered with status 413, and its connection is closed. The
    bodies of other requests stay in a temporary file until they are read, and responses wait for slow clients.
    """
    request_class: Any = http_protocol.WebRequest

    def got_length(self, length: int | None) -> None:
        self._received = 0
        self._is_rejected = False
        if length is not None and length > max_request_size:
            _reject(self, max_request_size)
        super(request_class, self).gotLength(0 if self._is_rejected else length)

    def handle_content_chunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > max_request_size and not self._is_rejected:
            _reject(self, max_request_size)
        if not self._is_rejected:
            super(request_class, self).handleContentChunk(data)

    original_process = request_class.process

    def process(self):
        if self.clientproto != b"HTTP/1.1":
            self.requestHeaders.removeHeader(b"upgrade")  # RFC 9110 §7.8: is ignored in a request with HTTP/1.0
        if not isinstance(self.content, BytesIO):
            self.content = _SpooledBody(self.content)
        return original_process(self)

    request_class.gotLength = got_length
    request_class.handleContentChunk = handle_content_chunk
    request_class.process = process
    _patch_backpressure(daphne_server.Server)
    _patch_websocket_versions(ws_protocol.WebSocketFactory)
    limit_header_time(http.HTTPChannel)


def limit_header_time(channel_class) -> None:
    """Makes the timeout of a connection cover all headers of a request together.

    `channel_class` is Twisted's HTTPChannel. Bytes of a request line or of a header do not begin the timeout again.
    Bytes of a body do.
    """
    original_reset = channel_class.resetTimeout

    def reset_timeout(self) -> None:
        if not self.line_mode:  # Twisted reads headers in line mode, and bodies in raw mode
            original_reset(self)

    channel_class.resetTimeout = reset_timeout


def _patch_websocket_versions(factory_class) -> None:
    original_set_options = factory_class.setProtocolOptions

    def set_protocol_options(self, **options) -> None:
        original_set_options(self, versions=[13], **options)

    factory_class.setProtocolOptions = set_protocol_options


def _patch_backpressure(server) -> None:
    """Makes daphne's `send()` wait until most of the response is sent to the client, or the client has disconnected.

    Otherwise daphne keeps the whole response for a slow client in memory.
    """
    original_handle_reply = server.handle_reply

    async def handle_reply(self, protocol, message):
        await original_handle_reply(self, protocol, message)
        if message["type"] != "http.response.body" or not message.get("more_body"):
            return
        while _unsent_bytes(protocol) > MAX_UNSENT and not self.connections.get(protocol, {"disconnected": 1}).get(
            "disconnected"
        ):
            await asyncio.sleep(POLL_INTERVAL)

    server.handle_reply = handle_reply


def _unsent_bytes(protocol) -> int:
    transport = getattr(getattr(protocol, "channel", None), "transport", None)
    if transport is None or not hasattr(transport, "_tempDataLen"):
        return 0
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen


class _ByteRange:
    """A position and length in the temporary file that contains the body of a request.

    daphne gets this object in place of bytes, and only asks for the length of the object. `read()` reads the bytes from
    the file when they are needed, so they do not stay in memory.
    """

    __slots__ = ("_file", "_length", "_start")

    def __init__(self, file: IO[bytes], start: int, length: int):
        self._file, self._start, self._length = file, start, length

    def __len__(self) -> int:
        return self._length

    def read(self) -> bytes:
        """Reads this part of the request body from the temporary file.

        Raises ValueError if the client has disconnected, because the temporary file is then closed.
        """
        self._file.seek(self._start)
        return self._file.read(self._length)


class _SpooledBody:
    """Replaces the temporary file into which Twisted (daphne's network library) has written the body of a request.

    `read(count)` returns a `_ByteRange`, which says where the bytes are in the file, instead of the bytes.
    """

    def __init__(self, file: IO[bytes]):
        self._file, self._size, self._position = file, file.seek(0, 2), 0
        file.seek(0)

    def __getattr__(self, name: str):
        return getattr(self._file, name)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = self._file.seek(offset, whence)
        return self._position

    def read(self, count: int = -1) -> bytes | _ByteRange:
        if count < 0:
            return self._file.read()
        byte_range = _ByteRange(self._file, self._position, min(count, self._size - self._position))
        self._position += len(byte_range)
        return byte_range


class SpooledBodyReader:
    """ASGI middleware that reads the body of a request from a temporary file, for use with daphne.

    daphne's library Twisted has written the body to this file. Patched by this module, daphne passes positions in the
    file (`_ByteRange`) instead of bytes. The middleware reads one part of the file each time the application calls
    `receive`, so the whole body is never in memory.
    """

    def __init__(self, application) -> None:
        self.application = application

    async def __call__(self, scope, receive, send) -> None:
        async def receive_bytes():
            message = await receive()
            if not isinstance(byte_range := message.get("body"), _ByteRange):
                return message
            try:
                return {**message, "body": byte_range.read()}
            except ValueError:
                return {"type": "http.disconnect"}

        await self.application(scope, receive_bytes, send)


def _reject(request, max_request_size: int) -> None:
    request._is_rejected = True
    body = b'{"code":"too_large","detail":"A request may have %d bytes."}' % max_request_size
    request.channel.transport.write(_TOO_LARGE_RESPONSE % (len(body), body))
    request.channel.loseConnection()


# ── WebSockets ───────────────────────────────────────────────────────────────────────────────────────────────────
class TwistedTransport:
    """Writes frames to Twisted's TCP transport without autobahn, the WebSocket library of daphne. Used with daphne.

    Bytes that the kernel accepts at once are not copied into Twisted's buffer.
    """

    __slots__ = ("_protocol",)

    def __init__(self, protocol: Any):
        self._protocol = protocol

    def write(self, frames: Sequence[Any], joined: Mapping[tuple[Any, ...], bytes]) -> None:
        """Writes frames (`OutgoingFrame` of messenger.live.transport). `joined` returns their bytes."""
        protocol = self._protocol
        transport = protocol.transport
        if protocol.state != protocol.STATE_OPEN or transport.disconnecting or not transport.connected:
            return
        data = frames[0].data if len(frames) == 1 else joined[tuple(frames)]
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


def daphne_transport_for(send: Any) -> TwistedTransport | None:
    """Returns the Twisted transport of a WebSocket connection of daphne, or None if it is no such connection.

    `send` is the ASGI callable of the connection.
    """
    protocol = _websocket_protocol(send)
    required = ("dataBuffer", "_tempDataBuffer", "_tempDataLen", "offset", "socket", "disconnecting", "connected")
    if protocol is not None and all(hasattr(protocol.transport, name) for name in required):
        return TwistedTransport(protocol)
    return None


def send_http_response(send: Any, headers: dict[str, str], body: bytes) -> None:
    """Makes daphne answer a handshake that is then rejected with these headers and body."""
    protocol = _websocket_protocol(send)
    if protocol is None:
        return
    headers = {**headers, "Content-Length": str(len(body)), "Connection": "close"}

    def send_response(code: int, phrase: str, response_headers: object = None) -> None:
        lines = [f"HTTP/1.1 {code} {phrase}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        protocol.sendData("\r\n".join(lines).encode() + body)

    protocol.sendHttpErrorResponse = send_response


def _websocket_protocol(send: Any) -> Any | None:
    """Returns daphne's object for a WebSocket connection, or None if `send` is not a callable of daphne."""
    protocol = send.args[0] if isinstance(send, functools.partial) and send.args else None
    return protocol if hasattr(protocol, "STATE_OPEN") and hasattr(protocol, "transport") else None
