"""Refuses HTTP requests and WebSockets from banned addresses (AddressBan), before anything else is done for them.

Each process holds the bans in memory and reads them again every SWEEP_SECONDS, so a request needs no query. An address
that has been banned meanwhile loses its open sockets then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import AddressBan
from messenger.core import database
from messenger.core.client_ip import client_ip
from messenger.live.handshake import TOO_MANY, deny_connection
from messenger.live.hub import get_hub

Network = IPv4Network | IPv6Network

log = logging.getLogger(__name__)
_REASON = "Access from this address is not possible."
_networks: list[Network] = []
_task: asyncio.Task | None = None


def refresh() -> bool:
    """Reads the bans that hold now. Returns whether they have changed."""
    global _networks
    rows = AddressBan.objects.filter(Q(until=None) | Q(until__gt=timezone.now()), lifted_at=None)
    networks = [ip_network(network) for network in rows.order_by("pk").values_list("network", flat=True)]
    is_changed, _networks = networks != _networks, networks
    return is_changed


def is_banned(address: str) -> bool:
    """Returns whether this IP address, or a network in CIDR notation, is banned."""
    if not _networks:
        return False
    try:
        parsed = ip_address(address.partition("/")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in _networks)


class AddressBanFilter:
    """ASGI middleware that refuses requests and WebSockets of banned addresses with HTTP 403."""

    def __init__(self, app: Callable):
        self.app = app

    def __call__(self, scope: dict, receive: Callable, send: Callable) -> Awaitable[None]:
        # Not `async`: it returns the coroutine of the next application, which saves the memory of a second coroutine.
        if scope["type"] not in ("http", "websocket"):
            return self.app(scope, receive, send)
        _start_refreshing()
        if _networks and is_banned(_scope_ip(scope)):
            return _refuse_request(send) if scope["type"] == "http" else deny_connection(scope, receive, send, _REASON)
        return self.app(scope, receive, send)


def _start_refreshing() -> None:
    """Starts the task that reads the bans regularly, unless it runs already in this event loop."""
    global _task
    if _task is None or _task.get_loop() is not asyncio.get_running_loop():
        _task = asyncio.ensure_future(_refresh_regularly())


def _scope_ip(scope: dict) -> str:
    peer = scope.get("client") or (None,)
    return client_ip(peer[0], dict(scope["headers"]).get(b"x-forwarded-for", b"").decode("latin-1"))


async def _refuse_request(send: Callable) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": f"{_REASON}\n".encode()})


async def _refresh_regularly() -> None:
    """Reads the bans every few seconds, and closes the sockets of addresses that were banned. Never returns."""
    while True:
        try:
            await database.run_in_thread(refresh)
            close_banned_sockets()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.warning("The address bans could not be read: %s", type(error).__name__)
        await asyncio.sleep(settings.SWEEP_SECONDS)


def close_banned_sockets() -> None:
    if _networks:
        for user in list(get_hub().users.values()):
            for connection in list(user.connections):
                if is_banned(connection.network):
                    connection.close(TOO_MANY, _REASON)
