"""Permission classes of the API."""

from __future__ import annotations

from rest_framework.permissions import BasePermission


class IsAuthenticatedOrOptions(BasePermission):
    """Allows signed-in users.

    OPTIONS requests are allowed for everybody: tus clients ask what the server supports before they sign in.
    """

    def has_permission(self, request, view) -> bool:
        return request.method == "OPTIONS" or bool(request.user and request.user.is_authenticated)
