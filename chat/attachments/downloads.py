"""Files handed out: after a look at who asks, by the server itself or by a signed link into the bucket."""

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
from django.views.decorators.http import require_safe

from accounts.authentication import whoever_asks
from chat.attachments import selectors
from chat.attachments.media import content_types
from chat.attachments.storage.base import no_room, shelf
from chat.models import Attachment, File
from messenger.core.errors import ApplicationError, not_found

BLOCK = 256 * 1024
# Whatever it is, opened by itself it may do nothing and knows nobody.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'; sandbox"
# Thumbnails stay in their reader's own cache for a while; files are asked for each time, and mostly not sent again.
ASK_AGAIN, FOR_A_WHILE = "private, no-cache", "private, max-age=600"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})$")


@require_safe
def file(request: HttpRequest, attachment_id: int, name: str) -> HttpResponseBase:
    try:
        row = _theirs(request, attachment_id)
        if name != row.name:
            raise not_found()
        if row.file.state == File.State.WAITING:  # it may say where it was taken
            raise ApplicationError("unavailable", "It is being prepared.", retry_after=1)
        shown = row.kind != Attachment.Kind.FILE and row.file.content_type in content_types.SHOWN
        kind = row.file.content_type if shown else "application/octet-stream"
        if not shown and not row.file.content_type.startswith(("text/", "image/svg", "application/x")):
            kind = row.file.content_type  # a download all the same; phones choose a program by it
        disposition = content_disposition_header("download" in request.GET or not shown, row.name) or "inline"
        return bytes_of(request, row.file.key, row.file.size, row.file.sha256, kind, disposition, ASK_AGAIN)
    except ApplicationError as refused:
        return _refused(refused)


@require_safe
def thumbnail(request: HttpRequest, attachment_id: int, width: int) -> HttpResponseBase:
    try:
        row = _theirs(request, attachment_id)
        made = next((each for each in row.file.thumbnails if each["width"] == width), None)
        if made is None:
            raise not_found()
        return bytes_of(request, made["key"], None, f"{row.file.sha256}-{width}", "image/webp", "inline", FOR_A_WHILE)
    except ApplicationError as refused:
        return _refused(refused)


def _theirs(request: HttpRequest, attachment_id: int) -> Attachment:
    """Nobody and a stranger get the same: as if it were not there."""
    person = whoever_asks(request)
    if person is None:
        raise not_found()
    return selectors.attachment(person.pk, attachment_id)


def _refused(refused: ApplicationError) -> HttpResponse:
    answer = JsonResponse({"code": refused.code, "detail": refused.detail}, status=refused.status)
    answer["Cache-Control"] = "private, no-store"
    if refused.retry_after:
        answer["Retry-After"] = str(int(refused.retry_after))
    return answer


def bytes_of(
    request: HttpRequest, key: str, size: int | None, tag: str, kind: str, disposition: str, cache: str
) -> HttpResponseBase:
    """What is kept under `key`, to somebody who may have it: sent by us, or by a link into the bucket for minutes."""
    try:
        if link := shelf().link(key, kind, disposition):
            answer: HttpResponseBase = HttpResponseRedirect(link)
            answer["Cache-Control"] = f"private, max-age={60 if cache == ASK_AGAIN else 200}"
            patch_vary_headers(answer, ("Cookie", "Authorization"))
            return answer
        answer = _from_disk(request, key, size, f'"{tag}"')
    except OSError as error:
        raise no_room(error) if not isinstance(error, FileNotFoundError) else not_found() from error
    answer["Content-Type"] = kind
    answer["Content-Disposition"] = disposition
    answer["Cache-Control"] = cache
    answer["Content-Security-Policy"] = POLICY
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    patch_vary_headers(answer, ("Cookie", "Authorization"))
    return answer


def _from_disk(request: HttpRequest, key: str, size: int | None, etag: str) -> HttpResponseBase:
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if etag in known or "*" in known:
        return _labelled(HttpResponse(status=304), etag)
    source = shelf().read(key)
    try:
        length = source.seek(0, 2)
        start, stop = _span(request, length, etag)
    except ValueError:
        source.close()
        answer = _labelled(HttpResponse(status=416), etag)
        answer["Content-Range"] = f"bytes */{length}"
        return answer
    partial = (
        length > 0 and "Range" in request.headers and _believed(request, etag) and request.headers["Range"] != "bytes=-"
    )
    status = 206 if partial else 200
    if request.method == "HEAD":
        source.close()
        answer = HttpResponse(status=status)
    else:
        answer = _stream(request, source, start, stop, status)
    answer["Content-Length"] = str(stop - start)
    if partial:
        answer["Content-Range"] = f"bytes {start}-{stop - 1}/{length}"
    return _labelled(answer, etag)


def _labelled(answer: HttpResponseBase, etag: str) -> HttpResponseBase:
    answer["ETag"] = etag
    answer["Accept-Ranges"] = "bytes"
    return answer


def _believed(request: HttpRequest, etag: str) -> bool:
    """`If-Range` names another version: then all of it is sent."""
    return request.headers.get("If-Range", etag) == etag and _RANGE.match(request.headers["Range"].strip()) is not None


def _span(request: HttpRequest, length: int, etag: str) -> tuple[int, int]:
    """What is asked for. Several ranges at once, and other units, are as if none were asked. ValueError: not in it."""
    if "Range" not in request.headers or not _believed(request, etag):
        return 0, length
    found = _RANGE.match(request.headers["Range"].strip())
    assert found
    first, last = found.groups()
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
    left = stop - start

    def block() -> bytes:
        nonlocal left
        data = source.read(min(BLOCK, left))
        left -= len(data)
        return data

    def now() -> Iterator[bytes]:
        while data := block():
            yield data

    async def later() -> AsyncIterator[bytes]:
        # Not a plain iterator: Django would read all of it into memory first.
        while data := await sync_to_async(block, thread_sensitive=False)():
            yield data

    answer = StreamingHttpResponse(later() if isinstance(request, ASGIRequest) else now(), status=status)
    answer._resource_closers.append(source.close)  # type: ignore[attr-defined]
    return answer
