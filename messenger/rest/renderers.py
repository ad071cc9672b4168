"""Renders REST responses as HTML pages for browsers. Only with DEBUG (settings.REST_FRAMEWORK)."""

from __future__ import annotations

from typing import Any

from rest_framework import renderers

# REST framework's pages have a few style attributes. Scripts are limited to our own static files, and requests to this
# site. Trusted types are not required, because jQuery and bootstrap insert HTML.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


class BrowsableAPIRenderer(renderers.BrowsableAPIRenderer):
    """The browsable API of REST framework, with a Content Security Policy of its own.

    The policy of the site (settings.CONTENT_SECURITY_POLICY) would block parts of its pages.
    """

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> str:
        html = super().render(data, accepted_media_type, renderer_context)
        renderer_context["response"]["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return html
