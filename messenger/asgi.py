"""The door to the building: pages and API through Django, the socket through its consumer."""

import gc
import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path, re_path, reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
pages = get_asgi_application()  # before anything that imports models

from django.conf import settings  # noqa: E402

from chat.attachments.tus.receiver import Receiver  # noqa: E402
from messenger.background import sidecar  # noqa: E402
from messenger.checks import refuse_what_cannot_work  # noqa: E402
from messenger.consumers import MessengerConsumer  # noqa: E402
from messenger.daphne_limits import (
    Unspooled,
    bound_requests,
)
from messenger.live.handshake import refused  # noqa: E402
from messenger.request_limits import Bounded  # noqa: E402

refuse_what_cannot_work()
bound_requests(settings.REQUEST_LIMIT)
uploads = {str(reverse(name)): settings.UPLOAD_LIMIT for name in ("profile", "api_avatar")}
uploads[r"/c/\d+/send/"] = settings.FORM_LIMIT  # a form that brings files

application = ProtocolTypeRouter(
    {
        "http": Unspooled(Receiver(Bounded(pages, uploads))),
        "websocket": URLRouter([path("ws/v1/", MessengerConsumer.as_asgi()), re_path("", refused)]),  # type: ignore[arg-type]
    }
)

# What is loaded by now stays for good: the collector need not walk through it again and again, nor come every 700
# objects. It took a fifth of a busy server's time.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 10, 10)

if settings.WORKER:
    sidecar.start()
