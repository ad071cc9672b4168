"""Permission classes of REST views. The default is IsAuthenticated (settings.REST_FRAMEWORK)."""

from __future__ import annotations

from rest_framework.permissions import BasePermission


class IsAuthenticatedOrOptions(BasePermission):
    """Allows requests of signed-in users, and OPTIONS requests of everybody.

    Clients for uploads (tus protocol) send an OPTIONS request before they sign in, to ask what the server supports.
    """

    def has_permission(self, request, view) -> bool:
        return request.method == "OPTIONS" or bool(request.user and request.user.is_authenticated)
