"""The site of the admin: its name, and a Content-Security-Policy that its own scripts can live with."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
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


class Site(AdminSite):
    site_title = site_header = settings.SITE_NAME
    index_title = _("Moderation")

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def door(request, *args, **kwargs):
            response = inner(request, *args, **kwargs)
            response.headers.setdefault("Content-Security-Policy", POLICY)
            return response

        return door
