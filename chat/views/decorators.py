"""View decorators: login, rate limit, and `ApplicationError` → error page or flash message."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from messenger.core import rate_limits
from messenger.core.error_messages import error_message
from messenger.core.errors import ApplicationError, rate_limited
from messenger.rest.throttling import REQUEST_BURST, REQUESTS_PER_SECOND

if TYPE_CHECKING:
    from accounts.models import User

View = Callable[..., HttpResponse]
PAGE_BURST, PAGES_PER_SECOND = 100, 10.0  # rate limit of one user's GET requests
_ERROR_TEMPLATES = {404: "404.html", 403: "403.html"}


class AuthenticatedRequest(HttpRequest):
    """The type of a request behind `login_required`: `user` is a User and not AnonymousUser."""

    user: User


def page_view(view: View) -> View:
    """Decorates a page for signed-in users (GET, HEAD)."""
    return _page_view(view, ["GET", "HEAD"])


def form_view(view: View) -> View:
    """Decorates a page with a form that is posted to the same URL (GET, HEAD, POST)."""
    return _page_view(view, ["GET", "HEAD", "POST"])


def _page_view(view: View, methods: list[str]) -> View:
    @require_http_methods(methods)
    @login_required
    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            _check_rate_limit(request)
            return view(request, *args, **kwargs)
        except ApplicationError as error:
            return render_error_page(request, error)

    return wrapper


def _check_rate_limit(request: HttpRequest) -> None:
    """Raises `rate_limited`. Posted forms share the limit of the user's API requests; pages have their own limit."""
    if request.method == "POST":
        wait = rate_limits.acquire(f"api.person.{request.user.pk}", REQUEST_BURST, REQUESTS_PER_SECOND)
    else:
        wait = rate_limits.acquire(f"page.person.{request.user.pk}", PAGE_BURST, PAGES_PER_SECOND)
    if wait > 0:
        raise rate_limited(wait)


def post_view(view: View) -> View:
    """Decorates the target of a form that has no page of its own (POST).

    Errors 403, 404 and 503 have an error page. Other errors become a flash message on the previous page.
    """

    @require_POST
    @login_required
    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            _check_rate_limit(request)
        except ApplicationError as error:
            return render_error_page(request, error)  # a redirect would cause one more request
        try:
            return view(request, *args, **kwargs)
        except ApplicationError as error:
            if error.status in _ERROR_TEMPLATES or error.status == 503:
                return render_error_page(request, error)
            messages.error(request, error_message(error))
            return redirect_back(request)

    return wrapper


def redirect_back(request: HttpRequest, default: str = "home", *args) -> HttpResponse:
    """Redirects to the page with the form, whose URL the form sends in `next`; without it to `default`."""
    url = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return redirect(url)
    return redirect(default, *args)


def render_error_page(request: HttpRequest, error: ApplicationError) -> HttpResponse:
    template = _ERROR_TEMPLATES.get(error.status, "error.html")
    response = render(request, template, {"reason": error_message(error)}, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response
