"""The OpenAPI document and a page to try it, at /api/schema/ and /api/docs/. For everybody: they hold no data."""

from __future__ import annotations

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

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


class ApiDocument(SpectacularAPIView):
    pass


class ApiDocs(SpectacularSwaggerSplitView):
    """Works with the session of whoever is signed in, or with a token through Authorize."""

    url_name = "api_schema"

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Content-Security-Policy"] = POLICY
        if "script" in request.GET:
            response["Cache-Control"] = "no-store"  # it carries the CSRF token of this browser
        return response
