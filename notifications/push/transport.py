"""Encrypts a push message for one browser and sends it to the push service of this browser (RFC 8030, 8188, 8291)."""

from __future__ import annotations

import time
from enum import Enum
from typing import Any, NamedTuple

import requests
from pywebpush import WebPusher
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from notifications.models import PushSubscription
from notifications.push import endpoints, vapid

TIMEOUT = (5, 10)  # seconds: to connect, and until the response


class Result(Enum):
    SENT = "sent"
    GONE = "gone"  # the push service does not know the subscription any more
    REJECTED = "rejected"  # this message will not be accepted, but others may be
    FAILED = "failed"  # to be tried again


class Response(NamedTuple):
    result: Result
    error: str = ""  # for the list of devices, such as `HTTP 503`
    retry_after: float = 0.0  # seconds


class _CheckedAddress:
    """Closes a connection to an address that is not public, before anything is sent.

    The address is checked after the connection was made, so no second look-up of the name can return another one.
    """

    def _new_conn(self) -> Any:
        connection = super()._new_conn()  # type: ignore[misc]
        address = connection.getpeername()[0]
        if not endpoints.is_allowed_address(address):
            connection.close()
            raise NewConnectionError(self, "The address of the push service is not public.")  # type: ignore[arg-type]
        return connection


class _CheckedHTTPConnection(_CheckedAddress, HTTPConnection):
    pass


class _CheckedHTTPSConnection(_CheckedAddress, HTTPSConnection):
    pass


class _CheckedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _CheckedHTTPConnection


class _CheckedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedHTTPSConnection


class _CheckedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _CheckedHTTPPool, "https": _CheckedHTTPSPool}


def create_session() -> requests.Session:
    """Returns a session that connects to public addresses only, and ignores proxies of the environment."""
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _CheckedAdapter(pool_maxsize=32))
    return session


def send(
    session: requests.Session,
    subscription: PushSubscription,
    data: bytes,
    *,
    topic: str,
    ttl: int,
    is_urgent: bool = True,
) -> Response:
    """Encrypts and sends a push message. `topic`: a message of the same topic that still waits is replaced.

    `ttl` is how many seconds the push service keeps the message for a browser that is not connected.
    """
    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    try:
        encoded = WebPusher({"endpoint": subscription.endpoint, "keys": keys}).encode(data, "aes128gcm")
        body = encoded["body"] if encoded else b""
    except Exception:  # the browser's key is no point of the curve
        return Response(Result.GONE, "invalid key")
    headers = {
        "Authorization": vapid.authorization(subscription.endpoint, time.time()),
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "TTL": str(ttl),
        "Urgency": "high" if is_urgent else "normal",
        "Topic": topic,
    }
    try:
        response = session.post(
            subscription.endpoint, body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
        )
    except requests.RequestException as error:
        return Response(Result.FAILED, type(error).__name__)
    with response:
        return _interpret(response)


def _interpret(response: requests.Response) -> Response:
    status = response.status_code
    if 200 <= status < 300:
        return Response(Result.SENT)
    error = f"HTTP {status}"
    if status in (404, 410):
        return Response(Result.GONE, error)
    if status == 429 or status >= 500 or status == 401 or status == 403:
        # 401 and 403: the key is refused, for example because the clock of the server is wrong. That can be mended.
        wait = response.headers.get("Retry-After", "")
        return Response(Result.FAILED, error, float(wait) if wait.isdigit() else 0.0)
    return Response(Result.REJECTED, error)
