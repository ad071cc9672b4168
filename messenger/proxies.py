"""Whether a request came by https is what a proxy of ours says, and nobody else."""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from messenger.core.client_ip import is_trusted_proxy

HEADER = "HTTP_X_FORWARDED_PROTO"


@sync_and_async_middleware
def only_ours_are_believed(get_response):
    """Outermost: what stands in `settings.SECURE_PROXY_SSL_HEADER` counts only from TRUSTED_PROXIES."""

    def weigh(request: HttpRequest) -> None:
        if HEADER in request.META and not is_trusted_proxy(request.META.get("REMOTE_ADDR") or "127.0.0.1"):
            del request.META[HEADER]

    async def later(request: HttpRequest) -> HttpResponseBase:
        weigh(request)
        return await get_response(request)

    def now(request: HttpRequest) -> HttpResponseBase:
        weigh(request)
        return get_response(request)

    return later if iscoroutinefunction(get_response) else now
