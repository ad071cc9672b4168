"""Defines the rate limit of REST requests. HTML forms use the same limit (chat/views/decorators.py)."""

from __future__ import annotations

from rest_framework.throttling import BaseThrottle

from messenger.core import rate_limits


class UserOrAddressThrottle(BaseThrottle):
    """Limits the number of requests per user, or per IP address if the client is not signed in.

    With Redis, all processes share the counters.
    """

    seconds = 0.0  # seconds until the next request is allowed

    def allow_request(self, request, view) -> bool:
        user_id = request.user.pk if request.user else None
        self.seconds = rate_limits.acquire_for_request("api.person", user_id, request)
        return self.seconds <= 0

    def wait(self) -> float:
        return self.seconds
