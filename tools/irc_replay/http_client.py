"""A small HTTP client based on the standard library, and a class that repeats failed requests.

The client has one persistent connection and keeps cookies.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

REQUEST_TIMEOUT = 10.0  # seconds
_threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="client")

T = TypeVar("T")


class TemporaryError(Exception):
    """A request failed because of the connection, or because the messenger server asks to try again later.

    The same request can be repeated. `retry_after` is how many seconds the server asks to wait, or None.
    `is_rate_limit`: the server works, but accepts no more requests of this kind for now.
    """

    def __init__(self, reason: str, retry_after: float | None = None, *, is_rate_limit: bool = False):
        super().__init__(reason)
        self.retry_after, self.is_rate_limit = retry_after, is_rate_limit


class RejectedError(Exception):
    """The messenger server rejected a request. It would reject the same request again."""

    def __init__(self, code: str, detail: str, fields: Mapping[str, list[str]] | None = None):
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.fields = code, detail, fields or {}


@dataclass
class HttpResponse:
    status: int
    headers: http.client.HTTPMessage
    content: bytes


class HttpClient:
    def __init__(self, url: str):
        parts = urlsplit(url)
        self._is_secure = parts.scheme == "https"
        self._host = parts.netloc
        self._url = url
        self._connection: http.client.HTTPConnection | None = None
        self._lock = asyncio.Lock()
        self.cookies: dict[str, str] = {}

    async def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> HttpResponse:
        """Sends a request and returns the response, also if its status is an error.

        Raises TemporaryError if there is no response.
        """
        async with self._lock:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(_threads, self._request, method, path, body, headers)

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> HttpResponse:
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        was_connected = self._connection is not None
        try:
            response = self._send(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if was_connected and isinstance(error, ConnectionError):
                # The server has closed the idle connection, which is normal. Repeat with a new connection.
                return self._request(method, path, body, headers)
            raise TemporaryError(f"{type(error).__name__}: {error}") from None
        for header in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(header).items():
                self.cookies[name] = morsel.value
        return response

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> HttpResponse:
        if self._connection is None:
            connection_class = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
            self._connection = connection_class(self._host, timeout=REQUEST_TIMEOUT)
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        return HttpResponse(response.status, response.headers, response.read())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ── REST API ─────────────────────────────────────────────────────────────────────────────────────────────────
    async def call_api(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Calls a path below /api/v1/ and returns the decoded JSON, or None for an empty response.

        If the response is an error, raises TemporaryError (it can be repeated) or RejectedError.
        """
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        response = await self.request(method, f"/api/v1/{path}", data, **headers)
        raise_for_status(response)
        return json.loads(response.content) if response.content else None

    # ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────
    async def post_form(self, path: str, fields: Mapping[str, str]) -> HttpResponse:
        """Posts a form as a browser without JavaScript does, with the CSRF token from the cookie.

        Raises TemporaryError for status 429 and for 500 or higher.
        """
        token = next((value for name, value in self.cookies.items() if name.endswith("csrftoken")), "")
        body = urlencode({**fields, "csrfmiddlewaretoken": token}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": self._url + path}
        response = await self.request("POST", path, body, **headers)
        if response.status == 429 or response.status >= 500:
            retry_after = _parse_seconds(response.headers.get("Retry-After"), default=1.0)
            raise TemporaryError(f"HTTP {response.status}", retry_after, is_rate_limit=response.status == 429)
        return response


def raise_for_status(response: HttpResponse) -> None:
    """Raises an exception if the response of the API is an error.

    It is TemporaryError if the same request may succeed later, otherwise RejectedError.
    """
    if response.status < 400:
        return
    try:
        error = json.loads(response.content)
        code, detail = error["code"], error["detail"]
    except (ValueError, TypeError, KeyError):
        error, code, detail = {}, "internal", f"HTTP {response.status}"
    if code in ("rate_limited", "unavailable", "internal"):
        retry_after = error.get("retry_after") or _parse_seconds(response.headers.get("Retry-After"))
        raise TemporaryError(f"{code}: {detail}", retry_after, is_rate_limit=code == "rate_limited")
    raise RejectedError(code, detail, error.get("fields"))


def _parse_seconds(text: str | None, default: float | None = None) -> float | None:
    try:
        return float(text) if text else default
    except ValueError:
        return default


@dataclass
class RetryPolicy:
    """Repeats a function that failed with TemporaryError (connection failed or server busy), and counts the retries."""

    max_seconds: float  # for one step, without the time that it waits because of a rate limit
    retries: int = 0
    requested_waits: int = 0  # number of retries for which the server gave a time to wait

    async def run(self, step: Callable[[], Awaitable[T]]) -> T:
        """Calls the function `step` again and again until it raises no TemporaryError, and returns its result.

        If `step` still fails after `max_seconds`, raises its last TemporaryError. Rate limits are obeyed by waiting,
        however long that takes: a site allows few sign-ups a minute from one address.
        """
        clock = asyncio.get_running_loop().time
        started_at, pause = clock(), 0.1
        while True:
            try:
                return await step()
            except TemporaryError as error:
                if clock() - started_at > self.max_seconds:
                    raise
                self.retries += 1
                self.requested_waits += error.retry_after is not None
                wait = error.retry_after or pause
                started_at += wait if error.is_rate_limit else 0
                await asyncio.sleep(wait)
                pause = min(pause * 2, 2.0)
