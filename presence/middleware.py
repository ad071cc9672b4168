"""Middleware that records requests of signed-in users, so that users without a WebSocket count as online."""

from __future__ import annotations

from django.conf import settings
from django.utils.functional import LazyObject, empty

from accounts.authentication import get_sign_in
from presence.tracker import get_tracker
from presence.visitor_cookie import get_browser_id


class ActivityMiddleware:
    """Records after each request that the signed-in user who sent it is active.

    This middleware makes no database query and does not wait for Redis. It records a user only if the view or another
    middleware has already loaded the user.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        self._record(request)
        return response

    def _record(self, request) -> None:
        user_id = _get_user_id_without_query(request)
        if user_id is not None:
            get_tracker().record_activity(user_id, get_browser_id(request))


def _get_user_id_without_query(request) -> int | None:
    """Returns the id of the request's user without a database query, or None if no signed-in user is loaded.

    REST framework, and the views that sign in or out, set `request.user`. For other requests, accounts.middleware has
    already loaded the sign-in of the session.
    """
    user = getattr(request, "user", None)
    if not isinstance(user, LazyObject) or user._wrapped is not empty:  # type: ignore[attr-defined]
        return user.pk if user is not None and user.is_authenticated else None
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        sign_in = get_sign_in(request)  # already loaded: no query
        return sign_in.user_id if sign_in else None
    return None
