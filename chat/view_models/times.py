"""Formats dates and times in the reader's time zone and language.

In the browser `static/js/lib/times.js` does the same. It gets the date formats and the names of weekdays and months
from `time_words()`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from django.utils import dateformat, timezone
from django.utils.dates import MONTHS, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from messenger.core.path_converters import MAX_ID


def parse_timestamp(text: str) -> datetime:
    """Parses a timestamp of the API (ISO 8601) and converts it to the reader's time zone."""
    return datetime.fromisoformat(text).astimezone(timezone.get_current_timezone())


def parse_activity_cursor(active_at: str, conversation_id: str) -> tuple[str, int] | None:
    """Parses the cursor of a page of the list of conversations into (time, id). Returns None if it is not valid.

    These are the time of the last activity and the id of the conversation after which the page begins. The time is
    returned in UTC. A time that Python cannot represent in UTC is not valid.
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
    """Returns the date formats of the current language, by name, in the syntax of Django's `date` filter.

    Translators of a format may use only the letters l D j n d F M m Y y H i. The browser scripts that use the formats
    do not know other letters.
    """
    return {
        "time": pgettext("date format", "H:i"),
        "day": pgettext("date format", "l, j F"),
        "day-year": pgettext("date format", "l, j F Y"),
        "short": pgettext("date format", "j M"),
        "short-year": pgettext("date format", "j M Y"),
        "weekday": pgettext("date format", "D"),
    }


def format_time(value: datetime) -> str:
    """Formats a time of day, such as `16:02`."""
    return _format_time(value.hour, value.minute, get_language())


@lru_cache(maxsize=24 * 60 * 2)
def _format_time(hour: int, minute: int, language: str | None) -> str:
    """Formats a time of day. The result is cached, because a page shows about a hundred messages, each with a time.

    `language` is not used in the function: it makes the cache keep one result for each language.
    """
    return dateformat.format(time(hour, minute), date_formats()["time"])


def format_day_label(day: date, today: date) -> str:
    """Formats the label above the messages of a day: `Today`, `Yesterday` or a date such as `Friday, 20 November`."""
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return dateformat.format(day, date_formats()["day" if day.year == today.year else "day-year"])


def format_long_date(value: datetime) -> str:
    """Formats a date with weekday and year, such as `Friday, 20 November 2026`."""
    return dateformat.format(value, date_formats()["day-year"])


def format_short(value: datetime, now: datetime) -> str:
    """Formats a time in short form: today as time of day, the six days before as weekday, other days as date."""
    days = (now.date() - value.date()).days
    if days <= 0:
        return format_time(value)
    if days < 7:
        return dateformat.format(value, date_formats()["weekday"])
    return dateformat.format(value, date_formats()["short" if value.year == now.year else "short-year"])


def time_words() -> dict[str, str]:
    """Returns date formats and the names of weekdays and months for browser scripts.

    They become the data attributes of `<template id="time-words">`.
    """
    return date_formats() | {
        "today": _("Today"),
        "yesterday": _("Yesterday"),
        "weekdays": _join_names(WEEKDAYS),
        "weekdays-short": _join_names(WEEKDAYS_ABBR),
        "months": _join_names(MONTHS),
        "months-short": "|".join(dateformat.format(date(2000, month, 1), "M") for month in range(1, 13)),
    }


def _join_names(names: dict) -> str:
    return "|".join(str(names[key]) for key in sorted(names))
