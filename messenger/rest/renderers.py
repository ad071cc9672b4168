"""Renders REST responses as HTML pages for browsers. Only with DEBUG (settings.REST_FRAMEWORK)."""

from __future__ import annotations

from typing import Any

from rest_framework import renderers

from messenger.core.content_security import policy_without_trusted_types

CONTENT_SECURITY_POLICY = policy_without_trusted_types(inline_styles=True)  # its pages have a few style attributes


class BrowsableAPIRenderer(renderers.BrowsableAPIRenderer):
    """The browsable API of REST framework, with a Content Security Policy of its own.

    The policy of the site (settings.CONTENT_SECURITY_POLICY) would block parts of its pages.
    """

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> str:
        html = super().render(data, accepted_media_type, renderer_context)
        renderer_context["response"]["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return html
