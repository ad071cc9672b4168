"""HTTP as a plain client speaks it, from the standard library: one connection, kept open, with its cookies."""

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

ANSWERS_WITHIN = 10.0  # seconds
_threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="client")

T = TypeVar("T")


class Trouble(Exception):
    """Not now: the line is down, or the server says so. Ask the same again, after `wait` seconds where it says that."""

    def __init__(self, why: str, wait: float | None = None):
        super().__init__(why)
        self.wait = wait


class Refusal(Exception):
    """No, and asking again would not help."""

    def __init__(self, code: str, detail: str, fields: Mapping[str, list[str]] | None = None):
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.fields = code, detail, fields or {}


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    content: bytes


class Web:
    def __init__(self, url: str):
        place = urlsplit(url)
        self._secure = place.scheme == "https"
        self._host = place.netloc
        self._url = url
        self._connection: http.client.HTTPConnection | None = None
        self._lock = asyncio.Lock()
        self.cookies: dict[str, str] = {}

    async def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Whatever the server answers. Raises Trouble where it does not."""
        async with self._lock:
            return await asyncio.get_running_loop().run_in_executor(_threads, self._ask, method, path, body, headers)

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        kept = self._connection is not None
        try:
            answer = self._answer(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if kept and isinstance(error, ConnectionError):
                # Closed at the other end while nobody asked anything, as servers do: that is no trouble yet.
                return self._ask(method, path, body, headers)
            raise Trouble(f"{type(error).__name__}: {error}") from None
        for line in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return answer

    def _answer(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        if self._connection is None:
            make = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._connection = make(self._host, timeout=ANSWERS_WITHIN)
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ── The API ──
    async def api(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        answer = await self.ask(method, f"/api/v1/{path}", data, **headers)
        raise_unless_done(answer)
        return json.loads(answer.content) if answer.content else None

    # ── Pages ──
    async def post_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        """As a browser without scripts does it."""
        token = next((value for name, value in self.cookies.items() if name.endswith("csrftoken")), "")
        body = urlencode({**fields, "csrfmiddlewaretoken": token}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": self._url + path}
        answer = await self.ask("POST", path, body, **headers)
        if answer.status == 429 or answer.status >= 500:
            raise Trouble(f"HTTP {answer.status}", _seconds(answer.headers.get("Retry-After"), default=1.0))
        return answer


def raise_unless_done(answer: Answer) -> None:
    if answer.status < 400:
        return
    try:
        told = json.loads(answer.content)
        code, detail = told["code"], told["detail"]
    except (ValueError, TypeError, KeyError):
        told, code, detail = {}, "internal", f"HTTP {answer.status}"
    if code in ("rate_limited", "unavailable", "internal"):
        raise Trouble(f"{code}: {detail}", told.get("retry_after") or _seconds(answer.headers.get("Retry-After")))
    raise Refusal(code, detail, told.get("fields"))


def _seconds(text: str | None, default: float | None = None) -> float | None:
    try:
        return float(text) if text else default
    except ValueError:
        return default


@dataclass
class Patience:
    """How long to go on asking, and how often it was needed."""

    seconds: float
    retries: int = 0
    waits: int = 0  # of the retries: those that the server asked for

    async def until_done(self, do: Callable[[], Awaitable[T]]) -> T:
        """`do`, again and again while there is Trouble; after `seconds` of it, the Trouble itself."""
        clock = asyncio.get_running_loop().time
        began, pause = clock(), 0.1
        while True:
            try:
                return await do()
            except Trouble as trouble:
                if clock() - began > self.seconds:
                    raise
                self.retries += 1
                self.waits += trouble.wait is not None
                await asyncio.sleep(trouble.wait or pause)
                pause = min(pause * 2, 2.0)
