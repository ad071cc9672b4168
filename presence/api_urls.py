"""Defines the REST routes of presence. Their paths begin with /api/v1/."""

from django.urls import path

from messenger.core import path_converters  # noqa: F401  (registers <id:…>)
from presence.api import HeadCountViewSet, HeartbeatViewSet, PresenceViewSet, TypingViewSet

urlpatterns = [
    path("presence/", PresenceViewSet.as_view({"get": "list"}), name="api_presence"),
    path("presence/online/", HeadCountViewSet.as_view({"get": "list"}), name="api_online"),
    path("presence/beat/", HeartbeatViewSet.as_view({"post": "create"}), name="api_beat"),
    path("conversations/<id:conversation_id>/typing/", TypingViewSet.as_view({"post": "create"}), name="api_typing"),
]
