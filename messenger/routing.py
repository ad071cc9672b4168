"""Defines the WebSocket routes."""

from django.urls import path, re_path

from messenger.consumers import MessengerConsumer
from messenger.live.handshake import deny_unknown_path

websocket_urlpatterns = [
    path("ws/v1/", MessengerConsumer.as_asgi()),
    re_path("", deny_unknown_path),  # type: ignore[arg-type]  # any other path; without it URLRouter raises an exception
]
