"""The base classes of all REST views, and functions that build their responses.

A view validates the request, calls one action or selector, and returns its result with `respond`, `paginated_response`
or `no_content`. The decorators in messenger/rest/openapi.py describe it in the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from messenger.rest.inputs import serializer_for_input, serializer_for_query

Payload = TypeVar("Payload", bound=msgspec.Struct)


class ApiViewSet(ViewSet):
    """The base class of REST views. Only signed-in users have access (DEFAULT_PERMISSION_CLASSES).

    Actions and selectors check all other permissions.
    """

    def payload(self, struct: type[Payload], **path_fields: Any) -> Payload:
        """Returns the request body as this struct. Raises an error with messages by field if it is invalid.

        `path_fields` are the fields that are in the path of the URL and not in the body.
        """
        return struct(**path_fields, **_validate(serializer_for_input(struct, *path_fields), self.request.data))

    def query(self, struct: type[Payload]) -> Payload:
        """Returns the query parameters of the URL as this struct. Raises an error if they are invalid."""
        return struct(**_validate(serializer_for_query(struct), self.request.query_params.dict()))

    def changes(self, struct: type[msgspec.Struct]) -> dict[str, Any]:
        """Returns the fields that the request body contains, by name. All fields of the struct may be left out."""
        return _validate(serializer_for_input(struct), self.request.data)

    @property
    def user_id(self) -> int:
        user_id = self.request.user.pk
        assert user_id is not None  # the default permission requires a signed-in user
        return user_id


class PublicApiViewSet(ApiViewSet):
    """The base class of REST views that need no sign-in. Tokens and cookies are ignored, even if they are invalid."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


def _validate(serializer_class: type[serializers.Serializer], data: Any) -> dict[str, Any]:
    serializer = serializer_class(data=data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def respond(
    schema: msgspec.Struct, status_code: int = status.HTTP_200_OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Returns a response whose body is this struct as JSON."""
    return Response(msgspec.to_builtins(schema), status=status_code, headers=dict(headers or {}))


def respond_created(schema: msgspec.Struct, is_new: bool) -> Response:
    """Returns a response with what a request has created, or with what an earlier, equal request had created."""
    return respond(schema, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


def no_content(headers: Mapping[str, str] | None = None) -> Response:
    return Response(status=status.HTTP_204_NO_CONTENT, headers=dict(headers or {}))
