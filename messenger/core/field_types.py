"""Types of fields in the msgspec structs of input, responses and events: times, UUIDs, ids, fixed sets of values.

OpenAPI, docs/protocol.md, the types of scripts and the validation of REST requests are made from the structs. They use
what the JSON Schema of such a type says beyond the Python type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from django.utils.translation import gettext_noop as _

from messenger.core.path_converters import MAX_ID

Timestamp = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
UUIDText = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]


Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]


def described(text: str, **values: object) -> msgspec.Meta:
    """Returns the annotation of a field with its description: `Annotated[str, described(_("Markdown."))]`.

    `text` is an English text, marked for translation with `gettext_noop`. It may have placeholders for `values`.
    """
    return msgspec.Meta(description=text, extra_json_schema={"x-values": values} if values else None)


def keyed_by_id(max_length: int | None = None) -> msgspec.Meta:
    """Returns the annotation of an object whose keys are ids: `Annotated[dict[Id, Count], keyed_by_id()]`.

    In JSON the keys are texts, so the JSON Schema of msgspec does not say what they contain.
    """
    return msgspec.Meta(max_length=max_length, extra_json_schema={"x-key": "id"})


def one_of(values: Iterable[str]) -> msgspec.Meta:
    """Returns the annotation of a text field that has one of these values: `Annotated[str, one_of(Role.values)]`.

    With a mapping, the OpenAPI document also shows the label of each value.
    """
    labels = {"x-labels": dict(values)} if isinstance(values, Mapping) else {}
    return msgspec.Meta(extra_json_schema={"enum": list(values), **labels})


# ── Input of REST requests only ──────────────────────────────────────────────────────────────────────────────────
DateTime = Annotated[datetime, msgspec.Meta(tz=True)]
File = Annotated[str, msgspec.Meta(extra_json_schema={"format": "binary"})]  # in a form: multipart/form-data


def page_size(maximum: int) -> msgspec.Meta:
    """Returns the annotation of the number of results on a page. A larger number than `maximum` is reduced to it."""
    return msgspec.Meta(
        ge=1,
        description=_("At most %(most)d; larger values are reduced to it."),
        extra_json_schema={"x-values": {"most": maximum}, "x-maximum": maximum},
    )


PageSize = Annotated[int, page_size(100)]
LongPageSize = Annotated[int, page_size(500)]


def comma_separated_ids(max_length: int) -> msgspec.Meta:
    """Returns the annotation of a list of ids that is one text in the URL: `Annotated[list[Id], …]` for `3,9,12`."""
    return msgspec.Meta(max_length=max_length, extra_json_schema={"x-separator": ","})
