"""The root of the REST API, /api/v1/: it lists where a client can begin."""

from __future__ import annotations

from functools import cache

import msgspec
from django.urls import URLResolver, get_resolver, reverse
from rest_framework.request import Request
from rest_framework.response import Response

from messenger.rest.openapi import response_schema
from messenger.rest.viewsets import PublicApiViewSet, respond

API_PREFIX = "api/v1/"
SOCKET_PATH = "/ws/v1/"


class ApiRootSchema(msgspec.Struct):
    """The entry points of this version of the API, as absolute URLs.

    `endpoints` has the URL of each path without ids, by its path: `conversations`, `auth/token` and so on. `socket` is
    the WebSocket, `schema` the OpenAPI document, `docs` the page on which the API can be tried.
    """

    version: str
    schema: str
    docs: str
    socket: str
    endpoints: dict[str, str]


class ApiRootViewSet(PublicApiViewSet):
    @response_schema(ApiRootSchema, "List the entry points of the API", tags=["API root"], operation_id="api_root")
    def retrieve(self, request: Request) -> Response:
        url = request.build_absolute_uri
        socket = url(SOCKET_PATH).replace("http", "ws", 1)
        endpoints = {path.rstrip("/"): url(f"/{API_PREFIX}{path}") for path in _list_paths()}
        return respond(ApiRootSchema("1", url(reverse("api_schema")), url(reverse("api_docs")), socket, endpoints))


@cache
def _list_paths() -> list[str]:
    """Returns the paths below /api/v1/ that contain no ids, sorted."""
    (api,) = (
        resolver
        for resolver in get_resolver().url_patterns
        if isinstance(resolver, URLResolver) and str(resolver.pattern) == API_PREFIX
    )
    return sorted(path for route in api.url_patterns if (path := str(route.pattern)) and "<" not in path)
