"""Tests that one struct defines the input of a command for the WebSocket and for the REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import msgspec
import pytest
from rest_framework.exceptions import ValidationError

from chat.payloads import EditPayload, MemberListQuery, ReadPayload, SendPayload, SyncPayload
from messenger.core.field_types import Id, one_of
from messenger.rest.inputs import serializer_for_input, serializer_for_query


class ExamplePayload(msgspec.Struct):
    conversation_id: Id
    client_id: UUID
    level: Annotated[str, one_of(["all", "none"])] = "all"
    ids: Annotated[list[Id], msgspec.Meta(max_length=2)] = []
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=5)] | msgspec.UnsetType = msgspec.UNSET
    open: Id | None = None


def validated(body):
    serializer = serializer_for_input(ExamplePayload, "conversation_id")(data=body)
    serializer.is_valid(raise_exception=True)
    return ExamplePayload(conversation_id=1, **serializer.validated_data)


def test_fields_that_are_left_out_have_their_defaults():
    client_id = uuid4()
    first, second = validated({"client_id": str(client_id)}), validated({"client_id": str(client_id)})
    assert first == ExamplePayload(1, client_id)
    first.ids.append(1)
    assert second.ids == [], "each request has a list of its own"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"client_id"}),
        (
            {"client_id": "x", "level": "some", "ids": [0], "title": "", "open": "x"},
            set(ExamplePayload.__struct_fields__),
        ),
        ({"client_id": 12, "ids": [1, 2, 3], "title": "longer"}, {"client_id", "ids", "title"}),
    ],
)
def test_all_wrong_fields_are_reported(body, wrong):
    with pytest.raises(ValidationError) as error:
        validated(body)
    assert set(error.value.detail) == wrong - {"conversation_id"}


def test_a_query_has_no_null_and_reduces_the_page_size():
    def validated(**query):
        serializer = serializer_for_query(MemberListQuery)(data=query)
        return serializer.is_valid() and MemberListQuery(**serializer.validated_data)

    assert validated() == MemberListQuery(q="", user_ids=None, before=None, limit=200)
    assert validated(user_ids="3,9", limit="9999") == MemberListQuery(user_ids=[3, 9], limit=500)
    assert not any(validated(**{name: None}) for name in MemberListQuery.__struct_fields__)
    for ids in ("", "3,", "3, 9", "x", "٣", "1.0", "0", ",".join(["1"] * 101), str(2**63)):
        assert not validated(user_ids=ids), ids


def test_input_of_one_kind_is_one_struct():
    """Every body and query of the REST API is described by a struct: no view has a serializer of its own."""
    for app in ("accounts", "chat", "presence"):
        for path in (Path(__file__).parents[2] / app).rglob("*.py"):
            assert "serializers.Serializer" not in path.read_text(), path


@pytest.mark.parametrize(
    ("struct", "path_field", "body"),
    [
        (SendPayload, "conversation_id", {"client_id": str(uuid4())}),
        (SendPayload, "conversation_id", {"client_id": "no UUID"}),
        (SendPayload, "conversation_id", {"client_id": str(uuid4()), "attachment_ids": list(range(1, 11))}),
        (SendPayload, "conversation_id", {"client_id": str(uuid4()), "attachment_ids": list(range(1, 12))}),
        (SendPayload, "conversation_id", {"client_id": str(uuid4()), "reply_to_id": 0}),
        (SendPayload, "conversation_id", {"client_id": str(uuid4()), "body": None}),
        (EditPayload, "message_id", {}),
        (EditPayload, "message_id", {"body": ""}),
        (ReadPayload, "conversation_id", {"seq": 3}),
        (ReadPayload, "conversation_id", {"back": True}),
        (ReadPayload, "conversation_id", {"seq": -1}),
        (SyncPayload, None, {"cursors": {"1": 2}, "me": 3, "open": None}),
        (SyncPayload, None, {"cursors": {"1": -1}}),
        (SyncPayload, None, {"cursors": {"0": 1}}),
        (SyncPayload, None, {"cursors": {"01": 1}}),
        (SyncPayload, None, {"cursors": {"1.0": 1}}),
        (SyncPayload, None, {"cursors": {"１": 1}}),
        (SyncPayload, None, {"cursors": {str(n): 1 for n in range(1, 5_002)}}),
    ],
)
def test_socket_and_api_accept_the_same_input(struct, path_field, body):
    path_fields = {path_field: 1} if path_field else {}
    serializer = serializer_for_input(struct, *path_fields)(data=body)
    try:
        payload = msgspec.json.decode(msgspec.json.encode({**path_fields, **body}), type=struct)
    except msgspec.ValidationError:
        assert not serializer.is_valid()
        return
    assert serializer.is_valid(), serializer.errors
    assert struct(**path_fields, **serializer.validated_data) == payload
