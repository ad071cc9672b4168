"""Chooses the time zone in which a user reads dates and times."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings

from accounts.models import User

TIME_ZONE_COOKIE = "timezone"  # set by the page's script: the browser's IANA zone


def time_zone_for(user: User | None, cookies: Mapping[str, str]) -> ZoneInfo:
    """Returns the time zone of the user's profile, else of the browser (a cookie), else of the site.

    A name from a cookie is first compared with the list of known zones, because ZoneInfo would open a file of that
    name.
    """
    for name in (user.time_zone if user else "", cookies.get(TIME_ZONE_COOKIE, "")):
        if name in available_zone_names():
            return ZoneInfo(name)
    return ZoneInfo(settings.TIME_ZONE)


@cache
def available_zone_names() -> frozenset[str]:
    return frozenset(available_timezones())
