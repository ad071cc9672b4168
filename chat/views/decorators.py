"""Decorators for the views of pages.

They require a signed-in user, limit the rate of requests, and show an `ApplicationError` as an error page or a flash
message.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.decorators import login_required_for_form, login_required_for_post
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError, error_message, rate_limited
from messenger.core.site_urls import is_site_url

if TYPE_CHECKING:
    from accounts.models import User

View = Callable[..., HttpResponse]
_ERROR_TEMPLATES = {404: "404.html", 403: "403.html"}


class AuthenticatedRequest(HttpRequest):
    """Type of a request behind `login_required`: `user` is a User, never an AnonymousUser."""

    user: User


def page_view(view: View) -> View:
    """Decorates the view of a page for signed-in users. Allows the methods GET and HEAD."""
    return _page_view(view, ["GET", "HEAD"])


def form_view(view: View) -> View:
    """Decorates the view of a page for signed-in users, whose form is posted to the same URL (GET, HEAD and POST)."""
    return _page_view(view, ["GET", "HEAD", "POST"])


def public_page_view(view: View) -> View:
    """Decorates the view of a page that signed-out visitors may see too (GET and HEAD)."""
    return _page_view(view, ["GET", "HEAD"], is_public=True)


def public_form_view(view: View) -> View:
    """Decorates the view of a page that signed-out visitors may see too. Only signed-in users may post its form."""
    return _page_view(view, ["GET", "HEAD", "POST"], is_public=True)


def _page_view(view: View, methods: list[str], *, is_public: bool = False) -> View:
    @require_http_methods(methods)
    @(_login_required_to_post if is_public else login_required_for_form)
    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            _check_rate_limit(request)
            return view(request, *args, **kwargs)
        except ApplicationError as error:
            return render_error_page(request, error)

    return wrapper


def _login_required_to_post(view: View) -> View:
    """Sends signed-out visitors who post a form to the sign-in page, and from there back to the page of the form."""
    view_for_users = login_required_for_form(view)

    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return (view_for_users if request.method == "POST" else view)(request, *args, **kwargs)

    return wrapper


def _check_rate_limit(request: HttpRequest) -> None:
    """Raises `rate_limited` if the user sends too many requests.

    POST requests count towards the rate limit of the user's API requests. GET requests have a rate limit of their own.
    Requests without sign-in count for their IP address.
    """
    name = "api.person" if request.method == "POST" else "page.person"
    if wait := rate_limits.acquire_for_request(name, request.user.pk, request):
        raise rate_limited(wait)


def post_view(view: View) -> View:
    """Decorates a view that only handles a posted form (POST) and shows no page.

    An ApplicationError with status 403, 404 or 503 is shown as an error page. For another ApplicationError, redirects
    to the page with the form, which shows the error as a flash message.
    """

    @require_POST
    @login_required_for_post
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
    """Redirects to the page that contained the posted form. The form has the URL of this page in its field `next`.

    If `next` is missing or is a URL of another site, redirects to the URL pattern `default`.
    """
    url = request.POST.get("next", "")
    if is_site_url(request, url):
        return HttpResponseRedirect(url)
    return redirect(default, *args)


def render_error_page(request: HttpRequest, error: ApplicationError) -> HttpResponse:
    template = _ERROR_TEMPLATES.get(error.status, "error.html")
    response = render(request, template, {"reason": error_message(error)}, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response
