"""Converts exceptions to error responses: for REST views, for unknown paths below /api/, and for unexpected errors.

REST framework imports the classes and functions named in settings.REST_FRAMEWORK while it defines its own views. So the
modules named there (exceptions, parsers, negotiation, metadata, throttling) must not import views.
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
from django.conf import settings
from django.core import exceptions as django_exceptions
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from messenger.core import database
from messenger.core.errors import ApplicationError, ErrorSchema, forbidden, not_found, rate_limited

log = logging.getLogger(__name__)


# ── Exception handler of REST framework ──────────────────────────────────────────────────────────────────────────
def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """Returns the response for an exception in a REST view: `{"code", "detail", "fields"?, "retry_after"?}`.

    An unexpected exception is logged with its traceback and answered with status 500.
    """
    error = to_application_error(exc)
    if error is None:
        log.error("Unexpected error in %s", type(context.get("view")).__name__, exc_info=exc)
        # Error reporting tools listen to this signal, and Django's test client raises the exception because of it.
        got_request_exception.send(sender=None, request=context.get("request"))
        return Response(msgspec.to_builtins(_internal_error()), status=500)
    headers = {}
    if error.code == "unauthenticated":
        headers["WWW-Authenticate"] = getattr(exc, "auth_header", None) or "Bearer"
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    return Response(msgspec.to_builtins(error.schema()), status=error.status, headers=headers)


def to_application_error(exc: Exception) -> ApplicationError | None:
    """Converts an exception of Django, REST framework or the database driver to an ApplicationError.

    Returns None for all other exceptions: they are bugs of the server, not errors of the request.
    """
    match exc:
        case ApplicationError():
            return exc
        case exceptions.ValidationError():
            return _validation_error(exc.detail)
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
            return _validation_error(exc.message_dict if hasattr(exc, "error_dict") else exc.messages)
        case django_exceptions.RequestDataTooBig():
            return request_too_large_error()
        case (
            django_exceptions.SuspiciousOperation()
            | django_exceptions.BadRequest()
            | MultiPartParserError()
            | UnreadablePostError()
        ):
            return ApplicationError("invalid", _("The request can’t be read."))
        case OperationalError() | InterfaceError():
            return database.to_application_error(exc)
    return None


def request_too_large_error(limit: int = 0) -> ApplicationError:
    """Returns the error for a request of more than `limit` bytes. If `limit` is 0, uses DATA_UPLOAD_MAX_MEMORY_SIZE."""
    return ApplicationError(
        "too_large", _("A request can be at most %d bytes.") % (limit or settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    )


def _internal_error() -> ErrorSchema:
    return ErrorSchema("internal", _("Something went wrong. The error has been logged."))


def _validation_error(detail: Any) -> ApplicationError:
    """Converts the nested errors of REST framework to an ApplicationError with a list of messages for each field.

    The errors of all items of a list field are collected under the name of that field.
    """
    if not isinstance(detail, dict):
        return ApplicationError("invalid", next(_flatten_messages(detail), ""))
    fields = {str(name): list(_flatten_messages(messages)) for name, messages in detail.items()}
    return ApplicationError("invalid", next(_flatten_messages(detail), ""), fields)


def _flatten_messages(detail: Any) -> Iterator[str]:
    if isinstance(detail, dict | list | tuple):
        for part in detail.values() if isinstance(detail, dict) else detail:
            yield from _flatten_messages(part)
    else:
        yield str(detail)


# ── Errors outside of REST views ─────────────────────────────────────────────────────────────────────────────────
@csrf_exempt
def api_not_found(request: HttpRequest) -> JsonResponse:
    """Answers with status 404 as JSON. This view handles all paths below /api/ that no other URL pattern matches.

    It never redirects to another URL, because a redirect would lose the body of the request.
    """
    error = not_found()
    return JsonResponse(msgspec.to_builtins(error.schema()), status=error.status)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """The view for unexpected errors (handler500). Answers with JSON below /api/, and with the page 500.html elsewhere.

    If the exception can be converted to an ApplicationError, the response has the status of that error instead of 500.
    The most frequent case is status 503, when a middleware could not reach the database.
    """
    error = to_application_error(exc) if isinstance(exc := sys.exc_info()[1], Exception) else None
    schema, status = (error.schema(), error.status) if error else (_internal_error(), 500)
    if request.path.startswith("/api/"):
        response: HttpResponseBase = JsonResponse(msgspec.to_builtins(schema), status=status)
    else:
        response = defaults.server_error(request)
        response.status_code = status
    if schema.retry_after is not msgspec.UNSET:
        response["Retry-After"] = str(math.ceil(schema.retry_after))
    return response
