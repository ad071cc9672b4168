"""REST routes of presence, below /api/v1/."""

from django.urls import path

from messenger.core import path_converters  # noqa: F401  (registers <id:…>)
from presence.api import Beat, HeadCount, Presence, Typing

urlpatterns = [
    path("presence/", Presence.as_view({"get": "list"}), name="api_presence"),
    path("presence/online/", HeadCount.as_view({"get": "list"}), name="api_online"),
    path("presence/beat/", Beat.as_view({"post": "create"}), name="api_beat"),
    path("conversations/<id:conversation_id>/typing/", Typing.as_view({"post": "create"}), name="api_typing"),
]
