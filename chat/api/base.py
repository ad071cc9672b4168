"""The base class of the API views, functions that build responses, and decorators for the OpenAPI document.

The decorators describe in this document which responses a view returns.
"""

from __future__ import annotations

from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from messenger.rest.struct_serializers import page_serializer_for, serializer_for


# The base class of all views. Only signed-in users have access (DEFAULT_PERMISSION_CLASSES); actions and selectors
# check everything else. The view classes have comments instead of docstrings, because drf-spectacular would repeat a
# docstring in the description of every operation.
class ApiViewSet(ViewSet):
    def validated_data(self, serializer_class: type[serializers.Serializer], **options: Any) -> dict[str, Any]:
        """Returns the request body, validated with this serializer class. Raises ValidationError if it is invalid."""
        return _validate(serializer_class(data=self.request.data, **options))

    def validated_query(self, serializer_class: type[serializers.Serializer]) -> dict[str, Any]:
        """Returns the query parameters of the URL, validated with this serializer class.

        Raises ValidationError if they are invalid.
        """
        return _validate(serializer_class(data=self.request.query_params.dict()))

    @property
    def user_id(self) -> int:
        user_id = self.request.user.pk
        assert user_id is not None  # the default permission requires a signed-in user
        return user_id


def _validate(serializer: serializers.Serializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


# ── Responses ────────────────────────────────────────────────────────────────────────────────────────────────────
def respond(schema: msgspec.Struct, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(serializer_for(type(schema))(schema).data, status=status_code)


def no_content() -> Response:
    return Response(status=status.HTTP_204_NO_CONTENT)


# ── Decorators for the OpenAPI document ──────────────────────────────────────────────────────────────────────────
def response_schema(
    struct: type[msgspec.Struct],
    summary: str,
    *,
    created: str = "",
    already: str = "",
    errors: dict[int, Any] | None = None,
    **options: Any,
):
    """Returns a decorator that describes an API view in the OpenAPI document: its response body is `struct`.

    `created` and `already` are the descriptions of the responses with status 201 and 200. Without `created` the status
    is 200. `errors` are further responses, made with `error_responses`.
    """
    body = serializer_for(struct)
    responses: dict[int, Any] = {200: body} if not created else {201: OpenApiResponse(body, created)}
    if already:
        responses[200] = OpenApiResponse(body, already)
    return extend_schema(summary=summary, responses={**responses, **(errors or {})}, **options)


def list_schema(struct: type[msgspec.Struct], summary: str, *, errors: dict[int, Any] | None = None, **options: Any):
    """Returns a decorator that describes an API view in the OpenAPI document: it returns a page of `struct` objects.

    `errors` are further responses, made with `error_responses`.
    """
    return extend_schema(summary=summary, responses={200: page_serializer_for(struct), **(errors or {})}, **options)


def no_content_schema(summary: str, **options: Any):
    """Returns a decorator that describes an API view in the OpenAPI document: it returns status 204 without a body."""
    return extend_schema(summary=summary, responses={204: None}, **options)
