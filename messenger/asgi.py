"""The door to the building: pages and API through Django, the socket through its consumer."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
pages = get_asgi_application()  # before anything that imports models

from messenger.checks import refuse_what_cannot_work  # noqa: E402
from messenger.consumers import MessengerConsumer  # noqa: E402
from messenger.live.handshake import refused  # noqa: E402

refuse_what_cannot_work()

application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": URLRouter([path("ws/v1/", MessengerConsumer.as_asgi()), re_path("", refused)]),  # type: ignore[arg-type]
    }
)
