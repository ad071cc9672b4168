"""Defines the ASGI application of the site. Django handles HTTP requests, and Channels handles WebSockets."""

import gc
import os
from collections.abc import Awaitable, Callable

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup(set_prefix=False)  # sets up the apps, before models are imported below

from django.conf import settings  # noqa: E402

from accounts.address_bans import AddressBanFilter  # noqa: E402
from accounts.authentication import authenticate_socket  # noqa: E402
from chat.attachments.tus.receiver import TusReceiver  # noqa: E402
from messenger.asgi_handler import RequestHandler  # noqa: E402
from messenger.background import sidecar  # noqa: E402
from messenger.checks import raise_for_misconfigured_services  # noqa: E402
from messenger.live.handshake import AuthMiddleware, HandshakeValidator  # noqa: E402
from messenger.monitoring.endpoints import MonitoringEndpoints  # noqa: E402
from messenger.request_size_limit import RequestSizeLimiter  # noqa: E402
from messenger.routing import websocket_urlpatterns  # noqa: E402

raise_for_misconfigured_services()
upload_limits = {f"{reverse(name)}?": settings.UPLOAD_LIMIT for name in ("profile", "api_avatar")}
upload_limits[r"/c/\d+/send/"] = settings.FORM_LIMIT  # the message form, which may contain files

http_application: Callable[..., Awaitable[None]] = TusReceiver(RequestSizeLimiter(RequestHandler(), upload_limits))
if settings.SERVER == "daphne":
    from messenger.core import daphne_internals

    daphne_internals.patch_daphne(settings.REQUEST_LIMIT)
    http_application = daphne_internals.SpooledBodyReader(http_application)

application = ProtocolTypeRouter(
    {
        "http": MonitoringEndpoints(AddressBanFilter(http_application)),
        "websocket": AddressBanFilter(
            HandshakeValidator(AuthMiddleware(URLRouter(websocket_urlpatterns), authenticate_socket))
        ),
    }
)

# Everything loaded so far lives as long as the process: exclude it from garbage collection, and collect less often than
# every 700 objects. With the defaults, collection took a fifth of a busy server's time.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 10, 10)

if settings.WORKER:
    sidecar.start()
