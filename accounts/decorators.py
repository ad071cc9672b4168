"""Decorators of views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import ceil
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts import unsent_forms
from accounts.authentication import get_request_user
from messenger.core import rate_limits
from messenger.core.errors import rate_limited
from messenger.core.site_urls import is_site_url


def file_view(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorates a view that sends a file or a picture to browsers and API clients. Allows GET and HEAD.

    Passes the signed-in user, or None, after the request. Limits the number of files that one user opens, and the
    requests of an IP address without a sign-in.
    """

    @require_safe
    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponseBase:
        user = get_request_user(request)
        if wait := rate_limits.acquire_for_request("file.person", user.pk if user else None, request):
            error = rate_limited(wait)
            response = JsonResponse({"code": error.code, "detail": error.detail}, status=error.status)
            response["Cache-Control"], response["Retry-After"] = "private, no-store", str(ceil(wait))
            return response
        return view(request, user, *args, **kwargs)

    return wrapper


def login_required_for_post(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorator for views that accept only POST. Sends a signed-out user to the sign-in page.

    After the sign-in, the user comes back to the page that contains the form. The URL of the view itself must not
    become `next` (the URL to open after the sign-in), because the browser would open it with GET.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        url = form_page_url(request)
        unsent_forms.keep_form(request, url)
        return redirect_to_login(url)

    return wrapper


def login_required_for_form(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorator for views of a page whose form is posted to the same URL. Sends a signed-out user to the sign-in page.

    After the sign-in, the page can show the values of a posted form again; see accounts/unsent_forms.py.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.method == "POST":
            unsent_forms.keep_form(request, request.path)
        return redirect_to_login(request.get_full_path())

    return wrapper


def form_page_url(request: HttpRequest) -> str:
    """Returns the path of the page that the form was on: from the form field `next`, else from the Referer header.

    Without either, returns the path of the start page. The host is left out, because the sign-in page accepts only
    paths of this site.
    """
    for url in (request.POST.get("next", ""), request.META.get("HTTP_REFERER", "")):
        if is_site_url(request, url):
            parts = urlsplit(url)
            return parts.path + (f"?{parts.query}" if parts.query else "")
    return "/"
