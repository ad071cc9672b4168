"""Times in words, in the reader's zone and language. `static/js` words live messages alike, from `time_words`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from django.utils import dateformat, timezone
from django.utils.dates import MONTHS, MONTHS_3, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from messenger.core.path_converters import MAX_ID


def parse(moment: str) -> datetime:
    """A moment as shapes write it, in the reader's zone."""
    return datetime.fromisoformat(moment).astimezone(timezone.get_current_timezone())


def activity_place(at: str, number: str) -> tuple[str, int] | None:
    """A place in the list of conversations, (time, id), as an address carries it; None for what is no such place.

    The time is said in UTC, where the first and the last hours of the calendar may not exist.
    """
    if not (number.isascii() and number.isdecimal() and len(number) <= len(str(MAX_ID))):
        return None
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not 0 < int(number) <= MAX_ID:
            return None
        return moment.astimezone(UTC).isoformat(), int(number)
    except (ValueError, OverflowError):
        return None


def formats() -> dict[str, str]:
    """In Django's date letters; only l D j n d F M m Y y H i are used, which scripts know too."""
    return {
        "time": pgettext("date format", "H:i"),
        "day": pgettext("date format", "l, j F"),
        "day-year": pgettext("date format", "l, j F Y"),
        "short": pgettext("date format", "j M"),
        "short-year": pgettext("date format", "j M Y"),
        "weekday": pgettext("date format", "D"),
    }


def clock(moment: datetime) -> str:
    """The time of a message: `16:02`."""
    return _clock(moment.hour, moment.minute, get_language())


@lru_cache(maxsize=24 * 60 * 2)
def _clock(hour: int, minute: int, language: str | None) -> str:
    """Kept: a page says a hundred times."""
    return dateformat.format(time(hour, minute), formats()["time"])


def day_label(day: date, today: date) -> str:
    """Above the first message of a day: `Today`, `Yesterday`, `Friday, 20 November`."""
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return dateformat.format(day, formats()["day" if day.year == today.year else "day-year"])


def full_day(moment: datetime) -> str:
    """A day that is said once for all: with its year."""
    return dateformat.format(moment, formats()["day-year"])


def brief(moment: datetime, now: datetime) -> str:
    """In a narrow place: the time if today, the weekday within six days, else the date."""
    days = (now.date() - moment.date()).days
    if days <= 0:
        return clock(moment)
    if days < 7:
        return dateformat.format(moment, formats()["weekday"])
    return dateformat.format(moment, formats()["short" if moment.year == now.year else "short-year"])


def time_words() -> dict[str, str]:
    """All that a script needs for saying the same: data attributes of `<template id="time-words">`."""
    return formats() | {
        "today": _("Today"),
        "yesterday": _("Yesterday"),
        "weekdays": _joined(WEEKDAYS),
        "weekdays-short": _joined(WEEKDAYS_ABBR),
        "months": _joined(MONTHS),
        "months-short": _joined(MONTHS_3),
    }


def _joined(words: dict) -> str:
    return "|".join(str(words[key]) for key in sorted(words))
