"""What every page knows: the site's name, the reader's language, zone and theme, and the ways to sign in."""

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
        "time_zone": timezone.get_current_timezone_name(),
        "theme": _theme(request),
        "languages": [{"code": code, "lang": html_lang(code), "name": name} for code, name in settings.LANGUAGES],
        "signup": settings.SIGNUP,
        "providers": providers.offered(),
        # Only developers are told what is not set up.
        "providers_missing": providers.missing() if settings.DEBUG else [],
    }


def html_lang(code: str) -> str:
    """`zh-hans` as HTML and screen readers write it: `zh-Hans`."""
    head, _, tail = code.partition("-")
    return f"{head}-{tail.title() if len(tail) == 4 else tail.upper()}" if tail else head


def _theme(request: HttpRequest) -> str:
    """`light` or `dark`, or nothing: then the system decides. Error pages come without a person."""
    user = getattr(request, "user", None)
    theme = getattr(user, "theme", "")
    return theme if theme in {"light", "dark"} else ""
