"""Serves the OpenAPI document (/api/schema/) and Swagger UI (/api/docs/).

Both pages are public, because they contain no user data.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import BaseRenderer

from messenger.core.content_security import policy_without_trusted_types

# Swagger UI sets styles from scripts and uses data: URLs for images.
CONTENT_SECURITY_POLICY = policy_without_trusted_types(inline_styles=True, forms=False, data_fonts=True)


@cache
def render_document(renderer: Callable[[], BaseRenderer], language: str) -> bytes:
    """Returns the rendered OpenAPI document in the active language.

    Rendering takes half a second, and the document depends only on the code and the language. So each process caches
    it.
    """
    with translation.override(language):
        return renderer().render(SchemaGenerator().get_schema(request=None, public=True), renderer_context={})


class OpenAPISchemaView(SpectacularAPIView):
    """Serves the OpenAPI document as YAML, or as JSON with `?format=json` or if the Accept header asks for JSON."""

    authentication_classes = ()  # an expired token must not block the document that says how to get a new one

    @extend_schema(exclude=True)
    def get(self, request, *args, **kwargs):
        renderer = request.accepted_renderer
        document = render_document(type(renderer), translation.get_language())  # type: ignore[arg-type]
        return HttpResponse(document, content_type=renderer.media_type)


class SwaggerUIView(SpectacularSwaggerSplitView):
    """Serves Swagger UI. Its requests use the session of the browser, or a token that is entered under "Authorize"."""

    authentication_classes = ()
    url_name = "api_schema"

    def options(self, request, *args, **kwargs):
        """Answers OPTIONS requests with the allowed methods only.

        REST framework would answer with metadata, which the template of this view cannot render.
        """
        return HttpResponse(headers={"Allow": ", ".join(self.allowed_methods)})

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        if "script" in request.GET:
            response["Cache-Control"] = "no-store"  # it contains the CSRF token of this browser
        return response
