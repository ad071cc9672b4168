"""The site of the admin: its name, and a Content-Security-Policy that its own scripts can live with."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.db import DataError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.utils.translation import gettext_lazy as _

# As that of our own pages, but for Trusted Types: the admin's scripts assign innerHTML. No script and no style stands
# in its pages, so whatever somebody wrote into a name or a message cannot become one.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


def _asked_for_sense(view: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """The view's answer; where its query makes no sense to a calendar or a database, the way to the page without it.

    Django does so itself (`?e=1`) for what it sees before it asks the database. Much is asked only while the page is
    drawn, so it is drawn here. A fault that is not the query's shows itself at the page without it.
    """
    if request.method not in ("GET", "HEAD") or not request.GET or "e" in request.GET:
        return view(request, *args, **kwargs)
    try:
        response = view(request, *args, **kwargs)
        return response.render() if isinstance(response, SimpleTemplateResponse) else response
    except (ValueError, OverflowError, DataError):
        return redirect(f"{request.path}?e=1")


class Site(AdminSite):
    site_title = site_header = settings.SITE_NAME
    index_title = _("Moderation")

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def door(request, *args, **kwargs):
            response = _asked_for_sense(inner, request, *args, **kwargs)
            response.headers.setdefault("Content-Security-Policy", POLICY)
            return response

        return door
