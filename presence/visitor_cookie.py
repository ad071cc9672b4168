"""The cookie that identifies the browser of a visitor (a client without a signed-in user), to count the visitors.

The cookie contains only a random id. It is signed. Otherwise a client could invent many ids and be counted many times.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

MAX_AGE = 400 * 24 * 3600  # seconds: browsers keep no cookie for longer
_SALT = "presence.browser"


def _cookie_name() -> str:
    return "__Host-browser" if settings.SECURE else "browser"


def get_browser_id(request: HttpRequest) -> str:
    """Returns the browser id from the cookie, or "" if there is no cookie with a valid signature."""
    name = _cookie_name()
    return (request.get_signed_cookie(name, "", _SALT) or "") if name in request.COOKIES else ""


def create_browser_id() -> str:
    return secrets.token_urlsafe(16)


def set_browser_cookie(response: HttpResponseBase, browser_id: str) -> None:
    response.set_signed_cookie(
        _cookie_name(), browser_id, _SALT, max_age=MAX_AGE, httponly=True, secure=settings.SECURE, samesite="Lax"
    )
