"""ASGI middleware for the WebSocket handshake: origin check, authentication, rejection of unknown paths.

These take the place of Channels' `OriginValidator` and `AuthMiddlewareStack`. Channels' validator ignores scheme and
port and rejects clients without an Origin; its authentication stack keeps about 6 KiB per connection (a session and a
lazy user in the scope). Here the scope gets one small `Identity`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

import msgspec
from django.conf import settings
from django.http.cookie import parse_cookie

from messenger.core import database

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
    """The connection is not allowed. The socket is accepted and closed with `code`, which a browser can read.

    A socket rejected before `accept` shows a browser code 1006 only, without a reason. Code 0 asks for exactly that
    (HTTP 403).
    """

    def __init__(self, code: int):
        super().__init__(code)
        self.code = code


class Authenticate(Protocol):
    """Returns the identity for headers, subprotocols and cookies, or raises `SocketRefused`. May query the database."""

    def __call__(
        self, headers: Mapping[bytes, bytes], subprotocols: Iterable[str], cookies: Mapping[str, str], /
    ) -> Identity: ...


class OriginValidator:
    """Rejects handshakes of foreign pages with HTTP 403, before anything is authenticated.

    Origins are compared in full, with scheme and port. Exactly one Origin header is allowed. Only a client with a
    bearer token may send none: a browser always sends it, so a request with a cookie and no Origin is no browser.
    """

    def __init__(self, app: Callable):
        self.app = app

    def __call__(self, scope: dict, receive: Callable, send: Callable) -> Awaitable[None]:
        # Returns the coroutine of the next application instead of awaiting it: no frame of its own per connection.
        app = self.app if is_origin_allowed(scope) else deny_connection
        return app(scope, receive, send)


class AuthMiddleware:
    """Sets `scope["identity"]`: the `Identity` of the caller, or the `SocketRefused` that the consumer acts on.

    `authenticate` is handed in, because the accounts app is above this package. It runs in one database thread hop.
    The scope is changed in place: a copy, which Channels' middleware makes, would live as long as the connection.
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
        try:
            return self.authenticate(headers, scope["subprotocols"], cookies)
        except SocketRefused as refused:
            return refused.with_traceback(None)


def is_origin_allowed(scope: dict) -> bool:
    """Return whether a page with the Origin header of this handshake may open a socket."""
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
    """Reject a WebSocket before it is accepted: HTTP 403. Also the route for unknown paths."""
    await receive()
    await send({"type": "websocket.close"})
