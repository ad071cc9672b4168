"""ASGI application that receives the bytes of uploads (tus PATCH requests) before they reach Django.

Django reads a whole request body before it calls a view, and discards it if the connection breaks. This application
writes the bytes in threads while they arrive, one megabyte at a time. Memory does not grow with the file, and bytes
that arrived before a disconnect are kept. The user is authenticated before the first byte is accepted. All other
requests go to Django.
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
from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.utils import translation
from rest_framework.request import Request
from rest_framework.views import APIView

from chat.attachments import uploads
from chat.attachments.tus.headers import (
    PART_CONTENT_TYPE,
    TUS_VERSION,
    UPLOADS_PATH,
    check_version,
    parse_checksum,
    parse_digest,
    parse_upload_offset,
    upload_headers,
)
from messenger.core import rate_limits
from messenger.core.database import with_own_connection
from messenger.core.errors import ApplicationError, rate_limited
from messenger.core.numbers import parse_id
from messenger.rest.exceptions import to_application_error

log = logging.getLogger(__name__)
CHUNK_BYTES = 1024 * 1024  # bytes that are collected before a thread writes them to the storage
MAX_DRAINED_BYTES = 2 * 1024 * 1024  # bytes of a rejected body that are still read, so that the client sees the error
_PATH = re.compile(rf"{UPLOADS_PATH}([\w-]{{1,43}})/?$")
_OVERRIDE_METHODS = {"PATCH", "HEAD", "DELETE"}  # allowed in X-HTTP-Method-Override
# A thread pool of its own: a bucket that does not answer blocks uploads only.
_executor = ThreadPoolExecutor(max_workers=8, thread_name_prefix="uploads")


class ClientDisconnected(Exception):
    """Is raised if the client has closed the connection or has sent no bytes for some time (setting UPLOAD_SILENCE)."""


class TusReceiver:
    """Wraps an ASGI application. PATCH requests, which send bytes of uploads, are handled here.

    All other requests are passed to the wrapped application.
    """

    def __init__(self, application) -> None:
        self.application = application

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(UPLOADS_PATH):
            return await self.application(scope, receive, send)
        override = dict(scope["headers"]).get(b"x-http-method-override", b"").decode("latin-1").upper()
        if scope["method"] == "POST" and override in _OVERRIDE_METHODS:
            scope = {**scope, "method": override}
        match = _PATH.match(scope["path"])
        if scope["method"] != "PATCH" or not match:
            return await self.application(scope, receive, send)
        await _PatchRequest(scope, receive, send, match[1]).handle()


class _PatchRequest:
    """Handles one PATCH request, whose body is one part of an uploaded file."""

    def __init__(self, scope, receive, send, upload_id: str):
        self._receive, self._send, self._upload_id = receive, send, upload_id
        # A request without a body: Django's and REST framework's classes read headers and cookies from it.
        self._request = ASGIRequest(scope, io.BytesIO())
        self._headers = self._request.headers
        self._body_ended = False

    async def handle(self) -> None:
        part: uploads.IncomingPart | None = None
        try:
            part = await _run_in_thread(self._open_part)
            await self._receive_body(part)
            upload = await _run_in_thread(part.finish)
            await self._respond(204, upload_headers(upload))
        except ClientDisconnected:
            if part is not None:
                await self._run_and_log_errors(part.commit_partial)
        except Exception as error:
            if part is not None and not isinstance(error, uploads.UploadError):
                await self._run_and_log_errors(part.commit_partial)
            await self._respond_with_error(error)
        finally:
            if part is not None:
                await self._run_and_log_errors(part.close)

    def _open_part(self) -> uploads.IncomingPart:
        """Checks the user, rate limit, headers and size of a PATCH request before its body is read.

        Then acquires the lease of the upload (exclusive write access for a limited time), and returns the object that
        stores the bytes of this request.
        """
        user_id = _authenticate(self._request)
        with translation.override(translation.get_language_from_request(self._request)):
            if wait := rate_limits.acquire("part", user_id):
                raise rate_limited(wait)
            check_version(self._headers)
            if self._headers.get("Content-Type", "").partition(";")[0].strip() != PART_CONTENT_TYPE:
                raise ApplicationError("unsupported", f"{PART_CONTENT_TYPE} is expected.")
            offset, checksum = parse_upload_offset(self._headers), parse_checksum(self._headers)
            digest = parse_digest(self._headers)
            upload = uploads.get_upload(user_id, self._upload_id)
            length = parse_id(self._headers.get("Content-Length", "0"))
            if length is not None and offset + length > upload.size:
                raise ApplicationError("too_large", "These are more bytes than were declared.")
            if digest:
                uploads.set_expected_sha256(user_id, self._upload_id, digest)
            return uploads.IncomingPart(user_id, self._upload_id, offset, checksum)

    async def _receive_body(self, part: uploads.IncomingPart) -> None:
        chunks: list[bytes] = []
        size = 0
        while not self._body_ended:
            try:
                data = await self._next_chunk()
            except ClientDisconnected:
                if chunks:
                    await _run_in_thread(part.write, b"".join(chunks))
                raise
            chunks.append(data)
            size += len(data)
            if size >= CHUNK_BYTES or (self._body_ended and size):
                await _run_in_thread(part.write, b"".join(chunks))
                chunks, size = [], 0

    async def _next_chunk(self) -> bytes:
        try:
            message = await asyncio.wait_for(self._receive(), settings.UPLOAD_SILENCE)
        except TimeoutError:
            raise ClientDisconnected from None
        if message["type"] != "http.request":
            raise ClientDisconnected
        self._body_ended = not message.get("more_body", False)
        return message.get("body", b"")

    async def _respond_with_error(self, exception: Exception) -> None:
        error = to_application_error(exception)
        if error is None:
            log.error("A part could not be taken in", exc_info=exception)
            content, status = {"code": "internal", "detail": "Something went wrong here. It has been noted."}, 500
        else:
            content, status = msgspec.to_builtins(error.schema()), error.status
        await self._drain_body()
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if not self._body_ended:
            headers["Connection"] = "close"
        if error is not None and error.retry_after is not None:
            headers["Retry-After"] = str(max(int(error.retry_after), 1))
        await self._respond(status, headers, msgspec.json.encode(content))

    async def _drain_body(self) -> None:
        """Reads and discards a limited number of bytes of the request body after an error.

        Without this, a client that is still sending its body would see a closed connection instead of the error
        response.
        """
        remaining = MAX_DRAINED_BYTES
        try:
            while not self._body_ended and remaining > 0:
                remaining -= len(await asyncio.wait_for(self._next_chunk(), 1)) or 1
        except (ClientDisconnected, TimeoutError):
            pass

    async def _respond(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        headers = {
            "Tus-Resumable": TUS_VERSION,
            "X-Content-Type-Options": "nosniff",
            **_cors_headers(self._request),
            **headers,
        }
        if status != 204:
            headers["Content-Length"] = str(len(body))
        raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw_headers})
        await self._send({"type": "http.response.body", "body": body})

    async def _run_and_log_errors(self, function: Callable[[], Any]) -> None:
        try:
            await _run_in_thread(function)
        except ApplicationError as error:
            log.info("The end of a part: %s", error)
        except Exception:
            log.exception("The end of a part")


def _authenticate(request: ASGIRequest) -> int:
    """Returns the id of the signed-in user who sent the request. Raises `unauthenticated` if there is none.

    Uses the authentication classes of the REST API, which also check the CSRF token.
    """
    SessionMiddleware(lambda _request: None).process_request(request)  # type: ignore[arg-type]
    authenticators = [authentication_class() for authentication_class in APIView.authentication_classes]
    user = Request(request, authenticators=authenticators).user
    if not user or not user.is_authenticated:
        raise ApplicationError("unauthenticated", "Sign in first.")
    return user.pk


def _cors_headers(request: ASGIRequest) -> dict[str, str]:
    """Returns the headers with which a page of one of EXTRA_ORIGINS may read the response. None for other pages."""
    response = HttpResponse()
    del response["Content-Type"]
    CorsMiddleware(lambda _request: response).add_response_headers(request, response)
    return dict(response.items())


async def _run_in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Runs `function` in a thread of the thread pool for uploads, with a database connection of its own.

    If the HTTP request is cancelled, `function` still runs to its end. It must not stop halfway, because it writes to
    the file of the upload and holds the upload's lease (exclusive write access for a limited time).
    """
    loop = asyncio.get_running_loop()

    def run() -> Any:
        try:
            return with_own_connection(function, *args)
        except (OperationalError, InterfaceError) as error:
            raise ApplicationError("unavailable", "Not possible just now.", retry_after=1) from error

    return await asyncio.shield(loop.run_in_executor(_executor, run))
