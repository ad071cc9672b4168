"""ASGI middleware that answers `/healthz`, `/readyz` and `/metrics`, and counts all other HTTP requests.

It stands in front of Django, because probes come by IP address and without TLS: Django would answer them with an error
(invalid Host) or a redirect to https.
"""

from __future__ import annotations

import hmac
import ipaddress
import time
import uuid
from collections.abc import Awaitable, Callable

import msgspec
from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST

from messenger.core import database, log_context
from messenger.core.metrics import metrics
from messenger.monitoring import background, health, siblings

PATHS = ("/healthz", "/readyz", "/metrics")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_FILE_PATHS = ("/files/", "/static/", "/avatars/", "/api/v1/uploads/")  # their duration depends on the client


class MonitoringEndpoints:
    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        background.start_once()
        path = scope["path"]
        if path in PATHS:
            await _respond(send, *await _answer(scope, path))
            return
        started, status = time.monotonic(), 0
        log_context.bind(request=uuid.uuid4().hex)

        async def send_and_note(message: dict) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", log_context.get("request").encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.requests[method, str(status or 499)] += 1
            if not path.startswith(_FILE_PATHS):
                metrics.request_seconds.add(time.monotonic() - started)


async def _answer(scope: dict, path: str) -> tuple[int, str, bytes]:
    """Returns status, content type and body."""
    if path == "/healthz":
        return 200, "text/plain", b"ok\n"
    is_allowed = _may_see_figures(scope)
    if path == "/readyz":
        results = await health.check_services()
        is_ready = health.is_ready(results)
        body = {"ready": is_ready, **({"checks": results} if is_allowed else {})}
        return (200 if is_ready else 503), "application/json", msgspec.json.encode(body) + b"\n"
    if not is_allowed:
        return 404, "text/plain", b"not found\n"
    return 200, CONTENT_TYPE_LATEST, await database.background.run(siblings.render_metrics)


def _may_see_figures(scope: dict) -> bool:
    """Returns whether the client has the token METRICS_TOKEN, or, without this setting, comes from this machine.

    A request that a reverse proxy on this machine passes on does not come from this machine.
    """
    headers = dict(scope["headers"])
    if settings.METRICS_TOKEN:
        expected = f"Bearer {settings.METRICS_TOKEN}".encode()
        return hmac.compare_digest(headers.get(b"authorization", b""), expected)
    if b"x-forwarded-for" in headers or b"forwarded" in headers:
        return False
    try:
        return ipaddress.ip_address((scope.get("client") or ("",))[0]).is_loopback
    except ValueError:
        return False


async def _respond(send: Callable, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
