"""In which time zone a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings

from accounts.models import User

COOKIE = "timezone"  # set by the script of the page: the browser's IANA zone


def time_zone_of(person: User | None, cookies: Mapping[str, str]) -> ZoneInfo:
    """The one in the profile, else the browser's, else the site's. What a cookie says is looked up, never opened."""
    for name in (person.time_zone if person else "", cookies.get(COOKIE, "")):
        if name in known_zones():
            return ZoneInfo(name)
    return ZoneInfo(settings.TIME_ZONE)


@cache
def known_zones() -> frozenset[str]:
    return frozenset(available_timezones())
