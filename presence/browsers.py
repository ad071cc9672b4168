"""How a browser in which nobody is signed in is told from another: an id in a cookie, which says nothing else."""

from __future__ import annotations

import re
import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

KEPT = 400 * 24 * 3600  # seconds: as long as browsers keep a cookie at most
_FORM = re.compile(r"[A-Za-z0-9_-]{22}")


def cookie_name() -> str:
    return "__Host-browser" if settings.SECURE else "browser"


def browser_of(request: HttpRequest) -> str:
    """Its id, or an empty text where it has none that could be ours."""
    given = request.COOKIES.get(cookie_name(), "")
    return given if _FORM.fullmatch(given) else ""


def new_browser() -> str:
    return secrets.token_urlsafe(16)


def remember(response: HttpResponseBase, browser: str) -> None:
    response.set_cookie(cookie_name(), browser, max_age=KEPT, httponly=True, secure=settings.SECURE, samesite="Lax")
