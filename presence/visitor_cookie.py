"""How a browser in which nobody is signed in is told from another: a random id in a cookie, which says nothing else."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

KEPT = 400 * 24 * 3600  # seconds: the longest for which browsers keep a cookie
_SALT = "presence.browser"


def _name() -> str:
    return "__Host-browser" if settings.SECURE else "browser"


def browser_of(request: HttpRequest) -> str:
    """Its id, or an empty text where we gave it none. Signed, so that nobody makes up visitors by the thousand."""
    name = _name()
    return (request.get_signed_cookie(name, "", _SALT) or "") if name in request.COOKIES else ""


def make_browser() -> str:
    return secrets.token_urlsafe(16)


def remember(response: HttpResponseBase, browser: str) -> None:
    response.set_signed_cookie(
        _name(), browser, _SALT, max_age=KEPT, httponly=True, secure=settings.SECURE, samesite="Lax"
    )
