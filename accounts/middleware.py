"""Who is behind a page request, and in what language and time zone the page is worded for them."""

from __future__ import annotations

from functools import partial

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject

from accounts.auth import sign_ins
from accounts.authentication import signed_in_by
from accounts.models import User
from accounts.timezones import time_zone_of

# Whoever has the address has what it opens, so no cache may keep the page.
_SECRET_ADDRESSES = {"account_reset_password_from_key", "account_confirm_email", "join"}


class SignedInPerson(AuthenticationMiddleware):
    """`request.user`, as Django's middleware gives it, but only while the sign-in behind the session stands.

    It takes the same one query, since sign-in and person are read together.
    """

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _person(request) or AnonymousUser())  # type: ignore[assignment]
        request.auser = partial(_person_async, request)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        """Nothing is looked up before somebody asks, so there is no need to go to another thread for it."""
        self.process_request(request)
        return await self.get_response(request)  # type: ignore[misc]  # asynchronous where this is called


class PersonalSettings:
    """Activates language and time zone, and keeps private pages out of every cache.

    The person's own settings come first, then what the browser says: cookies, then Accept-Language. Requests without
    a session cookie are not held up by a look into the database.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        self.waits = iscoroutinefunction(get_response)
        if self.waits:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest):
        if self.waits:
            return self._answer(request)
        person = _used_by(request) if _has_session(request) else None
        _activate(request, person)
        return _finish(request, person, self.get_response(request))

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        person = await sync_to_async(_used_by)(request) if _has_session(request) else None
        _activate(request, person)
        return _finish(request, person, await self.get_response(request))


def _has_session(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES


def _person(request: HttpRequest) -> User | None:
    sign_in = signed_in_by(request)
    return sign_in.user if sign_in else None


async def _person_async(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(_person)(request) or AnonymousUser()


def _used_by(request: HttpRequest) -> User | None:
    sign_in = signed_in_by(request)
    if sign_in is None:
        return None
    if sign_ins.touch(sign_in):
        request.session.modified = True  # whoever keeps coming stays signed in
    return sign_in.user


def _activate(request: HttpRequest, person: User | None) -> None:
    language = person.language if person else ""
    translation.activate(language or translation.get_language_from_request(request))
    request.LANGUAGE_CODE = translation.get_language()
    timezone.activate(time_zone_of(person, request.COOKIES))


def _finish(request: HttpRequest, person: User | None, response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Language", translation.get_language())
    match = request.resolver_match
    private = person or "HTTP_AUTHORIZATION" in request.META or (match and match.url_name in _SECRET_ADDRESSES)
    if private and not response.has_header("Cache-Control"):
        response["Cache-Control"] = "private, no-store"
    if person is None:
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
    return response
