"""Formats times for the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

Timestamp = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


def format_timestamp(value: datetime) -> str:
    """Returns an aware datetime as `2026-11-21T01:02:03.456Z`.

    The result is in UTC, is cut off after milliseconds and always has the same length, so that strings sort as times.
    """
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_optional_timestamp(value: datetime | None) -> str | None:
    return format_timestamp(value) if value else None
