"""Signed links that allow sign-up while SIGNUP=invite. `manage.py invite` prints such a link.

A link is not stored and is not limited to one use: it works until it expires. With SIGNUP=closed no link works.
"""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.urls import reverse

_SALT = "accounts.invitations"  # must not change: links that were sent would become invalid
INVITE_SESSION_KEY = "invitation"


def make_signup_link(days: int) -> str:
    token = signing.dumps(days, salt=_SALT)
    return settings.SITE_URL + reverse("join", kwargs={"token": token})


def is_valid_token(token: str) -> bool:
    """Returns whether the token of a sign-up link has a valid signature and is not expired."""
    try:
        days = signing.loads(token, salt=_SALT)
        signing.loads(token, salt=_SALT, max_age=days * 86400)
    except signing.BadSignature:
        return False
    return True


def is_signup_open(request: HttpRequest) -> bool:
    """Returns whether the visitor may create an account.

    That depends on settings.SIGNUP. If its value is `invite`, the visitor needs a valid sign-up link.
    """
    return settings.SIGNUP == "open" or (settings.SIGNUP == "invite" and is_invited(request))


def is_invited(request: HttpRequest) -> bool:
    """Returns whether a sign-up link that is still valid was opened in this browser session."""
    return is_valid_token(request.session.get(INVITE_SESSION_KEY, ""))
