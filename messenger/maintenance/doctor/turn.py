"""Asks a TURN server for a relay address, as a browser does before a call (RFC 8489, RFC 8656)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import ssl
import struct
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

MAGIC_COOKIE = b"\x21\x12\xa4\x42"
ALLOCATE, REFRESH = 0x0003, 0x0004
SUCCESS, FAILURE = 0x0100, 0x0110  # added to the number of a request
USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, LIFETIME, REALM, NONCE, REQUESTED_TRANSPORT = (
    *(0x0006, 0x0008, 0x0009, 0x000D, 0x0014, 0x0015, 0x0019),
)
UDP_RELAY = (REQUESTED_TRANSPORT, b"\x11\x00\x00\x00")
SECONDS, TRIES = 1.0, 3
UNAUTHORIZED = 401

Attribute = tuple[int, bytes]


class TurnError(Exception):
    """The TURN server refuses. `code` is its error code, or 0 if it is not a TURN server."""

    def __init__(self, code: int, reason: str):
        super().__init__(f"{code} {reason}".strip() if code else reason)
        self.code = code


def check_relay(url: str, secret: str) -> None:
    """Allocates a relay address with credentials made from the shared secret, and releases it.

    Raises OSError if the server does not answer, and TurnError if it refuses.
    """
    with _Connection(url) as server:
        kind, attributes = server.request(ALLOCATE, [UDP_RELAY])
        if kind == ALLOCATE + SUCCESS:
            return  # without credentials: an open relay also works
        if (code := _error(attributes).code) != UNAUTHORIZED:
            raise _error(attributes) if code else TurnError(0, "what answers is not a TURN server")
        username = f"{int(time.time()) + 60}:doctor".encode()
        password = base64.b64encode(hmac.digest(secret.encode(), username, "sha1"))
        key = hashlib.md5(b":".join([username, attributes[REALM], password]), usedforsecurity=False).digest()
        signed = [(USERNAME, username), (REALM, attributes[REALM]), (NONCE, attributes[NONCE])]
        kind, attributes = server.request(ALLOCATE, [UDP_RELAY, *signed], key)
        if kind != ALLOCATE + SUCCESS:
            raise _error(attributes)
        server.request(REFRESH, [(LIFETIME, b"\x00\x00\x00\x00"), *signed], key)


def _error(attributes: dict[int, bytes]) -> TurnError:
    value = attributes.get(ERROR_CODE, b"")
    return (
        TurnError(value[2] * 100 + value[3], value[4:].decode(errors="replace"))
        if len(value) >= 4
        else TurnError(0, "")
    )


def _encode(attributes: Iterable[Attribute]) -> bytes:
    return b"".join(
        struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4) for number, value in attributes
    )


def _decode(body: bytes) -> dict[int, bytes]:
    attributes, position = {}, 0
    while position + 4 <= len(body):
        number, length = struct.unpack_from("!HH", body, position)
        attributes[number] = body[position + 4 : position + 4 + length]
        position += 4 + length + -length % 4
    return attributes


class _Connection:
    """A connection to the server of a `turn:` or `turns:` URL, over UDP, TCP or TLS."""

    def __init__(self, url: str):
        scheme, _, rest = url.partition(":")
        address, _, query = rest.partition("?")
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname or "", parts.port or (5349 if scheme == "turns" else 3478)
        self._is_stream = scheme == "turns" or "transport=tcp" in query
        self._socket: socket.socket
        if self._is_stream:
            self._socket = socket.create_connection((host, port), timeout=TRIES * SECONDS)
            if scheme == "turns":
                self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=host)
        else:
            family, _kind, _protocol, _name, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.settimeout(SECONDS)
            self._socket.connect(target)

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def request(self, method: int, attributes: list[Attribute], key: bytes = b"") -> tuple[int, dict[int, bytes]]:
        """Sends a request, signed with `key` if there is one. Returns type and attributes of the response."""
        transaction = secrets.token_bytes(12)
        body = _encode(attributes)
        if key:  # the signed length includes the signature itself: 24 bytes
            head = struct.pack("!HH", method, len(body) + 24) + MAGIC_COOKIE + transaction
            body += _encode([(MESSAGE_INTEGRITY, hmac.digest(key, head + body, "sha1"))])
        message = struct.pack("!HH", method, len(body)) + MAGIC_COOKIE + transaction + body
        for attempt in range(1 if self._is_stream else TRIES):  # a datagram may get lost
            self._socket.sendall(message)
            try:
                response = self._socket.recv(2000)
                break
            except TimeoutError:
                if attempt == TRIES - 1:
                    raise
        if len(response) < 20 or response[4:20] != MAGIC_COOKIE + transaction:
            raise TurnError(0, "what answers is not a TURN server")
        return struct.unpack_from("!H", response)[0], _decode(response[20:])
