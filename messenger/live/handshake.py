"""ASGI middleware for the WebSocket handshake: checks host and origin, authenticates, and rejects unknown paths.

It replaces two classes of Channels. Channels' `OriginValidator` ignores scheme and port, and rejects clients without
an Origin header. Channels' `AuthMiddlewareStack` keeps about 6 KiB per connection (a session and a lazy user in the
scope). This middleware keeps one small `Identity` per connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

import msgspec
from django.conf import settings
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host

from messenger.core import database, rate_limits
from messenger.core.client_ip import client_ip, client_network

# Close codes of the application (RFC 6455 §7.4.2: 4000–4999 are for private use)
NOT_SIGNED_IN = 4401
SUSPENDED = 4403
TOO_MANY = 4429

SUBPROTOCOL = "messenger.v1"
BEARER_SUBPROTOCOL_PREFIX = "bearer."  # browsers cannot set headers, so a token may come as `bearer.<token>`


class Identity(msgspec.Struct, frozen=True):
    """The authenticated user of a connection."""

    user_id: int
    sign_in_id: str
    subprotocol: str | None = None  # the subprotocol that the server selects, if the client offered ours
    language: str = ""  # the user's setting, else Accept-Language; empty: the default of the site
    by_bearer: bool = False  # authenticated by an access token, not by a session cookie


class SocketRefused(Exception):
    """Raised if a WebSocket is not allowed. The server accepts the connection and then closes it with `code`.

    The reason is that a script in a browser can read this code only after the connection was accepted. With code 0, the
    connection is rejected before it is accepted (HTTP 403), and a script sees only code 1006, without a reason.
    """

    def __init__(self, code: int):
        super().__init__(code)
        self.code = code


class Authenticate(Protocol):
    """A function that returns the `Identity` for these headers, subprotocols and cookies, or raises `SocketRefused`.

    It may query the database.
    """

    def __call__(
        self, headers: Mapping[bytes, bytes], subprotocols: Iterable[str], cookies: Mapping[str, str], /
    ) -> Identity: ...


class OriginValidator:
    """Rejects WebSocket handshakes from pages of other sites with HTTP 403, before authentication.

    Also rejects handshakes whose Host is not one of ALLOWED_HOSTS, as Django does for requests. The whole origin is
    compared, with scheme and port. A handshake with two Origin headers is rejected. A handshake without Origin is
    accepted only with a bearer token. Browsers always send Origin, so a handshake with a cookie and without Origin does
    not come from a browser.
    """

    def __init__(self, app: Callable):
        self.app = app

    def __call__(self, scope: dict, receive: Callable, send: Callable) -> Awaitable[None]:
        # Not `async`: it returns the coroutine of the next application, which saves the memory of a second coroutine.
        app = self.app if is_host_allowed(scope) and is_origin_allowed(scope) else deny_connection
        return app(scope, receive, send)


class AuthMiddleware:
    """ASGI middleware that authenticates the client of a WebSocket. Sets `scope["identity"]` to its `Identity`.

    If the connection is not allowed, sets it to a `SocketRefused` exception, and the consumer closes the connection.
    Handshakes without a valid sign-in are limited for each IP address, because each needs the database.

    `authenticate` is an argument because this package may not import the accounts app. It is called once per
    connection, in a database thread. The scope is changed in place, because a copy (as in Channels' middleware) would
    stay in memory as long as the connection.
    """

    def __init__(self, app: Callable, authenticate: Authenticate):
        self.app = app
        self.authenticate = authenticate

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        scope["identity"] = await database.run_in_thread(self._identify, scope)
        await self.app(scope, receive, send)

    def _identify(self, scope: dict) -> Identity | SocketRefused:
        headers = dict(scope["headers"])
        cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        bucket = rate_limits.bucket("handshake.address", socket_network(scope))
        if rate_limits.acquire_many([bucket])[0]:
            return SocketRefused(TOO_MANY)
        try:
            identity = self.authenticate(headers, scope["subprotocols"], cookies)
        except SocketRefused as refused:
            return refused.with_traceback(None)
        rate_limits.release([bucket])
        return identity


def socket_network(scope: dict) -> str:
    """Returns the `client_network` of the client that opens this WebSocket."""
    peer = scope.get("client") or (None,)
    forwarded_for = dict(scope["headers"]).get(b"x-forwarded-for", b"").decode("latin-1")
    return client_network(client_ip(peer[0], forwarded_for))


def is_host_allowed(scope: dict) -> bool:
    """Returns whether the Host header of this handshake is one of ALLOWED_HOSTS."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and validate_host(split_domain_port(hosts[0].decode("latin-1"))[0], settings.ALLOWED_HOSTS)


def is_origin_allowed(scope: dict) -> bool:
    """Returns whether the Origin header of this handshake (or its absence) allows the connection."""
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    if not origins:
        return _has_bearer_token(scope)
    if len(origins) > 1:
        return False
    return origins[0].decode("latin-1").lower() in {origin.lower() for origin in settings.SITE_ORIGINS}


def _has_bearer_token(scope: dict) -> bool:
    authorization = dict(scope["headers"]).get(b"authorization", b"")
    return authorization.lower().startswith(b"bearer ") or any(
        name.startswith(BEARER_SUBPROTOCOL_PREFIX) for name in scope["subprotocols"]
    )


async def deny_connection(scope: dict, receive: Callable, send: Callable) -> None:
    """Rejects a WebSocket with HTTP 403, before it is accepted. Also used as the route for unknown paths."""
    await receive()
    await send({"type": "websocket.close"})
