"""The rate limit of REST requests. Forms of the pages use the same numbers and buckets (chat/views/decorators.py)."""

from __future__ import annotations

from rest_framework.throttling import BaseThrottle

from messenger.core import rate_limits
from messenger.core.client_ip import request_ip

# All requests of one user together. Sending a message has its own, lower limit (SEND_BURST, SEND_PER_SECOND).
REQUEST_BURST, REQUESTS_PER_SECOND = 100, 20.0


class UserOrAddressThrottle(BaseThrottle):
    """Limits requests per user, or per IP address without sign-in. With Redis, all processes share the counters."""

    seconds = 0.0  # until the next request is allowed

    def allow_request(self, request, view) -> bool:
        user = request.user
        client = f"person.{user.pk}" if user and user.is_authenticated else f"address.{request_ip(request)}"
        self.seconds = rate_limits.acquire(f"api.{client}", REQUEST_BURST, REQUESTS_PER_SECOND)
        return self.seconds <= 0

    def wait(self) -> float:
        return self.seconds
