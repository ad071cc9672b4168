"""The cookie by which a browser is recognised as a device of a user who has signed in with it before.

Wrong passwords from a known device are counted for this device alone. So strangers who try passwords of an account,
from any number of addresses, cannot keep its owner out. The method is OWASP's "Slow Down Online Guessing Attacks with
Device Cookies".
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

MAX_AGE = 400 * 24 * 3600  # seconds: browsers keep no cookie for longer
MAX_USERS = 10  # the users of one browser that are remembered: those who signed in last
_SALT = "accounts.device"


class Device(NamedTuple):
    id: str  # random
    user_ids: tuple[int, ...]  # who has signed in with this browser; the last one is at the end


def get_device(request: HttpRequest) -> Device | None:
    """Returns the content of the device cookie: a device id and the users who have signed in with this browser.

    Returns None if the request has no such cookie or its signature is wrong. Makes no database query.
    """
    name = _cookie_name()
    value = request.get_signed_cookie(name, "", _SALT, max_age=MAX_AGE) if name in request.COOKIES else ""
    if not value:
        return None
    device_id, *user_ids = value.split(".")
    return Device(device_id, tuple(int(user_id) for user_id in user_ids))


def remember_device(request: HttpRequest, response: HttpResponseBase, user_id: int) -> None:
    """Adds the user to the device cookie of the browser. `response` is the response to a successful sign-in.

    The cookie makes this browser a known device of the user: rate limits count its wrong passwords separately.
    """
    device = get_device(request) or Device(secrets.token_urlsafe(16), ())
    user_ids = (*(other for other in device.user_ids if other != user_id), user_id)[-MAX_USERS:]
    response.set_signed_cookie(
        _cookie_name(),
        ".".join([device.id, *map(str, user_ids)]),
        _SALT,
        max_age=MAX_AGE,
        httponly=True,
        secure=settings.SECURE,
        samesite="Lax",
    )


def _cookie_name() -> str:
    return "__Host-device" if settings.SECURE else "device"
