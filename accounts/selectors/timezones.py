"""Chooses the time zone in which a user reads dates and times, and lists the time zones to choose from."""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

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


# ── The list to choose from ──────────────────────────────────────────────────────────────────────────────────────
REGIONS = {
    "Africa": gettext_lazy("Africa"),
    "America": gettext_lazy("America"),
    "Antarctica": gettext_lazy("Antarctica"),
    "Arctic": gettext_lazy("Arctic"),
    "Asia": gettext_lazy("Asia"),
    "Atlantic": gettext_lazy("Atlantic Ocean"),
    "Australia": gettext_lazy("Australia"),
    "Europe": gettext_lazy("Europe"),
    "Indian": gettext_lazy("Indian Ocean"),
    "Pacific": gettext_lazy("Pacific Ocean"),
}


@dataclass(frozen=True)
class ListedTimeZone:
    name: str  # in the IANA database, such as `Europe/Zurich`
    country: str = ""  # ISO 3166 code, or "" if it is unknown

    @property
    def label(self) -> str:
        """The city and the present difference to UTC, such as `Zurich (UTC+01:00)`."""
        city = self.name.rpartition("/")[2].replace("_", " ")
        offset = timezone.now().astimezone(ZoneInfo(self.name)).strftime("%z")  # such as +0100
        return f"{pgettext('city', city)} (UTC{offset[:3]}:{offset[3:]})" if self.name != "UTC" else "UTC"


def find_time_zone(name: str) -> ListedTimeZone | None:
    """Returns the time zone of this name, also if the list leaves it out, or None if there is none."""
    return ListedTimeZone(name, _countries().get(name, "")) if name in available_zone_names() else None


def group_time_zones() -> list[tuple[str, list[ListedTimeZone]]]:
    """Returns the time zones of all inhabited places by region, with the translated names of the regions, and UTC.

    Old names of zones such as `Asia/Calcutta` are left out, as far as the system has the list of places (zone.tab).
    """
    countries = _countries() or dict.fromkeys(available_zone_names(), "")
    listed = [ListedTimeZone(name, country) for name, country in sorted(countries.items()) if _region(name) in REGIONS]
    groups = [
        (str(REGIONS[region]), sorted(zones, key=lambda zone: zone.label))
        for region, zones in groupby(listed, key=lambda zone: _region(zone.name))
    ]
    return [*groups, (_("Other"), [ListedTimeZone("UTC")])]


def _region(name: str) -> str:
    return name.partition("/")[0]


@cache
def _countries() -> dict[str, str]:
    """Returns the country code of each time zone in zone.tab of the IANA database, or {} if the file is missing."""
    folders = [Path(folder) for folder in zoneinfo.TZPATH]
    with contextlib.suppress(ModuleNotFoundError):
        folders.append(Path(str(files("tzdata").joinpath("zoneinfo"))))
    table = next((folder / "zone.tab" for folder in folders if (folder / "zone.tab").is_file()), None)
    lines = table.read_text("utf-8").splitlines() if table else []
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {row[2]: row[0] for row in rows if row[2] in available_zone_names()}


# Cities of which readers in other languages know the names in their own script. They are translated.
TRANSLATED_CITIES = (
    *(pgettext_lazy("city", "Shanghai"), pgettext_lazy("city", "Urumqi"), pgettext_lazy("city", "Hong Kong")),
    *(pgettext_lazy("city", "Macau"), pgettext_lazy("city", "Taipei"), pgettext_lazy("city", "Tokyo")),
    *(pgettext_lazy("city", "Seoul"), pgettext_lazy("city", "Singapore"), pgettext_lazy("city", "Kuala Lumpur")),
    *(pgettext_lazy("city", "Bangkok"), pgettext_lazy("city", "Kolkata"), pgettext_lazy("city", "Dubai")),
    *(pgettext_lazy("city", "Moscow"), pgettext_lazy("city", "Paris"), pgettext_lazy("city", "London")),
    *(pgettext_lazy("city", "Berlin"), pgettext_lazy("city", "Madrid"), pgettext_lazy("city", "Rome")),
    *(pgettext_lazy("city", "New York"), pgettext_lazy("city", "Chicago"), pgettext_lazy("city", "Los Angeles")),
    *(pgettext_lazy("city", "Toronto"), pgettext_lazy("city", "Vancouver"), pgettext_lazy("city", "Sydney")),
    *(pgettext_lazy("city", "Melbourne"), pgettext_lazy("city", "Auckland")),
)
