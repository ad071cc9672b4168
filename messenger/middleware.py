"""Middleware for all pages and the API: headers, request bodies, compression. settings.MIDDLEWARE has the order.

Views and middleware are synchronous. So Django calls all of them in one thread (messenger/asgi_handler.py), without
returning to the event loop between them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from messenger.core.client_ip import is_trusted_proxy, request_ip, set_current_ip
from messenger.core.errors import ApplicationError
from messenger.request_size_limit import TOO_LARGE
from messenger.rest.exceptions import request_too_large_error

FORWARDED_PROTO = "HTTP_X_FORWARDED_PROTO"
_COMPRESSED_TYPES = ("text/html", "application/json")


def _request_middleware(process_request: Callable[[HttpRequest], HttpResponseBase | None]) -> Callable[..., Any]:
    """Makes a Django middleware from a function that gets the request and may change it or return a response.

    If the function returns a response, the view is not called.
    """

    @wraps(process_request)
    def middleware(get_response):
        def handle(request: HttpRequest) -> HttpResponseBase:
            return process_request(request) or get_response(request)

        return handle

    return middleware


@_request_middleware
def ignore_untrusted_forwarded_proto(request: HttpRequest) -> None:
    """Removes the header X-Forwarded-Proto unless the request comes from one of TRUSTED_PROXIES.

    Must be the first middleware, because Django trusts this header (settings.SECURE_PROXY_SSL_HEADER).
    """
    if FORWARDED_PROTO in request.META and not is_trusted_proxy(request.META.get("REMOTE_ADDR") or "127.0.0.1"):
        del request.META[FORWARDED_PROTO]


@_request_middleware
def remember_client_ip(request: HttpRequest) -> None:
    """Remembers the address of the client during the request, so that the audit log can note it."""
    set_current_ip(request_ip(request))


# Pages may use the microphone (voice notes, calls), and the camera and the screen (calls), but no other device.
# Pages of other sites may not embed our responses.
_SECURITY_HEADERS = {
    "Permissions-Policy": (
        "camera=(self), display-capture=(self), geolocation=(), microphone=(self), payment=(), usb=()"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
}


def security_headers(get_response):
    """Adds security headers that Django's SecurityMiddleware does not add. A header that a view has set is kept."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in _SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return handle


@_request_middleware
def complete_api_paths(request: HttpRequest) -> None:
    """Adds a missing slash to the end of a path below /api/, so that clients may omit it.

    A redirect to the path with slash would not work: many clients repeat the request without the body, or do not follow
    the redirect.
    """
    if request.path_info.startswith("/api/") and not request.path_info.endswith("/"):
        request.path_info += "/"
        request.path += "/"


@_request_middleware
def chunked_body_length(request: HttpRequest) -> None:
    """Sets the Content-Length of a request with a chunked body.

    Without this header, Django and REST framework treat the body as empty.
    """
    is_chunked = "HTTP_TRANSFER_ENCODING" in request.META and "CONTENT_LENGTH" not in request.META
    stream = getattr(request, "_stream", None)
    if is_chunked and stream is not None and stream.seekable():
        request.META["CONTENT_LENGTH"] = str(stream.seek(0, os.SEEK_END))
        stream.seek(0)


@_request_middleware
def reject_unreadable_bodies(request: HttpRequest) -> HttpResponseBase | None:
    """Rejects a body that is too large (413, see messenger/request_size_limit.py) or not in UTF-8 (415).

    Must come before all middleware that reads the body. Without this check, Django would decode a form with any codec
    that the client names, even with `utf-7` or `zip`.
    """
    if limit := getattr(request, "scope", {}).get(TOO_LARGE):
        return _error_response(request, request_too_large_error(limit))
    charset = request.content_params.get("charset") if request.content_params else None
    if charset is None:
        return None
    if charset.strip().lower() not in {"utf-8", "utf8"}:
        return _error_response(request, ApplicationError("unsupported", _("The request can’t be read.")))
    request.encoding = "utf-8"  # the only spelling that Django's form parser accepts
    return None


def _error_response(request: HttpRequest, error: ApplicationError) -> HttpResponseBase:
    """Returns an error response: JSON for paths below /api/, and an HTML page for other paths.

    The page shows no user, because `request.user` is not set yet.
    """
    if request.path.startswith("/api/"):
        return JsonResponse(msgspec.to_builtins(error.schema()), status=error.status)
    return HttpResponse(render_to_string("error.html", {"reason": error.detail}), status=error.status)


class CompressedPagesMiddleware(GZipMiddleware):
    """Compresses HTML and JSON.

    Django's GZipMiddleware adds random bytes, so that the size reveals no secrets (BREACH attack).

    Files that users have sent are not compressed: clients request byte ranges of them, and most formats are compressed
    already. Static files are compressed by `collectstatic`.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or not response.headers.get("Content-Type", "").startswith(_COMPRESSED_TYPES):
            return response
        return super().process_response(request, response)
