"""Views that send uploaded files to users who may see them. Files on the local disk are sent by this server. For files
in S3, the view redirects to a signed S3 URL.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header, parse_etags

from accounts.decorators import file_view
from accounts.models import User
from chat.attachments import selectors
from chat.attachments.media import content_types
from chat.attachments.storage.base import get_upload_storage, storage_error
from chat.models import Attachment, File
from messenger.core.errors import ApplicationError, not_found

BLOCK_BYTES = 256 * 1024
# A file that is opened as a page may not run scripts. It gets an opaque origin, so it has no access to cookies.
FILE_CSP = "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'; sandbox"
# Browsers may show cached thumbnails for ten minutes. They ask for files each time; the response is mostly a 304.
CACHE_REVALIDATE, CACHE_SHORTLY = "private, no-cache", "private, max-age=600"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})$")


@file_view
def download_file(request: HttpRequest, user: User | None, attachment_id: int, name: str) -> HttpResponseBase:
    """Sends the file of an attachment. Images, audio and video are shown in the browser, files of other types are
    downloaded.

    Responds with 503 while a background task still has to process the file, for example to remove metadata.
    """
    try:
        attachment = _get_attachment(user, attachment_id)
        if name != attachment.name:
            raise not_found()
        file = attachment.file
        if file.state == File.State.WAITING:  # its metadata may contain a location
            raise ApplicationError("unavailable", "It is being prepared.", retry_after=1)
        is_inline = attachment.kind != Attachment.Kind.FILE and file.content_type in content_types.INLINE_TYPES
        content_type = file.content_type if is_inline else "application/octet-stream"
        if not is_inline and not file.content_type.startswith(("text/", "image/svg", "application/x")):
            content_type = file.content_type  # harmless as a download; phones choose the program by it
        disposition = content_disposition_header("download" in request.GET or not is_inline, attachment.name)
        return serve_file(request, file.key, file.sha256, content_type, disposition or "inline", CACHE_REVALIDATE)
    except ApplicationError as error:
        return error_response(error)


@file_view
def download_thumbnail(request: HttpRequest, user: User | None, attachment_id: int, width: int) -> HttpResponseBase:
    try:
        file = _get_attachment(user, attachment_id).file
        thumbnail = next((thumbnail for thumbnail in file.thumbnails if thumbnail["width"] == width), None)
        if thumbnail is None:
            raise not_found()
        etag = f"{file.sha256}-{width}"
        return serve_file(request, thumbnail["key"], etag, "image/webp", "inline", CACHE_SHORTLY)
    except ApplicationError as error:
        return error_response(error)


def _get_attachment(user: User | None, attachment_id: int) -> Attachment:
    """Returns an attachment that the user may see. Otherwise raises not_found.

    Anonymous users and users who are not in the conversation get the same 404 as for an attachment that does not exist,
    so they cannot find out which attachments exist.
    """
    if user is None:
        raise not_found()
    return selectors.get_attachment(user.pk, attachment_id)


def error_response(error: ApplicationError) -> HttpResponse:
    response = JsonResponse({"code": error.code, "detail": error.detail}, status=error.status)
    response["Cache-Control"] = "private, no-store"
    if error.retry_after:
        response["Retry-After"] = str(int(error.retry_after))
    return response


def serve_file(
    request: HttpRequest,
    key: str,
    etag: str,
    content_type: str,
    disposition: str,
    cache_control: str,
) -> HttpResponseBase:
    """Sends the file that is stored under `key`, or redirects to a signed S3 URL of the file.

    The caller must have checked that the user may see the file. Raises `not_found` if the file is missing, and
    `unavailable` (status 503) if the storage does not answer.
    """
    response: HttpResponseBase
    try:
        if url := get_upload_storage().signed_url(key, content_type, disposition):
            response = HttpResponseRedirect(url)
            # Shorter than the signed URL is valid (SIGNED_URL_SECONDS).
            response["Cache-Control"] = f"private, max-age={60 if cache_control == CACHE_REVALIDATE else 200}"
            patch_vary_headers(response, ("Cookie", "Authorization"))
            return response
        response = _serve_from_disk(request, key, f'"{etag}"')
    except OSError as error:
        raise storage_error(error) if not isinstance(error, FileNotFoundError) else not_found() from error
    response["Content-Type"] = content_type
    response["Content-Disposition"] = disposition
    response["Cache-Control"] = cache_control
    response["Content-Security-Policy"] = FILE_CSP
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    patch_vary_headers(response, ("Cookie", "Authorization"))
    return response


def _serve_from_disk(request: HttpRequest, key: str, etag: str) -> HttpResponseBase:
    """Sends a file from the local disk. Supports conditional requests (304), one byte range (206, 416) and HEAD."""
    cached_etags = parse_etags(request.headers.get("If-None-Match", ""))
    if etag in cached_etags or "*" in cached_etags:
        return _with_etag(HttpResponse(status=304), etag)
    source = get_upload_storage().open_file(key)
    try:
        length = source.seek(0, 2)
        start, stop = _parse_range(request, length, etag)
    except ValueError:
        source.close()
        response = _with_etag(HttpResponse(status=416), etag)
        response["Content-Range"] = f"bytes */{length}"
        return response
    is_partial = (
        length > 0
        and "Range" in request.headers
        and _range_applies(request, etag)
        and request.headers["Range"] != "bytes=-"
    )
    status = 206 if is_partial else 200
    if request.method == "HEAD":
        source.close()
        response = HttpResponse(status=status)
    else:
        response = _stream(request, source, start, stop, status)
    response["Content-Length"] = str(stop - start)
    if is_partial:
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{length}"
    return _with_etag(response, etag)


def _with_etag(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    response["ETag"] = etag
    response["Accept-Ranges"] = "bytes"
    return response


def _range_applies(request: HttpRequest, etag: str) -> bool:
    """Returns whether the response must contain only the byte range of the request header `Range`.

    Returns False if the range cannot be parsed, or if the header `If-Range` names another version of the file. In both
    cases the whole file is sent.
    """
    return request.headers.get("If-Range", etag) == etag and _RANGE.match(request.headers["Range"].strip()) is not None


def _parse_range(request: HttpRequest, length: int, etag: str) -> tuple[int, int]:
    """Returns the bytes of the file to send, as (start, stop), from the request header `Range`.

    Returns the range of the whole file if the header is missing, has several ranges, or has another unit than bytes.
    Raises ValueError if the requested range lies outside the file.
    """
    if "Range" not in request.headers or not _range_applies(request, etag):
        return 0, length
    match = _RANGE.match(request.headers["Range"].strip())
    assert match
    first, last = match.groups()
    if not first and not last:
        return 0, length
    if not first:
        start, stop = max(length - int(last), 0), length
        if int(last) == 0:
            raise ValueError
    else:
        start, stop = int(first), min(int(last) + 1, length) if last else length
    if start >= stop:
        raise ValueError
    return start, stop


def _stream(request: HttpRequest, source: BinaryIO, start: int, stop: int, status: int) -> StreamingHttpResponse:
    source.seek(start)
    remaining = stop - start

    def read_block() -> bytes:
        nonlocal remaining
        data = source.read(min(BLOCK_BYTES, remaining))
        remaining -= len(data)
        return data

    def iterate() -> Iterator[bytes]:
        while data := read_block():
            yield data

    async def iterate_async() -> AsyncIterator[bytes]:
        # Under ASGI, Django would first read a synchronous iterator completely into memory.
        while data := await sync_to_async(read_block, thread_sensitive=False)():
            yield data

    content = iterate_async() if isinstance(request, ASGIRequest) else iterate()
    response = StreamingHttpResponse(content, status=status)
    response._resource_closers.append(source.close)  # type: ignore[attr-defined]
    return response
