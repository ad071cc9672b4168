"""Tests that the OpenAPI document describes the responses correctly.

Also tests that its page (Swagger UI) loads nothing from other hosts.
"""

from __future__ import annotations

import http
import json
import re

import jsonschema
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
from tests import openapi

pytestmark = pytest.mark.usefixtures("transactional_db")  # messages are stored by the thread of the send queue
STRUCTS = [
    kind
    for module in (messenger.core.errors, accounts.schemas, presence.schemas, schemas)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__.startswith(module.__name__)
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
def test_structs_and_document_have_the_same_fields(document, struct):
    fields = [field.encode_name for field in msgspec.structs.fields(struct)]
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


def test_responses_match_the_document(api, alice, bob, group):
    """Each GET response has the types and properties that the OpenAPI document describes.

    The test client of the API checks this, for all tests that use it.
    """
    alice_api = api(alice)
    first = alice_api.send(group.pk, "hi @bob").json()
    api(bob).send(group.pk, "hi", reply_to_id=first["id"])
    api(bob).put(f"messages/{first['id']}/reactions/👍/")
    alice_api.patch(f"messages/{first['id']}/", {"body": "hello @bob"})
    conversation_parts = ("", "members/", "messages/", "changes/", "receipts/", "pins/")
    for path in (
        *("conversations/", "mentions/", "users/", "sessions/", "me/", "contacts/", "conversations/titles/"),
        *(f"conversations/{group.pk}/{part}" for part in conversation_parts),
        *(f"messages/{first['id']}/{part}" for part in ("", "receipts/", "revisions/")),
    ):
        assert api(bob).get(path).status_code == 200, path


def test_a_response_that_the_document_does_not_describe_fails_a_test():
    path, profile = "/api/v1/me/", {"code": "invalid", "detail": "No."}
    openapi.check_response("GET", path, 429, json.dumps(profile).encode())
    for status, body in ((418, profile), (429, {**profile, "more": 1}), (429, {"code": "invalid"}), (200, profile)):
        with pytest.raises((AssertionError, jsonschema.ValidationError)):
            openapi.check_response("GET", path, status, json.dumps(body).encode())
    presence = {"results": [{"user_id": 1, "online": False, "last_seen": "2026-11-21T01:02:03.456Z"}], "next": None}
    openapi.check_response("GET", "/api/v1/presence/", 200, json.dumps(presence).encode())
    presence["results"][0]["last_seen"] = "yesterday"
    with pytest.raises(jsonschema.ValidationError):
        openapi.check_response("GET", "/api/v1/presence/", 200, json.dumps(presence).encode())


def test_each_operation_describes_its_errors_and_authentication(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            statuses = set(operation["responses"])
            assert {"429", "500", "503"} <= statuses, (method, path)
            ways = operation["security"]
            assert ("401" in statuses) or ways == [], (method, path)
            assert ways != [{}], "some generators of clients then ask for a token"
            if path != "/api/v1/" and "/auth/" not in path and "/presence/" not in path:
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


# ── What generators of clients need ──────────────────────────────────────────────────────────────────────────────
# openapi-python-client 0.29 and openapi-typescript 7.13 accept the document without a warning. Each of these tests is
# about something that one of them refused, or for which it wrote a type of which a client has no use.


def _operations(document):
    for path, operations in document["paths"].items():
        yield from ((f"{method} {path}", operation) for method, operation in operations.items())


def test_bodies_have_content_types_that_generators_know(document):
    for name, operation in _operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        found = {content_type for body in bodies for content_type in body.get("content", {})}
        assert found <= {"application/json", "multipart/form-data"}, name
        assert len(operation.get("requestBody", {}).get("content", {})) <= 1, name


def test_fields_of_requests_that_may_be_left_out_have_no_default(document):
    """openapi-typescript makes fields with a default required: a client could not sign in without `code`."""
    requests = {name: schema for name, schema in document["components"]["schemas"].items() if name.endswith("Request")}
    sign_in = requests["LoginRequest"]
    assert {"code", "login"} <= sign_in["properties"].keys() - set(sign_in["required"])
    for name, schema in requests.items():
        assert not [field for field, described in schema.get("properties", {}).items() if "default" in described], name


def test_the_head_request_of_uploads_is_described_without_bodies(document):
    head = document["paths"]["/api/v1/uploads/{upload_id}/"]["head"]
    assert {"200", "401", "404"} <= set(head["responses"])
    assert not [status for status, response in head["responses"].items() if "content" in response]
    assert "Upload-Offset" in head["responses"]["200"]["headers"]


def test_the_patch_request_of_uploads_is_described_with_its_headers(document):
    patch = document["paths"]["/api/v1/uploads/{upload_id}/"]["patch"]
    names = {parameter["name"]: parameter.get("required", False) for parameter in patch["parameters"]}
    assert names == {"upload_id": True, "Tus-Resumable": True, "Upload-Offset": True, "Upload-Checksum": False}
    assert {"204", "400", "401", "403", "404", "409", "412", "413", "415", "423"} <= set(patch["responses"])
    assert "Upload-Offset" in patch["responses"]["204"]["headers"]
    assert all("content" in response for status, response in patch["responses"].items() if status != "204")
    assert "application/offset+octet-stream" in patch["description"]


def test_statuses_are_those_of_http(document):
    for name, operation in _operations(document):
        own = {"460"} & operation["responses"].keys()  # of tus: the checksum does not match
        assert all(http.HTTPStatus(int(status)) for status in operation["responses"].keys() - own), name


def test_times_and_uuids_have_their_formats(document):
    schemas = document["components"]["schemas"]
    fields = [(f"{name}.{field}", schemas[name]["properties"][field]) for name, field in _response_fields(document)]
    times = {name for name, field in fields if field.get("format") == "date-time"}
    uuids = {name for name, field in fields if field.get("format") == "uuid"}
    assert times >= {name for name, field in fields if name.endswith("_at")}
    assert times >= {"Contact.since", "Presence.last_seen"}
    assert uuids >= {"Message.client_id", "SignIn.id"}


def test_strict_validators_take_null_where_answers_have_it(document):
    """In OpenAPI 3.0.3, `nullable` counts only beside `type`: a reference that may be null is one of two schemas."""

    def list_schemas(node):
        if isinstance(node, dict):
            yield node
        for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from list_schemas(part)

    found = list(list_schemas(document))
    assert [schema for schema in found if schema.get("nullable") is True and "type" not in schema] == []
    fields = document["components"]["schemas"]["Message"]["properties"]
    assert fields["reply_to"] == {"oneOf": [{"$ref": "#/components/schemas/Reply"}, {"enum": [None]}]}


def test_fields_with_few_values_list_them(document):
    schemas = document["components"]["schemas"]
    for name, field in _response_fields(document):
        if field in {"kind", "role", "level", "theme", "state"} or (name, field) == ("SystemEvent", "name"):
            described = schemas[name]["properties"][field]
            (reference,) = [described["$ref"]] if "$ref" in described else [part["$ref"] for part in described["allOf"]]
            assert schemas[reference.rsplit("/", 1)[1]]["enum"], (name, field)


def _response_fields(document):
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        if not name.endswith("Request"):
            yield from ((name, field) for field in schema.get("properties", {}))


def test_enums_have_names_that_say_what_they_are(document):
    """For fields of one name with different values, drf-spectacular adds a hash to the name, as in Kind95cEnum."""
    names = [name for name in document["components"]["schemas"] if name.endswith("Enum")]
    assert names and not [name for name in names if re.search(r"\d", name)]
    assert not {"KindEnum", "NameEnum", "StateEnum", "CodeEnum"} & set(names)


def test_descriptions_of_operations_are_written_for_authors_of_clients(document):
    """Docstrings of views are for developers of the server, so the document does not contain them."""
    for name, operation in _operations(document):
        assert "view" not in operation.get("description", "").lower(), name


def test_operations_have_unique_ids(document):
    ids = [operation["operationId"] for _, operation in _operations(document)]
    assert len(ids) == len(set(ids))
