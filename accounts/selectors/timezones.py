"""Chooses the time zone in which a user reads dates and times."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings

from accounts.models import User

TIME_ZONE_COOKIE = "timezone"  # set by the page's script: the browser's IANA zone


def time_zone_for(user: User | None, cookies: Mapping[str, str]) -> ZoneInfo:
    """Returns the time zone of the user's profile, else of this browser (a cookie), else of the browser that the user
    used last, else of the site.

    A name from a cookie is first compared with the list of known zones, because ZoneInfo would open a file of that
    name.
    """
    profile, last_browser = (user.time_zone, user.browser_time_zone) if user else ("", "")
    for name in (profile, browser_time_zone(cookies), last_browser):
        if name in available_zone_names():
            return ZoneInfo(name)
    return ZoneInfo(settings.TIME_ZONE)


def browser_time_zone(cookies: Mapping[str, str]) -> str:
    """Returns the name of the browser's time zone from its cookie, or "" if there is none or an unknown one."""
    name = cookies.get(TIME_ZONE_COOKIE, "")
    return name if name in available_zone_names() else ""


@cache
def available_zone_names() -> frozenset[str]:
    return frozenset(available_timezones())
