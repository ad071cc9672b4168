"""Tests that the OpenAPI document describes the responses correctly.

Also tests that its page (Swagger UI) loads nothing from other hosts.
"""

from __future__ import annotations

import re

import msgspec
import pytest
from django.test import Client
from django.urls import reverse
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

import accounts.schemas
import messenger.core.errors
import presence.schemas
from chat import schemas
from messenger.core.errors import ErrorSchema
from messenger.rest.struct_serializers import serializer_for

pytestmark = pytest.mark.usefixtures("transactional_db")  # messages are stored by the thread of the send queue
STRUCTS = [
    kind
    for module in (messenger.core.errors, accounts.schemas, presence.schemas, schemas)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__
]


@pytest.fixture(scope="module")
def document():
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        made = SchemaGenerator().get_schema(request=None, public=True)
    assert not GENERATOR_STATS._warn_cache and not GENERATOR_STATS._error_cache
    return made


def test_the_document_is_valid_and_built_without_warnings(document):
    validate_schema(document)


@pytest.mark.parametrize("struct", dict.fromkeys(STRUCTS), ids=lambda struct: struct.__name__)
def test_struct_serializer_and_document_have_the_same_fields(document, struct):
    fields = [field.encode_name for field in msgspec.structs.fields(struct)]
    serializer = serializer_for(struct)()
    assert list(serializer.fields) == fields
    component = document["components"]["schemas"].get(struct.__name__.removesuffix("Schema"))
    if component is None:
        return  # the struct is not part of a REST response
    assert list(component["properties"]) == fields
    optional = set(fields) - set(component.get("required", []))
    if struct is ErrorSchema:
        assert optional == {"fields", "retry_after"}
    elif struct is schemas.ConversationSchema:
        assert optional == {"mine"}
    else:
        assert not optional


def test_responses_match_the_document(document, api, alice, bob, group):
    """Each GET response has the types and properties that the OpenAPI document describes."""
    alice_api = api(alice)
    first = alice_api.send(group.pk, "hi @bob").json()
    api(bob).send(group.pk, "hi", reply_to_id=first["id"])
    api(bob).put(f"messages/{first['id']}/reactions/👍/")
    alice_api.patch(f"messages/{first['id']}/", {"body": "hello @bob"})
    room_path, message_path = "/api/v1/conversations/{conversation_id}/", "/api/v1/messages/{message_id}/"
    for path in (
        "/api/v1/conversations/",
        "/api/v1/mentions/",
        "/api/v1/users/",
        *(room_path + part for part in ("", "members/", "messages/", "changes/", "receipts/", "pins/")),
        *(message_path + part for part in ("", "receipts/", "revisions/")),
    ):
        address = path.format(conversation_id=group.pk, message_id=first["id"])
        response = api(bob).get(address)
        assert response.status_code == 200, (path, response.content)
        described = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        _fits(response.json(), described, document, path)


def _fits(value, schema, document, where):
    """Asserts that a JSON value matches a schema of the OpenAPI document.

    It checks types, names of properties, and where null is allowed. It supports only those parts of OpenAPI that
    messenger/rest/struct_serializers.py uses.
    """
    if "allOf" in schema:
        if value is None:
            assert schema.get("nullable"), where
            return
        (schema,) = schema["allOf"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if value is None:
        assert schema.get("nullable"), where
        return
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "number": (int, float)}
    assert isinstance(value, kinds[schema["type"]]), (where, value)
    if schema["type"] == "object":
        assert set(schema.get("required", [])) <= set(value) <= set(schema["properties"]), where
        for name, part in value.items():
            _fits(part, schema["properties"][name], document, f"{where}.{name}")
    elif schema["type"] == "array":
        for part in value:
            _fits(part, schema["items"], document, f"{where}[]")


def test_each_operation_describes_its_errors_and_authentication(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            statuses = set(operation["responses"])
            assert {"429", "503"} <= statuses, (method, path)
            ways = operation.get("security", [{}])
            assert ("401" in statuses) or {} in ways, (method, path)
            if "/auth/" not in path and "/presence/" not in path:
                assert ways == [{"bearer": []}, {"cookie": []}], (method, path)
            if "requestBody" in operation:
                assert {"400", "413", "415"} <= statuses, (method, path)
            if "{" in path:
                assert "404" in statuses, (method, path)
            assert operation["summary"], (method, path)


def test_security_schemes(document):
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["type"] == "http" and schemes["bearer"]["scheme"] == "bearer"
    assert schemes["cookie"]["in"] == "cookie"


def test_the_document_is_public():
    response = Client().get(reverse("api_schema"), {"format": "json"})
    assert response.status_code == 200 and response.json()["openapi"].startswith("3.")


def test_swagger_ui_loads_only_own_files():
    browser = Client()
    page = browser.get(reverse("api_docs"))
    html = page.content.decode()
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(addresses) >= 4 and all(address.startswith("/") and address[1] != "/" for address in addresses)
    assert not re.search(r"<script(?![^>]*src=)", html), "an inline script, which the policy forbids"
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "default-src 'none'" in policy and "http" not in policy
    (script,) = [address for address in addresses if "script" in address and "bundle" not in address and "?" in address]
    response = browser.get(script.replace("&amp;", "&"))
    assert response.status_code == 200 and response.headers["Content-Type"].startswith("application/javascript")
    assert response.headers["Cache-Control"] == "no-store" and "SwaggerUIBundle" in response.content.decode()
    assert '"validatorUrl": null' in response.content.decode(), "the validator's badge would ask another host"


def test_options_of_the_document(client):
    for name in ("api_docs", "api_schema"):
        response = client.options(reverse(name))
        assert response.status_code == 200 and "GET" in response["Allow"]


def test_discriminators_name_the_values_of_their_field(document):
    """A discriminator in the OpenAPI document names a field and says which schema applies for which value of the field.

    Each of these schemas must have the field, and `null` must not be one of the values. Otherwise programs that
    generate API clients from the document reject it.
    """
    schemas = document["components"]["schemas"]
    discriminators = [schema["discriminator"] for schema in schemas.values() if "discriminator" in schema]
    assert discriminators
    for discriminator in discriminators:
        for value, reference in discriminator["mapping"].items():
            assert value != "null" and value is not None
            assert discriminator["propertyName"] in schemas[reference.rsplit("/", 1)[-1]]["properties"]
