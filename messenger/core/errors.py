"""Why a command was not obeyed: one exception for every verb, answered alike by page, API and socket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from django.utils.functional import Promise, lazy

Words = str | Promise  # a promise is worded where it is told

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


class ErrorSchema(msgspec.Struct, omit_defaults=True):
    """An error as REST and the socket tell it. `retry_after` is in seconds."""

    code: str
    detail: str
    fields: dict[str, list[str]] | None = None
    retry_after: float | None = None


class ApplicationError(Exception):
    """Raised by a verb that does not act. Nothing was changed, nothing is told."""

    def __init__(
        self,
        code: str,
        detail: Words = "",
        fields: Mapping[str, Sequence[Words]] | None = None,
        retry_after: float | None = None,
    ):
        super().__init__(code, detail)
        self.code, self.detail, self.fields, self.retry_after = code, detail, fields, retry_after

    @property
    def status(self) -> int:
        return STATUS_BY_CODE[self.code]

    def schema(self) -> ErrorSchema:
        # str(): the words may be lazy translations
        fields = {name: [str(word) for word in words] for name, words in self.fields.items()} if self.fields else None
        return ErrorSchema(self.code, str(self.detail) or self.code, fields, self.retry_after)


# `filled(gettext_lazy("At most %(limit)s."), {"limit": 3})` is worded when it is read: one thread stores for many
# people, and each is answered in their own language (`Connection.refuse`).
format_lazily = lazy(lambda words, values: str(words) % values, str)


def invalid(**fields: Words) -> ApplicationError:
    """`invalid(title="Too long.")`: what is wrong, at its field."""
    first = next(iter(fields.values()), "")
    return ApplicationError("invalid", first, {name: [word] for name, word in fields.items()} or None)


def not_found() -> ApplicationError:
    """For what is not there and for what one may not see: nobody can tell the difference."""
    return ApplicationError("not_found", "Not found.")


def forbidden(detail: Words = "") -> ApplicationError:
    """For what one may see but not do."""
    return ApplicationError("forbidden", detail or "Not allowed.")


def rate_limited(retry_after: float) -> ApplicationError:
    return ApplicationError("rate_limited", "Too fast.", retry_after=round(retry_after, 2))


def unavailable() -> ApplicationError:
    """The database is away or busy. The same command may be given again."""
    return ApplicationError("unavailable", "Not possible just now.", retry_after=1)
