"""Types of text fields in the msgspec structs of responses and events: times, UUIDs and fixed sets of values.

In Python and JSON these fields are plain text. OpenAPI, docs/protocol.md and the types of scripts are generated from
the structs, and describe what the text contains.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

Timestamp = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
UUIDText = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]


def one_of(values: Iterable[str]) -> msgspec.Meta:
    """Returns the annotation of a text field that has one of these values: `Annotated[str, one_of(Role.values)]`."""
    return msgspec.Meta(extra_json_schema={"enum": list(values)})
