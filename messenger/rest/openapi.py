"""How the OpenAPI document is made: the two ways to sign in, and the refusals that every operation may answer with."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from messenger.core.errors import STATUS_BY_CODE, ErrorSchema
from messenger.rest.struct_serializers import serializer_for

WORDS = {
    "invalid": "`invalid`: something in the request is wrong; `fields` says what, where it has a name.",
    "unauthenticated": "`unauthenticated`: no credentials, or none that hold any longer.",
    "forbidden": "`forbidden`: one may see it, but not do this. With a session cookie also: no CSRF token.",
    "not_found": "`not_found`: what is not there, and what one may not see, in the same words.",
    "too_large": "`too_large`: more bytes than a request may have.",
    "unsupported": "`unsupported`: the body must be application/json.",
    "rate_limited": "`rate_limited`: too fast; `retry_after` says how many seconds to wait.",
    "unavailable": "`unavailable`: the database is away or busy; the same request may be sent again.",
}


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "description": "The `access` token from `auth/token/`."}


class CookieScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.SessionAuthentication"
    name = "cookie"

    def get_security_definition(self, auto_schema):
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The site's session. Requests that change something then need the X-CSRFToken header.",
        }


class ApiSchema(AutoSchema):
    """Adds the refusals that follow from an operation's form. A view names only those that are its own."""

    def _get_response_bodies(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        bodies = super()._get_response_bodies(*args, **kwargs)
        for code in self._refusals():
            status = str(STATUS_BY_CODE[code])
            if status not in bodies:
                described = OpenApiResponse(serializer_for(ErrorSchema), WORDS[code])
                bodies[status] = self._get_response_for_code(described, status)
        return dict(sorted(bodies.items()))

    def _refusals(self) -> list[str]:
        body = self.method in {"POST", "PUT", "PATCH"} and self.get_request_serializer() is not None
        query = bool(self.get_override_parameters())
        refusals = ["rate_limited", "unavailable"]
        if body or query:
            refusals.append("invalid")
        if body:
            refusals += ["too_large", "unsupported"]
        if {} not in self.get_auth():
            refusals.append("unauthenticated")
            if self.method != "GET":
                refusals.append("forbidden")
        if "{" in self.path:
            refusals.append("not_found")
        return refusals
