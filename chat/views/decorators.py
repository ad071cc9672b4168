"""How page views turn a refusal into an answer: a page that says why, or the page before with a word about it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from messenger.api import ASK_BURST, ASK_PER_SECOND
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError, rate_limited

View = Callable[..., HttpResponse]
PAGES, PAGES_PER_SECOND = 100, 10.0  # drawn for one person


class PersonalRequest(HttpRequest):
    """What `login_required` lets through: somebody's."""

    user: User


_PAGES = {404: "404.html", 403: "403.html"}


def page(view: View) -> View:
    """A page of somebody who is signed in."""
    return _page(view, ["GET", "HEAD"])


def form_page(view: View) -> View:
    """A page whose own form is posted to it."""
    return _page(view, ["GET", "HEAD", "POST"])


def _page(view: View, methods: list[str]) -> View:
    @require_http_methods(methods)
    @login_required
    @wraps(view)
    def door(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            _measure(request)
            return view(request, *args, **kwargs)
        except ApplicationError as refusal:
            return refused_page(request, refusal)

    return door


def _measure(request: HttpRequest) -> None:
    """Forms and the API take from one bucket of their person's: who is too fast at one is so at the other. Pages have
    their own, since nobody reads ten in a second."""
    if request.method == "POST":
        wait = rate_limits.acquire(f"api.person.{request.user.pk}", ASK_BURST, ASK_PER_SECOND)
    else:
        wait = rate_limits.acquire(f"page.person.{request.user.pk}", PAGES, PAGES_PER_SECOND)
    if wait > 0:
        raise rate_limited(wait)


def command(view: View) -> View:
    """A form without a page of its own. What is not allowed has its page; the rest is said on the page before."""

    @require_POST
    @login_required
    @wraps(view)
    def door(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            _measure(request)
        except ApplicationError as refusal:
            return refused_page(request, refusal)  # not the page before: that would be one request more
        try:
            return view(request, *args, **kwargs)
        except ApplicationError as refusal:
            if refusal.status in _PAGES or refusal.status == 503:
                return refused_page(request, refusal)
            messages.error(request, reason(refusal))
            return back(request)

    return door


def back(request: HttpRequest, otherwise: str = "home", *args) -> HttpResponse:
    """To the page that the form stood on, which says so in `next`."""
    url = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return redirect(url)
    return redirect(otherwise, *args)


def refused_page(request: HttpRequest, refusal: ApplicationError) -> HttpResponse:
    answer = render(
        request, _PAGES.get(refusal.status, "error.html"), {"reason": reason(refusal)}, status=refusal.status
    )
    if refusal.retry_after is not None:
        answer["Retry-After"] = str(math.ceil(refusal.retry_after))
    return answer


def reason(refusal: ApplicationError) -> str:
    """In the reader's words. What verbs say at a field is worded already."""
    if refusal.code == "rate_limited":
        seconds = max(math.ceil(refusal.retry_after or 1), 1)
        return ngettext("Too fast. Try again in %(n)d second.", "Too fast. Try again in %(n)d seconds.", seconds) % {
            "n": seconds
        }
    general = {
        "not_found": _("There is nothing here, or it is not for you."),
        "unavailable": _("Not possible just now. Try again in a moment."),
        "conflict": _("This was sent already. Send it again if you want it twice."),
    }
    if refusal.code in general:
        return general[refusal.code]
    detail = str(refusal.detail)
    return detail if detail and detail != "Not allowed." else _("That is not allowed here.")
