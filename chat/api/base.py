"""What the views of this app share."""

from __future__ import annotations

from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from messenger.core.errors import ErrorSchema
from messenger.rest.struct_serializers import page_of, serializer_for


# A comment and no docstring: that would be repeated in the OpenAPI document under every operation.
# For signed-in people only, which is the site's default; what each of them may do is asked by the verbs.
class Door(ViewSet):
    def given(self, serializer: type[serializers.Serializer], **options: Any) -> dict[str, Any]:
        """The body of the request, checked."""
        return _checked(serializer(data=self.request.data, **options))

    def asked(self, serializer: type[serializers.Serializer]) -> dict[str, Any]:
        """The query of the request, checked."""
        return _checked(serializer(data=self.request.query_params.dict()))

    @property
    def person_id(self) -> int:
        person_id = self.request.user.pk
        assert person_id is not None  # the site's default permission lets nobody else in
        return person_id


def _checked(serializer: serializers.Serializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def answer(shape: msgspec.Struct, code: int = status.HTTP_200_OK) -> Response:
    return Response(serializer_for(type(shape))(shape).data, status=code)


def done() -> Response:
    return Response(status=status.HTTP_204_NO_CONTENT)


# ── For the OpenAPI document ─────────────────────────────────────────────────────────────────────────────────────
def says(
    struct: type[msgspec.Struct],
    summary: str,
    *,
    created: str = "",
    already: str = "",
    conflict: str = "",
    **options: Any,
):
    """An operation that answers with this struct. `created` words a 201, `already` a 200 beside it."""
    body = serializer_for(struct)
    responses: dict[int, Any] = {200: body} if not created else {201: OpenApiResponse(body, created)}
    if already:
        responses[200] = OpenApiResponse(body, already)
    if conflict:
        responses[409] = OpenApiResponse(serializer_for(ErrorSchema), conflict)
    return extend_schema(summary=summary, responses=responses, **options)


def lists(struct: type[msgspec.Struct], summary: str, *, code: int = 200, **options: Any):
    """An operation that answers with a list of this struct."""
    return extend_schema(summary=summary, responses={code: page_of(struct)}, **options)


def does(summary: str, **options: Any):
    """An operation that answers with nothing."""
    return extend_schema(summary=summary, responses={204: None}, **options)
