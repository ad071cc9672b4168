"""Types of text fields in the msgspec structs of responses and events: times, UUIDs and fixed sets of values.

In Python and JSON these fields are plain text. OpenAPI, docs/protocol.md and the types of scripts are generated from
the structs, and describe what the text contains.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

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
    """Returns the annotation of a text field that has one of these values: `Annotated[str, one_of(Role.values)]`."""
    return msgspec.Meta(extra_json_schema={"enum": list(values)})
