"""What every REST endpoint shares: how JSON is read, how fast one may ask, how a refusal is answered, how lists page.

REST framework takes these classes by name while it builds its own views, so this module must not import views.
"""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core import exceptions as django_exceptions
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.metadata import BaseMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from messenger.core import rate_limits
from messenger.core.client_ip import request_ip
from messenger.core.errors import ApplicationError, ErrorSchema, forbidden, not_found, rate_limited, unavailable
from messenger.request_limits import TOO_LARGE

log = logging.getLogger("messenger.api")

ASK_BURST, ASK_PER_SECOND = 100, 20.0  # of everything together; sending has its own, narrower limit in its verb


class StrictJSONParser(BaseParser):
    """One JSON object in UTF-8, bounded in size and depth. NaN, infinities and lone surrogates are no JSON."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> dict[str, Any]:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise _too_large()
        try:
            return msgspec.json.decode(raw, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = _("nested too deeply") if isinstance(error, RecursionError) else str(error)
            raise ApplicationError("invalid", _("The request is not a JSON object: %s.") % reason.rstrip(".")) from None


@sync_and_async_middleware
def chunked_bodies(get_response):
    """A body that comes in chunks has no Content-Length, and both REST framework and Django would take it for none."""

    def measure(request: HttpRequest) -> None:
        chunked = "HTTP_TRANSFER_ENCODING" in request.META and "CONTENT_LENGTH" not in request.META
        stream = getattr(request, "_stream", None)
        if chunked and stream is not None and stream.seekable():
            request.META["CONTENT_LENGTH"] = str(stream.seek(0, os.SEEK_END))
            stream.seek(0)

    async def later(request: HttpRequest) -> HttpResponseBase:
        measure(request)
        return await get_response(request)

    def now(request: HttpRequest) -> HttpResponseBase:
        measure(request)
        return get_response(request)

    return later if iscoroutinefunction(get_response) else now


@sync_and_async_middleware
def bodies_that_can_be_read(get_response):
    """Refuses what is too large (413, see messenger/request_limits.py) or in a charset other than UTF-8 (415).

    Before anything looks at the body: Django decodes forms by whatever codec a client names, `utf-7` or `zip`.
    """

    def refusal(request: HttpRequest) -> HttpResponseBase | None:
        if most := getattr(request, "scope", {}).get(TOO_LARGE):
            return _answer(request, _too_large(most))
        charset = request.content_params.get("charset") if request.content_params else None
        if charset is None:
            return None
        if charset.strip().lower() not in {"utf-8", "utf8"}:
            return _answer(request, ApplicationError("unsupported", _("The request cannot be read.")))
        request.encoding = "utf-8"  # Django knows forms under this spelling alone
        return None

    async def later(request: HttpRequest) -> HttpResponseBase:
        return refusal(request) or await get_response(request)

    def now(request: HttpRequest) -> HttpResponseBase:
        return refusal(request) or get_response(request)

    return later if iscoroutinefunction(get_response) else now


def _answer(request: HttpRequest, refused: ApplicationError) -> HttpResponseBase:
    """A refusal before any view, in JSON below /api/, else a page that needs no person."""
    if request.path.startswith("/api/"):
        return JsonResponse(msgspec.to_builtins(refused.schema()), status=refused.status)
    return HttpResponse(render_to_string("error.html", {"reason": refused.detail}), status=refused.status)


class JSONWhateverIsAccepted(DefaultContentNegotiation):
    """A client that accepts only something else gets JSON all the same: more useful to it than a bare 406."""

    def select_renderer(self, request, renderers, format_suffix=None):
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except (exceptions.NotAcceptable, Http404):
            return renderers[0], renderers[0].media_type


class AllowedMethods(BaseMetadata):
    """The answer to OPTIONS. The rest is in the OpenAPI document."""

    def determine_metadata(self, request, view) -> dict[str, list[str]]:
        return {"methods": view.allowed_methods}


class PersonThrottle(BaseThrottle):
    """How much one person, or one address that is not signed in, may ask for. Shared with Redis by all processes."""

    seconds = 0.0

    def allow_request(self, request, view) -> bool:
        user = request.user
        who = f"person.{user.pk}" if user and user.is_authenticated else f"address.{request_ip(request)}"
        self.seconds = rate_limits.acquire(f"api.{who}", ASK_BURST, ASK_PER_SECOND)
        return self.seconds <= 0

    def wait(self) -> float:
        return self.seconds


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────
def answer_refusal(exc: Exception, context: dict[str, Any]) -> Response:
    """Whatever stopped a request, as the protocol's `{"code", "detail", "fields"?, "retry_after"?}`."""
    refused = as_refusal(exc)
    if refused is None:
        log.error("Unexpected error in %s", type(context.get("view")).__name__, exc_info=exc)
        # So that error reporters hear of it, and Django's test client raises it.
        got_request_exception.send(sender=None, request=context.get("request"))
        return Response(msgspec.to_builtins(_internal()), status=500)
    headers = {}
    if refused.code == "unauthenticated":
        headers["WWW-Authenticate"] = getattr(exc, "auth_header", None) or "Bearer"
    if refused.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(refused.retry_after))
    return Response(msgspec.to_builtins(refused.schema()), status=refused.status, headers=headers)


