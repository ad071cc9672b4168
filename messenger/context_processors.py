"""Adds variables to the template context of every page: site name, language, time zone, theme, sign-in providers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from accounts.auth import providers


def site(request: HttpRequest) -> dict[str, Any]:
    return {
        "site_name": settings.SITE_NAME,
        "html_lang": html_lang(get_language() or settings.LANGUAGE_CODE),
        "time_zone": str(timezone.get_current_timezone()),
        "time_zone_from_browser": _takes_time_zone_from_browser(request),
        "theme": _theme(request),
        "languages": [{"code": code, "lang": html_lang(code), "name": name} for code, name in settings.LANGUAGES],
        "signup": settings.SIGNUP,
        "providers": providers.list_configured(),
        # Only developers see which providers are not configured.
        "providers_missing": providers.list_unconfigured() if settings.DEBUG else [],
    }


def html_lang(code: str) -> str:
    """Returns the language tag for HTML, such as `zh-Hans` for Django's language code `zh-hans`."""
    language, _, subtag = code.partition("-")  # a script has four letters, a region has two
    return f"{language}-{subtag.title() if len(subtag) == 4 else subtag.upper()}" if subtag else language


def _takes_time_zone_from_browser(request: HttpRequest) -> bool:
    """Returns whether a script may load this page again in order to get the times in the time zone of the browser.

    True for signed-in users who have not chosen a time zone. False for the response to a form (POST), because loading
    it again would send the form again.
    """
    user = getattr(request, "user", None)
    is_signed_in = user is not None and user.is_authenticated
    return is_signed_in and request.method == "GET" and not getattr(user, "time_zone", "")


def _theme(request: HttpRequest) -> str:
    """Returns the theme that the user has chosen: `light`, `dark`, or an empty string for the theme of the system.

    Error pages have no user, so for them the result is an empty string.
    """
    user = getattr(request, "user", None)
    theme = getattr(user, "theme", "")
    return theme if theme in {"light", "dark"} else ""
