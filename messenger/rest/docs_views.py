"""The OpenAPI document and a page to try it, at /api/schema/ and /api/docs/. For everybody: they hold no data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import BaseRenderer

# Swagger UI sets styles from scripts and draws its pictures as data: addresses. It may run no script but our files and
# may reach nothing but this site.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


@cache
def written(renderer: Callable[[], BaseRenderer], language: str) -> bytes:
    """The code alone decides what is in it, and making it takes half a second: once in each process."""
    with translation.override(language):
        return renderer().render(SchemaGenerator().get_schema(request=None, public=True), renderer_context={})


class ApiDocument(SpectacularAPIView):
    """As YAML, or as JSON by `?format=json` or Accept."""

    authentication_classes = ()  # a token that is over must not hide how to get a new one

    @extend_schema(exclude=True)
    def get(self, request, *args, **kwargs):
        renderer = request.accepted_renderer
        text = written(type(renderer), translation.get_language())  # type: ignore[arg-type]  # classes are hashable
        return HttpResponse(text, content_type=renderer.media_type)


class ApiDocs(SpectacularSwaggerSplitView):
    """Works with the session of whoever is signed in, or with a token through Authorize."""

    authentication_classes = ()
    url_name = "api_schema"

    def options(self, request, *args, **kwargs):
        """REST framework's answer is data, for which a page has no template."""
        return HttpResponse(headers={"Allow": ", ".join(self.allowed_methods)})

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Content-Security-Policy"] = POLICY
        if "script" in request.GET:
            response["Cache-Control"] = "no-store"  # it carries the CSRF token of this browser
        return response
