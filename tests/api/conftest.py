"""Fixtures of tests of the REST API: clients with access tokens, used as `api(alice).get("conversations/")`."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.auth import tokens
from tests import openapi

ROOT = "/api/v1/"


class ApiClient:
    """A test client for the REST API. It sends the access token of one user, or no token.

    It checks that the OpenAPI document describes each response. Paths are relative to /api/v1/. Absolute URLs work too,
    such as `next` in a list that continues on another page.
    """

    def __init__(self, token: str = ""):
        self._client = Client(headers={"Authorization": f"Bearer {token}"} if token else {})

    def __call__(self, method: str, path: str, body: Any = None, **options: Any):
        if body is not None and "content_type" not in options:
            options["content_type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body)
        options.setdefault("content_type", "application/octet-stream")  # Django's default; ignored if there is no body
        url = path if path.startswith(("/", "http")) else ROOT + path
        response = self._client.generic(method, url, body or b"", **options)
        if not response.streaming:  # the API streams nothing; pictures and files are not part of it
            openapi.check_response(method, response.request["PATH_INFO"], response.status_code, response.content)
        return response

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
        """Sends a message to a conversation. `fields` are added to the JSON body of the request."""
        message = {"client_id": str(uuid.uuid4()), "body": body, **fields}
        return self.post(f"conversations/{conversation_id}/messages/", message)


@pytest.fixture
def api():
    """Returns a function: `api(alice)` returns a client with an access token of alice, `api()` a client without token.

    If the function is called again with the same user, it returns the same client.
    """
    clients: dict[int, ApiClient] = {}

    def get_client(user=None) -> ApiClient:
        if user is None:
            return ApiClient()
        if user.pk not in clients:
            clients[user.pk] = ApiClient(tokens.issue_token_pair(user).access)
        return clients[user.pk]

    return get_client


def assert_error(response, code: str, status: int, *fields: str) -> dict:
    """Asserts the error code and status of a response and, if `fields` are given, the names of its invalid fields.

    Returns the body of the response.
    """
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert body["detail"]
    assert response.headers["Content-Type"].startswith("application/json")
    assert set(body) <= {"code", "detail", "fields", "retry_after"}
    if fields:
        assert set(body["fields"]) == set(fields), body
        assert all(isinstance(word, str) and word for words in body["fields"].values() for word in words)
    return body
