"""Times that pages offer for sending later and for reminders, in the time zone of the reader."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from messenger.core.errors import invalid

MAX_AHEAD = timedelta(days=366)
MORNING = 9  # o'clock


class TimeChoice(NamedTuple):
    label: str
    at: datetime  # in the active time zone


def list_choices() -> list[TimeChoice]:
    """Returns the offered times: in an hour, the next morning, and the morning of the next Monday."""
    now = timezone.localtime().replace(second=0, microsecond=0)
    tomorrow, monday = _at_morning(now, 1), _at_morning(now, 7 - now.weekday())
    # An hour later on the clock is not an hour later when clocks change, so it is added in UTC.
    in_an_hour = timezone.localtime(timezone.now().replace(second=0, microsecond=0) + timedelta(hours=1))
    choices = [TimeChoice(_("In an hour"), in_an_hour), TimeChoice(_("Tomorrow morning"), tomorrow)]
    return [*choices, TimeChoice(_("Monday morning"), monday)] if monday > tomorrow else choices


def _at_morning(now: datetime, days: int) -> datetime:
    return (now + timedelta(days=days)).replace(hour=MORNING, minute=0)


def require_future(field: str, at: datetime) -> datetime:
    """Returns the time. Raises `invalid` for `field` if it is past, or too far ahead."""
    now = timezone.now()
    if at <= now:
        raise invalid(**{field: _("This time is past. Choose a later one.")})
    if at > now + MAX_AHEAD:
        raise invalid(**{field: _("At most a year ahead.")})
    return at