def as_refusal(exc: Exception) -> ApplicationError | None:
    """Frameworks have their own words for the same few refusals. None: this is no refusal but a fault of ours."""
    match exc:
        case ApplicationError():
            return exc
        case exceptions.ValidationError():
            return _invalid(exc.detail)
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return ApplicationError("unauthenticated", str(exc.detail))
        case exceptions.PermissionDenied():
            return forbidden(str(exc.detail))
        case django_exceptions.PermissionDenied():
            return forbidden()
        case exceptions.NotFound() | Http404():
            return not_found()
        case exceptions.MethodNotAllowed():
            return ApplicationError("method_not_allowed", str(exc.detail))
        case exceptions.UnsupportedMediaType():
            return ApplicationError("unsupported", str(exc.detail))
        case exceptions.Throttled():
            return rate_limited(getattr(exc, "wait", None) or 1)
        case exceptions.APIException() if exc.status_code < 500:
            return ApplicationError("invalid", str(exc.detail))
        case django_exceptions.ValidationError():
            return _invalid(exc.message_dict if hasattr(exc, "error_dict") else exc.messages)
        case django_exceptions.RequestDataTooBig():
            return _too_large()
        case (
            django_exceptions.SuspiciousOperation()
            | django_exceptions.BadRequest()
            | MultiPartParserError()
            | UnreadablePostError()
        ):
            return ApplicationError("invalid", _("The request cannot be read."))
        case OperationalError() | InterfaceError():
            log.warning("The database did not answer: %s", str(exc).partition("\n")[0])
            return unavailable()
    return None


def _too_large(most: int = 0) -> ApplicationError:
    return ApplicationError(
        "too_large", _("A request may have %d bytes.") % (most or settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    )


def _internal() -> ErrorSchema:
    return ErrorSchema("internal", _("Something went wrong here. It has been noted."))


def _invalid(detail: Any) -> ApplicationError:
    """`detail` as REST framework nests it: what is wrong with the third of a list stands at the list's name."""
    if not isinstance(detail, dict):
        return ApplicationError("invalid", next(_words(detail), ""))
    fields = {str(name): list(_words(words)) for name, words in detail.items()}
    return ApplicationError("invalid", next(_words(detail), ""), fields)


def _words(detail: Any) -> Iterator[str]:
    if isinstance(detail, dict | list | tuple):
        for part in detail.values() if isinstance(detail, dict) else detail:
            yield from _words(part)
    else:
        yield str(detail)


# ── Where no view answers ────────────────────────────────────────────────────────────────────────────────────────
@csrf_exempt
def unknown_path(request: HttpRequest) -> JsonResponse:
    """The last route below /api/: nothing there, said in JSON and never by a redirect, which would lose a body."""
    refused = not_found()
    return JsonResponse(msgspec.to_builtins(refused.schema()), status=refused.status)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """handler500: where no view could answer, mostly because a middleware found the database away. That is said so."""
    refused = as_refusal(error) if isinstance(error := sys.exc_info()[1], Exception) else None
    shape, status = (refused.schema(), refused.status) if refused else (_internal(), 500)
    if request.path.startswith("/api/"):
        answer: HttpResponseBase = JsonResponse(msgspec.to_builtins(shape), status=status)
    else:
        answer = defaults.server_error(request)
        answer.status_code = status
    if shape.retry_after is not None:
        answer["Retry-After"] = str(math.ceil(shape.retry_after))
    return answer


# ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────────────
def page(request: Request, results: list[Any], cursor: Any = None) -> Response:
    """`{"results", "next"}`. With `cursor`, `next` is this same request from there on; without, the list ends here."""
    following = None
    if cursor is not None:
        query = urlencode({**request.query_params.dict(), "before": cursor})
        following = request.build_absolute_uri(f"{request.path}?{query}")
    return Response({"results": msgspec.to_builtins(results), "next": following})
