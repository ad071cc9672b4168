"""Chooses the language of texts for a user."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request
from django.utils.translation.trans_real import get_supported_language_variant, parse_accept_lang_header

from accounts.models import User


def language_for(user: User) -> str:
    """Returns the language of texts that are written without a request of the user, for example of e-mails.

    It is the language of the user's profile, else of the browser that the user used last, else of the site.
    """
    return user.language or user.browser_language or settings.LANGUAGE_CODE


def browser_language(request: HttpRequest) -> str:
    """Returns the language in which the browser wants pages, or "" if the request names none."""
    if settings.LANGUAGE_COOKIE_NAME in request.COOKIES or "HTTP_ACCEPT_LANGUAGE" in request.META:
        return get_language_from_request(request)
    return ""


def find_supported_language(header: str) -> str:
    """Returns the first supported language of an Accept-Language header, or "" if there is none."""
    for code, _weight in parse_accept_lang_header(header):
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue
    return ""
