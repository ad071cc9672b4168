"""Middleware that sets the signed-in user of a request, and the language and time zone of the page."""

from __future__ import annotations

from functools import partial

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject

from accounts import actions
from accounts.auth import sign_ins
from accounts.authentication import get_sign_in
from accounts.models import User
from accounts.selectors.languages import browser_language
from accounts.selectors.timezones import browser_time_zone, time_zone_for
from messenger.core import log_context

# The URLs of these pages contain a secret, so no cache may store the pages.
_SECRET_URL_NAMES = {"account_reset_password_from_key", "account_confirm_email", "join"}

SIGNED_OUT_COOKIE = "signed_out"  # the id of the user who has signed out; scripts read and delete it


class SignInMiddleware(AuthenticationMiddleware):
    """Sets `request.user` like Django's middleware. If the sign-in of the session has ended, the user is anonymous.

    It needs only one query, as Django's middleware does, because the sign-in and its user are read together.
    """

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _get_user(request) or AnonymousUser())  # type: ignore[assignment]
        request.auser = partial(_aget_user, request)


class UserSettingsMiddleware:
    """Activates the language and time zone of each request, and forbids shared caches to store private pages.

    The settings in the user's profile come first, then the cookies, then the header Accept-Language. A request without
    a session cookie needs no database query.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = _get_user_and_touch(request) if _has_session_cookie(request) else None
        if user:
            log_context.bind(user=user.pk)
        _activate_settings(request, user)
        return _add_headers(request, user, self.get_response(request))


def _has_session_cookie(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES


def _get_user(request: HttpRequest) -> User | None:
    sign_in = get_sign_in(request)
    return sign_in.user if sign_in else None


async def _aget_user(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(_get_user)(request) or AnonymousUser()


def _get_user_and_touch(request: HttpRequest) -> User | None:
    sign_in = get_sign_in(request)
    if sign_in is None:
        return None
    is_touched = sign_ins.touch_sign_in(sign_in)
    if is_touched:
        request.session.modified = True  # extends the session, so that active users stay signed in
    user = sign_in.user
    language = browser_language(request) if is_touched or not user.browser_language else ""
    time_zone = browser_time_zone(request.COOKIES) if is_touched or not user.browser_time_zone else ""
    actions.remember_browser(user, language, time_zone)
    return user


def _activate_settings(request: HttpRequest, user: User | None) -> None:
    language = user.language if user else ""
    translation.activate(language or translation.get_language_from_request(request))
    request.LANGUAGE_CODE = translation.get_language()
    timezone.activate(time_zone_for(user, request.COOKIES))


def _add_headers(request: HttpRequest, user: User | None, response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Language", translation.get_language())
    match = request.resolver_match
    is_private = user or "HTTP_AUTHORIZATION" in request.META or (match and match.url_name in _SECRET_URL_NAMES)
    if is_private and not response.has_header("Cache-Control"):
        response["Cache-Control"] = "private, no-store"
    if user is None:
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
    if signed_out_user_id := getattr(request, "signed_out_user_id", None):
        _set_signed_out_cookie(response, signed_out_user_id)
    return response


def _set_signed_out_cookie(response: HttpResponseBase, user_id: int) -> None:
    """Tells the next page that it must delete what the browser stores of this user (static/js/pages/signed-out.js).

    The page with the button cannot do it if the user signs out before its scripts have arrived.
    """
    max_age, is_secure = 30 * 24 * 3600, settings.SESSION_COOKIE_SECURE
    response.set_cookie(SIGNED_OUT_COOKIE, str(user_id), max_age=max_age, samesite="Lax", secure=is_secure)
