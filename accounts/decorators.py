"""Decorators of views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme


def login_required_for_post(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Sends a signed-out user to the sign-in page, and from there to the page that the form was on.

    The view only accepts POST, so its own URL must not become `next`: the browser would open it with GET.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return redirect_to_login(_form_page_url(request))

    return wrapper


def _form_page_url(request: HttpRequest) -> str:
    """Returns the path of the page that the form was on: from the form field `next`, else from the Referer header.

    Without either, returns the path of the start page. The host is left out, because the sign-in page accepts only
    paths of this site.
    """
    for url in (request.POST.get("next", ""), request.META.get("HTTP_REFERER", "")):
        is_address = url.startswith(("/", "http://", "https://"))
        if is_address and url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
            parts = urlsplit(url)
            return parts.path + (f"?{parts.query}" if parts.query else "")
    return "/"
