"""Defines `ApplicationError`, the exception that all actions (they change data) and selectors (they read data) raise.

Pages, the REST API and the WebSocket each convert the exception to their own kind of response.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from msgspec import UNSET, UnsetType

Text = str | Promise  # a Promise is a lazy translation, evaluated in the language of the reader

STATUS_BY_CODE = {
    "invalid": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "blocked": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "too_large": 413,
    "unsupported": 415,
    "rate_limited": 429,
    "unavailable": 503,
}


class ErrorSchema(msgspec.Struct):
    """An error, in REST responses and in `error` frames.

    `fields` contains messages for each invalid input field. `retry_after` is how many seconds the client should wait.
    """

    code: str
    detail: str
    fields: dict[str, list[str]] | UnsetType = UNSET
    retry_after: float | UnsetType = UNSET


class ApplicationError(Exception):
    """Raised by an action (it changes data) that cannot be done, or by a selector (it reads data) that has no result.

    When it is raised, no row was changed and no event was published. `code` is a key of STATUS_BY_CODE. `fields`
    maps names of input fields to error messages. `retry_after` is in seconds.
    """

    def __init__(
        self,
        code: str,
        detail: Text = "",
        fields: Mapping[str, Sequence[Text]] | None = None,
        retry_after: float | None = None,
    ):
        super().__init__(code, detail)
        self.code, self.detail, self.fields, self.retry_after = code, detail, fields, retry_after

    @property
    def status(self) -> int:
        return STATUS_BY_CODE.get(self.code, 500)

    def schema(self) -> ErrorSchema:
        # str() evaluates lazy translations in the active language
        fields = {name: [str(text) for text in texts] for name, texts in (self.fields or {}).items()}
        retry_after = UNSET if self.retry_after is None else self.retry_after
        return ErrorSchema(self.code, str(self.detail) or self.code, fields or UNSET, retry_after)


# `format_lazily(gettext_lazy("At most %(limit)s."), {"limit": 3})` is translated when it is read, not when it is made:
# a batch writer stores commands of many users in one thread, and each error is sent in the language of its user
# (`Connection.send_error`).
format_lazily = lazy(lambda text, values: str(text) % values, str)


def invalid(**fields: Text) -> ApplicationError:
    """Returns the error for invalid input, with a message for each field: `invalid(title="Too long.")`.

    The first message is also the `detail` of the error.
    """
    first = next(iter(fields.values()), "")
    return ApplicationError("invalid", first, {name: [text] for name, text in fields.items()} or None)


def not_found() -> ApplicationError:
    """Returns the error for an object that does not exist or that the user may not see.

    A client cannot tell which of the two is the case.
    """
    return ApplicationError("not_found", "Not found.")


def forbidden(detail: Text = "") -> ApplicationError:
    """Returns the error for an action that the user may not do, although the user may see the object."""
    return ApplicationError("forbidden", detail or "Not allowed.")


def rate_limited(retry_after: float) -> ApplicationError:
    return ApplicationError("rate_limited", "Too fast.", retry_after=round(retry_after, 2))


def unavailable() -> ApplicationError:
    """Returns the error for a database that is down or busy. The client may send the same command again."""
    return ApplicationError("unavailable", "Not possible just now.", retry_after=1)


def internal() -> ApplicationError:
    """Returns the error for a fault of the server, which is logged. Trying again does not help."""
    return ApplicationError("internal", _("Something went wrong. The error has been logged."))


def error_message(error: ApplicationError) -> str:
    """Returns the text that users see for an error, in the active language.

    For some error codes the `detail` is written for developers, so this function has its own texts for these codes. For
    all other codes it returns `detail`.
    """
    if error.code == "rate_limited":
        seconds = max(math.ceil(error.retry_after or 1), 1)
        return ngettext("Too fast. Try again in %(n)d second.", "Too fast. Try again in %(n)d seconds.", seconds) % {
            "n": seconds
        }
    messages_by_code = {
        "not_found": _("This doesn’t exist, or you don’t have access to it."),
        "unavailable": _("Something went wrong. Try again in a moment."),
        "conflict": _("This was already sent. Send it again if you want it twice."),
    }
    if error.code in messages_by_code:
        return messages_by_code[error.code]
    detail = str(error.detail)
    return detail if detail and detail != "Not allowed." else _("You’re not allowed to do this.")
