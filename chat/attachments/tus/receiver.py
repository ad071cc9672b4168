"""Takes in the bytes of uploads (PATCH), ahead of Django.

Django reads a whole request before any view and lets go of it where the line breaks. Here bytes are written as they
come, by threads, a megabyte at a time: memory does not grow with the file, what came before a cut is there, and who
is asking is known before the first byte is taken. Everything else of the API goes on to Django.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.db import InterfaceError, OperationalError
from django.utils import translation
from rest_framework.request import Request
from rest_framework.views import APIView

from chat.attachments import uploads
from chat.attachments.tus.headers import (
    PART_TYPE,
    ROOT,
    VERSION,
    check_version,
    checksum_of,
    digest_of,
    offset_of,
    said_of,
)
from messenger.api import as_refusal
from messenger.core import rate_limits
from messenger.core.database import with_own_connection
from messenger.core.errors import ApplicationError, rate_limited

log = logging.getLogger(__name__)
GATHERED = 1024 * 1024  # bytes for which one hop to a thread is made
PARTS, PARTS_PER_SECOND = 200, 50.0  # of one person
LET_GO = 2 * 1024 * 1024  # bytes of a refused body that are still read, so that the client hears why
_PATH = re.compile(rf"{ROOT}([\w-]{{1,43}})/?$")
_METHODS = {"PATCH", "HEAD", "DELETE"}  # what X-HTTP-Method-Override may ask for
# Threads of their own: a bucket that hangs holds up uploads, and nothing else.
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="uploads")


class Gone(Exception):
    """The client has left."""


class Receiver:
    def __init__(self, application) -> None:
        self.application = application

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(ROOT):
            return await self.application(scope, receive, send)
        override = dict(scope["headers"]).get(b"x-http-method-override", b"").decode("latin-1").upper()
        if scope["method"] == "POST" and override in _METHODS:
            scope = {**scope, "method": override}
        found = _PATH.match(scope["path"])
        if scope["method"] != "PATCH" or not found:
            return await self.application(scope, receive, send)
        await _Part(scope, receive, send, found[1]).answer()


class _Part:
    """One request that brings bytes."""

    def __init__(self, scope, receive, send, upload_id: str):
        self._receive, self._send, self._upload_id = receive, send, upload_id
        # A request without a body, for what Django's own classes ask of it: headers and cookies.
        self._request = ASGIRequest(scope, io.BytesIO())
        self._headers = self._request.headers
        self._ended = False  # the body

    async def answer(self) -> None:
        incoming: uploads.Incoming | None = None
        try:
            incoming = await _in_thread(self._open)
            await self._take(incoming)
            upload = await _in_thread(incoming.finish)
            await self._say(204, said_of(upload))
        except Gone:
            if incoming is not None:
                await self._quietly(incoming.cut)
        except Exception as error:
            if incoming is not None and not isinstance(error, uploads.UploadRefused):
                await self._quietly(incoming.cut)
            await self._refuse(error)
        finally:
            if incoming is not None:
                await self._quietly(incoming.close)

    def _open(self) -> uploads.Incoming:
        """Who is it, may they, does it fit: all before a byte is taken."""
        user_id = _who(self._request)
        with translation.override(translation.get_language_from_request(self._request)):
            if wait := rate_limits.acquire(f"part.{user_id}", PARTS, PARTS_PER_SECOND):
                raise rate_limited(wait)
            check_version(self._headers)
            if self._headers.get("Content-Type", "").partition(";")[0].strip() != PART_TYPE:
                raise ApplicationError("unsupported", f"{PART_TYPE} is expected.")
            offset, checksum = offset_of(self._headers), checksum_of(self._headers)
            digest = digest_of(self._headers)
            upload = uploads.look(user_id, self._upload_id)
            length = self._headers.get("Content-Length", "0")
            if length.isdigit() and len(length) < 19 and offset + int(length) > upload.size:
                raise ApplicationError("too_large", "These are more bytes than were declared.")
            if digest:
                uploads.declare(user_id, self._upload_id, digest)
            return uploads.Incoming(user_id, self._upload_id, offset, checksum)

    async def _take(self, incoming: uploads.Incoming) -> None:
        gathered: list[bytes] = []
        size = 0
        while not self._ended:
            try:
                data = await self._next()
            except Gone:
                if gathered:
                    await _in_thread(incoming.take, b"".join(gathered))
                raise
            gathered.append(data)
            size += len(data)
            if size >= GATHERED or (self._ended and size):
                await _in_thread(incoming.take, b"".join(gathered))
                gathered, size = [], 0

    async def _next(self) -> bytes:
        try:
            message = await asyncio.wait_for(self._receive(), settings.UPLOAD_SILENCE)
        except TimeoutError:
            raise Gone from None
        if message["type"] != "http.request":
            raise Gone
        self._ended = not message.get("more_body", False)
        return message.get("body", b"")

    async def _refuse(self, error: Exception) -> None:
        refused = as_refusal(error)
        if refused is None:
            log.error("A part could not be taken in", exc_info=error)
            shape, status = {"code": "internal", "detail": "Something went wrong here. It has been noted."}, 500
        else:
            shape, status = msgspec.to_builtins(refused.schema()), refused.status
        await self._let_go()
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if not self._ended:
            headers["Connection"] = "close"
        if refused is not None and refused.retry_after is not None:
            headers["Retry-After"] = str(max(int(refused.retry_after), 1))
        await self._say(status, headers, msgspec.json.encode(shape))

    async def _let_go(self) -> None:
        """A little more of the body: who is still sending would otherwise see the line break, and not the answer."""
        left = LET_GO
        try:
            while not self._ended and left > 0:
                left -= len(await asyncio.wait_for(self._next(), 1)) or 1
        except (Gone, TimeoutError):
            pass

    async def _say(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        headers = {"Tus-Resumable": VERSION, "X-Content-Type-Options": "nosniff", **headers}
        if status != 204:
            headers["Content-Length"] = str(len(body))
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})
        await self._send({"type": "http.response.body", "body": body})

    async def _quietly(self, work: Callable[[], Any]) -> None:
        try:
            await _in_thread(work)
        except ApplicationError as refused:
            log.info("The end of a part: %s", refused)
        except Exception:
            log.exception("The end of a part")


def _who(request: ASGIRequest) -> int:
    """The person, by the same classes that Django's side of the API asks. CSRF is theirs too."""
    SessionMiddleware(lambda _request: None).process_request(request)  # type: ignore[arg-type]
    asked = Request(request, authenticators=[each() for each in APIView.authentication_classes])
    user = asked.user
    if not user or not user.is_authenticated:
        raise ApplicationError("unauthenticated", "Sign in first.")
    return user.pk


async def _in_thread(work: Callable[..., Any], *args: Any) -> Any:
    """Where the client leaves meanwhile, what was begun is finished: it holds a file and a lease."""
    loop = asyncio.get_running_loop()

    def own() -> Any:
        try:
            return with_own_connection(work, *args)
        except (OperationalError, InterfaceError) as error:
            raise ApplicationError("unavailable", "Not possible just now.", retry_after=1) from error

    return await asyncio.shield(loop.run_in_executor(_threads, own))
