"""ASGI middleware for the WebSocket handshake: checks host, origin and TLS, authenticates, and rejects unknown paths.

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

from messenger.core import database, file_descriptors, rate_limits
from messenger.core.client_ip import client_ip, client_network, is_trusted_proxy
from messenger.core.errors import forbidden
from messenger.core.metrics import metrics

# Close codes: 4000–4999 are for private use (RFC 6455 §7.4.2), 1013 is in the registry of IANA
NOT_SIGNED_IN = 4401
SUSPENDED = 4403
TOO_MANY = 4429
TRY_AGAIN_LATER = 1013

SUBPROTOCOL = "messenger.v1"
BEARER_SUBPROTOCOL_PREFIX = "bearer."  # browsers cannot set headers, so a token may come as `bearer.<token>`


class Identity(msgspec.Struct, frozen=True):
    """The authenticated user of a connection."""

    user_id: int
    sign_in_id: str
    subprotocol: str | None = None  # the subprotocol that the server selects, if the client offered ours
    language: str = ""  # the user's setting, else Accept-Language; empty: the default of the site
    time_zone: str = ""  # IANA name of the zone in which the user reads times; empty: that of the site
    by_bearer: bool = False  # authenticated by an access token, not by a session cookie


class SocketRefused(Exception):
    """Raised if a WebSocket is not allowed. The server accepts the connection and then closes it with `code`.

    `reason` is sent too: a text of at most 123 bytes, in English for authors of clients.

    The reason is that a script in a browser can read this code only after the connection was accepted. Of a connection
    that is rejected before that (`deny_connection`), a script sees only code 1006.
    """

    def __init__(self, code: int, reason: str):
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Authenticate(Protocol):
    """A function that returns the `Identity` for these headers, subprotocols and cookies, or raises `SocketRefused`.

    It may query the database.
    """

    def __call__(
        self, headers: Mapping[bytes, bytes], subprotocols: Iterable[str], cookies: Mapping[str, str], /
    ) -> Identity: ...


class HandshakeValidator:
    """Rejects WebSocket handshakes from pages of other sites, and those without TLS on a site with https, with HTTP
    403, before authentication.

    Also rejects handshakes whose Host is not one of ALLOWED_HOSTS, as Django does for requests. The whole origin is
    compared, with scheme and port. A handshake with two Origin headers is rejected. A handshake without Origin is
    accepted only with a bearer token. Browsers always send Origin, so a handshake with a cookie and without Origin does
    not come from a browser.
    """

    def __init__(self, app: Callable):
        self.app = app

    def __call__(self, scope: dict, receive: Callable, send: Callable) -> Awaitable[None]:
        # Not `async`: it returns the coroutine of the next application, which saves the memory of a second coroutine.
        if reason := _find_fault(scope):
            return deny_connection(scope, receive, send, reason)
        return self.app(scope, receive, send)


class AuthMiddleware:
    """ASGI middleware that authenticates the client of a WebSocket. Stores an `Identity` in `scope["identity"]`.

    If the connection is not allowed, stores a `SocketRefused` exception there, and the consumer closes the connection.
    Handshakes without a valid sign-in are limited for each IP address, because each needs the database.

    `authenticate` is an argument because this package may not import the accounts app. This function is called once per
    connection, in a database thread. The scope is changed in place, because a copy (as in Channels' middleware) would
    stay in memory as long as the connection.
    """

    def __init__(self, app: Callable, authenticate: Authenticate):
        self.app = app
        self.authenticate = authenticate

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if file_descriptors.are_nearly_used_up():
            scope["identity"] = SocketRefused(TRY_AGAIN_LATER, "The server has too many open connections.")
        else:
            scope["identity"] = await database.handshakes.run(self._identify, scope)
        await self.app(scope, receive, send)

    def _identify(self, scope: dict) -> Identity | SocketRefused:
        headers = dict(scope["headers"])
        cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        bucket = rate_limits.bucket("handshake.address", socket_network(scope))
        if rate_limits.acquire_many([bucket])[0]:
            return SocketRefused(TOO_MANY, "Too many handshakes with invalid credentials from this IP address.")
        try:
            identity = self.authenticate(headers, scope["subprotocols"], cookies)
        except SocketRefused as refused:
            return refused.with_traceback(None)
        rate_limits.release([bucket])
        return identity


def socket_ip(scope: dict) -> str:
    """Returns the IP address of the client that opens this WebSocket."""
    peer = scope.get("client") or (None,)
    forwarded_for = dict(scope["headers"]).get(b"x-forwarded-for", b"").decode("latin-1")
    return client_ip(peer[0], forwarded_for)


def socket_network(scope: dict) -> str:
    """Returns the `client_network` of the client that opens this WebSocket."""
    return client_network(socket_ip(scope))


def is_host_allowed(scope: dict) -> bool:
    """Returns whether the Host header of this handshake is one of ALLOWED_HOSTS."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and validate_host(split_domain_port(hosts[0].decode("latin-1"))[0], settings.ALLOWED_HOSTS)


def _find_fault(scope: dict) -> str:
    """Returns why this handshake is not allowed, in English for authors of clients. An empty text if it is allowed."""
    if not is_host_allowed(scope):
        return "The Host is not one of this site."
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    if len(origins) > 1:
        return "There are several Origin headers."
    if not origins and not _has_bearer_token(scope):
        return "There is no Origin header. Only a client with a bearer token may leave it out."
    if origins and origins[0].decode("latin-1").lower() not in {origin.lower() for origin in settings.SITE_ORIGINS}:
        return "The Origin is not one of this site: neither SITE_URL nor in EXTRA_ORIGINS. Scheme and port count."
    if settings.SECURE and not _is_secure(scope):
        return "This site is served over https, so its WebSocket needs wss://."
    return ""


def _is_secure(scope: dict) -> bool:
    """Returns whether the client uses TLS: up to this server, or up to one of TRUSTED_PROXIES."""
    if scope.get("scheme") == "wss":
        return True
    peer = (scope.get("client") or ("127.0.0.1",))[0]
    protocol = dict(scope["headers"]).get(b"x-forwarded-proto", b"").partition(b",")[0].strip()
    return protocol == b"https" and is_trusted_proxy(peer)


def _has_bearer_token(scope: dict) -> bool:
    authorization = dict(scope["headers"]).get(b"authorization", b"")
    return authorization.lower().startswith(b"bearer ") or any(
        name.startswith(BEARER_SUBPROTOCOL_PREFIX) for name in scope["subprotocols"]
    )


async def deny_unknown_path(scope: dict, receive: Callable, send: Callable) -> None:
    await deny_connection(scope, receive, send, "The WebSocket of this version of the protocol is at /ws/v1/.")


async def deny_connection(scope: dict, receive: Callable, send: Callable, reason: str) -> None:
    """Rejects a WebSocket before it is accepted, with HTTP 403 and the reason as a JSON error in the body.

    uvicorn supports such responses (the ASGI extension `websocket.http.response`). With daphne, the response of its
    WebSocket protocol is replaced. Other servers respond without a body.
    """
    await receive()
    metrics.rejected_handshakes["403"] += 1
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    body = msgspec.json.encode(forbidden(reason).schema())
    if "websocket.http.response" in scope.get("extensions", {}):
        raw_headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "websocket.http.response.start", "status": 403, "headers": raw_headers})
        await send({"type": "websocket.http.response.body", "body": body})
        return
    if settings.SERVER == "daphne":
        from messenger.core import daphne_internals  # not loaded under another server

        daphne_internals.send_http_response(send, headers, body)
    await send({"type": "websocket.close"})
