"""Why a command was not obeyed: one exception for every verb, answered alike by page, API and socket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from django.utils.functional import Promise, lazy

Words = str | Promise  # a promise is worded where it is told

STATUS = {
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


class RefusalShape(msgspec.Struct, omit_defaults=True):
    """An error as REST and the socket tell it. `retry_after` is in seconds."""

    code: str
    detail: str
    fields: dict[str, list[str]] | None = None
    retry_after: float | None = None


class Refused(Exception):
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
        return STATUS[self.code]

    def shape(self) -> RefusalShape:
        # str(): the words may be lazy translations
        fields = {name: [str(word) for word in words] for name, words in self.fields.items()} if self.fields else None
        return RefusalShape(self.code, str(self.detail) or self.code, fields, self.retry_after)


# `filled(gettext_lazy("At most %(limit)s."), {"limit": 3})` is worded when it is read: one thread stores for many
# people, and each is answered in their own language (`Connection.refuse`).
filled = lazy(lambda words, values: str(words) % values, str)


def invalid(**fields: Words) -> Refused:
    """`invalid(title="Too long.")`: what is wrong, at its field."""
    first = next(iter(fields.values()), "")
    return Refused("invalid", first, {name: [word] for name, word in fields.items()} or None)


def not_found() -> Refused:
    """For what is not there and for what one may not see: nobody can tell the difference."""
    return Refused("not_found", "Not found.")


def forbidden(detail: Words = "") -> Refused:
    """For what one may see but not do."""
    return Refused("forbidden", detail or "Not allowed.")


def rate_limited(retry_after: float) -> Refused:
    return Refused("rate_limited", "Too fast.", retry_after=round(retry_after, 2))


def unavailable() -> Refused:
    """The database is away or busy. The same command may be given again."""
    return Refused("unavailable", "Not possible just now.", retry_after=1)
