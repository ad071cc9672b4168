"""A page or an API request is a sign of life: whoever reads without a socket is here, too."""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.utils.functional import LazyObject, empty

from accounts.authentication import signed_in_by
from presence.tracker import tracker
from presence.visitor_cookie import browser_of


class SignsOfLife:
    """Asks nothing and waits for nothing: only where it is known already who is calling is that noted."""

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        if iscoroutinefunction(self):
            return self._later(request)
        response = self.get_response(request)
        self._note(request)
        return response

    async def _later(self, request):
        response = await self.get_response(request)
        self._note(request)
        return response

    def _note(self, request) -> None:
        user_id = _known_person(request)
        if user_id is not None:
            tracker().notice(user_id, browser_of(request))


def _known_person(request) -> int | None:
    """REST framework, and whoever signs in or out, has put the person here; else the session's was looked up before."""
    user = getattr(request, "user", None)
    if not isinstance(user, LazyObject) or user._wrapped is not empty:  # type: ignore[attr-defined]
        return user.pk if user is not None and user.is_authenticated else None
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        sign_in = signed_in_by(request)  # found by accounts.middleware, which comes before: no query
        return sign_in.user_id if sign_in else None
    return None
