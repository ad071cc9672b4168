"""Signed links that let somebody sign up where SIGNUP=invite. `manage.py invite` prints one.

A link works for as many people as it is given to, until it expires: it is kept nowhere. With SIGNUP=closed none works.
"""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.urls import reverse

_SALT = "accounts.auth.signup_links"
IN_SESSION = "invitation"


def make_link(days: int) -> str:
    token = signing.dumps(days, salt=_SALT)
    return settings.SITE_URL + reverse("join", kwargs={"token": token})


def is_good(token: str) -> bool:
    try:
        days = signing.loads(token, salt=_SALT)
        signing.loads(token, salt=_SALT, max_age=days * 86400)
    except signing.BadSignature:
        return False
    return True


def is_invited(request: HttpRequest) -> bool:
    """Whether this browser came by a link that is still good."""
    return is_good(request.session.get(IN_SESSION, ""))
