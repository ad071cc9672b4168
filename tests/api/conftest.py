"""A token client for each of the cast: `api(alice).get("conversations/")`."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.auth import tokens

ROOT = "/api/v1/"


class Caller:
    """One person's token client. Paths are relative to /api/v1/; absolute addresses (`next`) are taken as they are."""

    def __init__(self, token: str = ""):
        self._client = Client(headers={"Authorization": f"Bearer {token}"} if token else {})

    def __call__(self, method: str, path: str, body: Any = None, **options: Any):
        if body is not None and "content_type" not in options:
            options["content_type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body)
        options.setdefault("content_type", "application/octet-stream")  # Django's own default; without a body unread
        address = path if path.startswith(("/", "http")) else ROOT + path
        return self._client.generic(method, address, body or b"", **options)

    def get(self, path: str, **options):
        return self("GET", path, **options)

    def post(self, path: str, body: Any = None, **options):
        return self("POST", path, {} if body is None else body, **options)

    def put(self, path: str, **options):
        return self("PUT", path, **options)

    def patch(self, path: str, body: Any, **options):
        return self("PATCH", path, body, **options)

    def delete(self, path: str, **options):
        return self("DELETE", path, **options)

    def send(self, conversation_id: int, body: str = "hello", /, **fields):
        """`fields` are those of the body, whatever their names."""
        message = {"client_id": str(uuid.uuid4()), "body": body, **fields}
        return self.post(f"conversations/{conversation_id}/messages/", message)


@pytest.fixture
def api():
    """`api(alice)`: her token client, the same each time. `api()`: nobody's."""
    callers: dict[int, Caller] = {}

    def caller(user=None) -> Caller:
        if user is None:
            return Caller()
        if user.pk not in callers:
            callers[user.pk] = Caller(tokens.open_for(user).access)
        return callers[user.pk]

    return caller


def refused(answer, code: str, status: int, *fields: str) -> dict:
    """Assert that this is the refusal; returns its body."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body["detail"]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert set(body) <= {"code", "detail", "fields", "retry_after"}
    if fields:
        assert set(body["fields"]) == set(fields), body
        assert all(isinstance(word, str) and word for words in body["fields"].values() for word in words)
    return body
