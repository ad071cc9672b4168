"""Tests that invalid values in all fields, parameters and paths of the API never cause a server error (500).

The operations come from the OpenAPI document. The test of invalid values runs on SQLite and on PostgreSQL, because they
reject different values. The test with the long list of naughty strings (texts that often reveal bugs) runs on one
database: it tests how texts are processed, not how they are stored.

All values are tried where a field or parameter of a name and type occurs for the first time: the same code reads it
wherever it occurs. Where it occurs again, a few are tried, other ones each time. With the environment variable
NAUGHTY=all (bin/test-long), all values are tried everywhere.
"""

from __future__ import annotations

import json
import os
import uuid
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from tests import openapi
from tests.naughty_strings import sample_naughty_strings

VALUES = [
    None, True, 0, -1, 2**31, 2**63 - 1, 2**63, 10**30, 1.5, "", " ", "x", "x" * 5000, "NUL \x00", "\u202e\u200d\ufeff",
    "👩‍👩‍👧‍👦", "\uffff", "' OR 1=1 --", "<script>alert(1)</script>", "%s %d {0}", "../../etc/passwd", "٣", "1e3",
    [], [[]], [None], [2**63], {}, {"a": {"b": []}}, str(uuid.UUID(int=0)),
]  # fmt: skip
TEXTS = [value for value in VALUES if isinstance(value, str)]
IN_PATHS = ["0", "9" * 19, str(2**63 - 1), "%00", "%ff", "%ed%a0%80", "%2e%2e%2f", "x" * 300, "-1", "1.0", "%D9%A3"]


@pytest.fixture
def path_ids(database, api, alice, bob):
    """Creates a group, a message and an invite link, to call API operations on them.

    Returns valid values for the parameters in the paths of the API, by name.
    """
    made = api(alice).post("conversations/", {"kind": "group", "title": "Room", "user_ids": [bob.pk]}).json()
    sent = api(alice).send(made["id"]).json()
    invite = api(alice).post(f"conversations/{made['id']}/invites/", {}).json()
    in_an_hour = timezone.now() + timedelta(hours=1)
    later = {"client_id": str(uuid.uuid4()), "body": "later", "send_at": in_an_hour.isoformat()}
    scheduled = api(alice).post(f"conversations/{made['id']}/scheduled-messages/", later).json()
    return {
        "conversation_id": made["id"],
        "message_id": sent["id"],
        "user_id": bob.pk,
        "emoji": "👍",
        "invite_id": invite["id"],
        "token": invite["token"],
        "subscription_id": 1,
        "call_id": 1,
        "notice_id": 1,
        "scheduled_id": scheduled["id"],
        "reminder_id": 1,
        "upload_id": str(uuid.UUID(int=1)),
    }


def operations() -> list[tuple[str, str, dict]]:
    """Returns method, path and inputs of each operation: the schemas of its fields and of its query parameters."""
    document = openapi.document()
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            fields = {}
            if content:
                schema = document["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[1]]
                for part in schema.get("oneOf", [schema]):
                    part = document["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
                    fields |= part["properties"]
            parameters = operation.get("parameters", [])
            of_query = {
                parameter["name"]: parameter["schema"] for parameter in parameters if parameter["in"] == "query"
            }
            found.append((method.upper(), path, {"fields": fields, "query": of_query}))
    return found


GOOD = {
    "kind": "group",
    "title": "Title",
    "client_id": "0b7f0000-0000-4000-8000-000000000000",
    "body": "words",
    "user_ids": [2],
    "role": "admin",
    "seq": 1,
    "active": True,
}


class Values:
    """Selects the values to try: all of them for the first field of a name and type, then a few, in turn."""

    FEW = 5

    def __init__(self) -> None:
        self._tried: set[tuple[str, str, str]] = set()
        self._turn = 0

    def select(self, place: str, name: str, schema: object, values: list) -> list:
        first = (place, name, json.dumps(schema, sort_keys=True))
        if first not in self._tried or os.environ.get("NAUGHTY") == "all":
            self._tried.add(first)
            return values
        self._turn += self.FEW
        return [values[(self._turn + number) % len(values)] for number in range(self.FEW)]


def test_invalid_input_never_causes_a_server_error(each_database, path_ids, api, alice):
    hers, broken, tried, values = api(alice), [], 0, Values()
    hers._client.raise_request_exception = False
    for method, path, parts in operations():
        if "/sessions/" in path or "/auth/" in path or path.endswith("/me/avatar/"):
            continue  # these operations end the sign-in of the test, or do not accept JSON
        address = path.format(**{name: quote(str(value)) for name, value in path_ids.items()}, sign_in_id=uuid.uuid4())
        good = {name: GOOD[name] for name in parts["fields"] if name in GOOD}
        requests = [
            (address, {**good, name: value})
            for name, schema in parts["fields"].items()
            for value in values.select("body", name, schema, VALUES)
        ]
        for name, schema in parts["query"].items():
            texts = values.select("query", name, schema, TEXTS)
            raws = values.select("raw query", name, schema, IN_PATHS)
            requests += [(f"{address}?{name}={raw}", None) for raw in [*map(quote, texts), *raws]]
        if method != "DELETE":  # DELETE would delete the test data
            requests += [
                (path.format(**{**path_ids, name: raw}), good)
                for name in path_ids
                if f"{{{name}}}" in path
                for raw in values.select("path", name, method, IN_PATHS)
            ]
        for address_, body in requests:
            response = hers(method, address_, body) if body is not None else hers(method, address_)
            tried += 1
            if response.status_code >= 500 or not _speaks_json(response):
                broken.append(f"{response.status_code} {method} {address_} {str(body)[:200]}")
    assert not broken
    assert tried > 1500


def _speaks_json(response) -> bool:
    if response.status_code == 204 or response.request["REQUEST_METHOD"] == "HEAD":
        return not response.content
    body = json.loads(response.content)
    return response.status_code < 400 or {"code", "detail"} <= set(body)


def test_naughty_strings_are_stored_unchanged_or_rejected(transactional_db, path_ids, api, alice):
    hers, group = api(alice), path_ids["conversation_id"]
    for text in sample_naughty_strings():
        if "\ud800" in text or "\udfff" in text:
            continue  # a client cannot put a lone surrogate into JSON
        sent = hers.send(group, text)
        assert sent.status_code in (201, 400), text
        if sent.status_code == 201:
            message = hers.get(f"messages/{sent.json()['id']}/").json()
            assert message["body"] == text
            assert "<script" not in message["body_html"].lower()
        renamed = hers.patch(f"conversations/{group}/", {"title": text, "description": text, "announcement": text})
        assert renamed.status_code in (200, 400), text
        assert hers.patch(f"conversations/{group}/mine/", {"draft": text}).status_code in (200, 400), text
        assert hers.get("users/", query_params={"q": text}).status_code in (200, 400), text
