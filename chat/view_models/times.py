"""Formats dates and times in the reader's time zone and language.

`static/js/lib/times.js` formats live messages in the same way, with the formats and names of `time_words()`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from django.utils import dateformat, timezone
from django.utils.dates import MONTHS, MONTHS_3, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from messenger.core.path_converters import MAX_ID


def parse_timestamp(text: str) -> datetime:
    """Parses a timestamp of an output schema and converts it to the reader's time zone."""
    return datetime.fromisoformat(text).astimezone(timezone.get_current_timezone())


def parse_activity_cursor(active_at: str, conversation_id: str) -> tuple[str, int] | None:
    """Parses a cursor of the list of conversations into (time, id); None if it is invalid.

    The time is returned in UTC. It is invalid if UTC cannot represent it, as at the limits of the calendar.
    """
    is_number = conversation_id.isascii() and conversation_id.isdecimal()
    if not (is_number and len(conversation_id) <= len(str(MAX_ID))):
        return None
    try:
        timestamp = datetime.fromisoformat(active_at)
        if timestamp.tzinfo is None or not 0 < int(conversation_id) <= MAX_ID:
            return None
        return timestamp.astimezone(UTC).isoformat(), int(conversation_id)
    except (ValueError, OverflowError):
        return None


def date_formats() -> dict[str, str]:
    """Returns formats in Django's syntax. Only l D j n d F M m Y y H i are used: the scripts know no others."""
    return {
        "time": pgettext("date format", "H:i"),
        "day": pgettext("date format", "l, j F"),
        "day-year": pgettext("date format", "l, j F Y"),
        "short": pgettext("date format", "j M"),
        "short-year": pgettext("date format", "j M Y"),
        "weekday": pgettext("date format", "D"),
    }


def format_time(value: datetime) -> str:
    """Formats the time of a message: `16:02`."""
    return _format_time(value.hour, value.minute, get_language())


@lru_cache(maxsize=24 * 60 * 2)
def _format_time(hour: int, minute: int, language: str | None) -> str:
    """Cached, because a page contains about a hundred times. `language` is part of the cache key."""
    return dateformat.format(time(hour, minute), date_formats()["time"])


def format_day_label(day: date, today: date) -> str:
    """Formats the label of a day separator: `Today`, `Yesterday`, `Friday, 20 November`."""
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return dateformat.format(day, date_formats()["day" if day.year == today.year else "day-year"])


def format_long_date(value: datetime) -> str:
    """Formats a day with its year: `Friday, 20 November 2026`."""
    return dateformat.format(value, date_formats()["day-year"])


def format_short(value: datetime, now: datetime) -> str:
    """Formats a time for narrow places: the time if it is today, the weekday within six days, else the date."""
    days = (now.date() - value.date()).days
    if days <= 0:
        return format_time(value)
    if days < 7:
        return dateformat.format(value, date_formats()["weekday"])
    return dateformat.format(value, date_formats()["short" if value.year == now.year else "short-year"])


def time_words() -> dict[str, str]:
    """Returns the data attributes of `<template id="time-words">`: formats and names for scripts."""
    return date_formats() | {
        "today": _("Today"),
        "yesterday": _("Yesterday"),
        "weekdays": _join_names(WEEKDAYS),
        "weekdays-short": _join_names(WEEKDAYS_ABBR),
        "months": _join_names(MONTHS),
        "months-short": _join_names(MONTHS_3),
    }


def _join_names(names: dict) -> str:
    return "|".join(str(names[key]) for key in sorted(names))
