"""Tests of the WebSocket handshake before a connection exists: its Host, and how many an IP address may try."""

from __future__ import annotations

from typing import Any

import pytest

from messenger.core import rate_limits
from messenger.live.handshake import (
    NOT_SIGNED_IN,
    TOO_MANY,
    AuthMiddleware,
    HandshakeValidator,
    Identity,
    SocketRefused,
)


@pytest.fixture
def limited(settings, transactional_db):
    """Limits handshakes. They run in a database thread, which closes old connections of earlier tests."""
    settings.LIMITS = True
    settings.RATES = settings.RATES | {"handshake.address": (5, 1e-6)}
    rate_limits.reset_all()
    yield
    rate_limits.reset_all()


async def open_handshake(*, address: str = "192.0.2.1", signed_in: bool = False) -> Identity | SocketRefused:
    """Authenticates a handshake from this IP address, and returns its identity or why it was refused."""

    def authenticate(*_: Any) -> Identity:
        if signed_in:
            return Identity(1, "sign-in")
        raise SocketRefused(NOT_SIGNED_IN, "")

    async def application(*_: Any) -> None: ...

    scope: dict[str, Any] = {"headers": [], "subprotocols": [], "client": [address, 1]}
    await AuthMiddleware(application, authenticate)(scope, application, application)
    return scope["identity"]


async def refused_codes(addresses: list[str]) -> list[int]:
    return [(await open_handshake(address=address)).code for address in addresses]  # type: ignore[union-attr]


async def test_handshakes_without_a_sign_in_are_limited_for_each_address(limited):
    assert await refused_codes(["192.0.2.1"] * 7) == [NOT_SIGNED_IN] * 5 + [TOO_MANY] * 2
    assert await refused_codes(["192.0.2.2"]) == [NOT_SIGNED_IN]


async def test_the_addresses_of_an_ipv6_network_share_the_limit_of_handshakes(limited):
    assert await refused_codes([f"2001:db8::{n}" for n in range(6)]) == [NOT_SIGNED_IN] * 5 + [TOO_MANY]
    assert await refused_codes(["2001:db8:0:1::1"]) == [NOT_SIGNED_IN]


async def test_handshakes_with_a_sign_in_do_not_count(limited):
    for _ in range(20):
        assert isinstance(await open_handshake(signed_in=True), Identity)


@pytest.mark.parametrize(
    ("hosts", "is_allowed"),
    [
        ([b"chat.example.org"], True),
        ([b"CHAT.example.org:443"], True),
        ([b"evil.example"], False),
        ([b"chat.example.org.evil.example"], False),
        ([b""], False),
        ([b"chat.example.org", b"evil.example"], False),
        ([], False),
    ],
)
async def test_a_handshake_needs_a_host_of_the_site(settings, hosts, is_allowed):
    settings.ALLOWED_HOSTS = ["chat.example.org"]
    reached, sent = [], []

    async def application(scope, _receive, _send) -> None:
        reached.append(scope)

    async def receive() -> dict:
        return {"type": "websocket.connect"}

    async def send(message: dict) -> None:
        sent.append(message)

    headers = [*((b"host", host) for host in hosts), (b"authorization", b"Bearer token")]
    await HandshakeValidator(application)({"headers": headers, "subprotocols": []}, receive, send)
    assert bool(reached) == is_allowed
    assert sent == ([] if is_allowed else [{"type": "websocket.close"}])
