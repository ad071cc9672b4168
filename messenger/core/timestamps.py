"""Formats times for REST responses and WebSocket frames."""

from __future__ import annotations

from datetime import UTC, datetime


def format_timestamp(value: datetime) -> str:
    """Returns an aware datetime as text, in UTC with milliseconds: `2026-11-21T01:02:03.456Z`.

    Microseconds are cut off. The text always has the same length, so sorting these texts sorts the times.
    """
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_optional_timestamp(value: datetime | None) -> str | None:
    return format_timestamp(value) if value else None
