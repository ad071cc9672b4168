"""Tests of the format of requests and of errors, for all endpoints of the API."""

from __future__ import annotations

import io
import json
import logging

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.db import OperationalError
from django.test import Client, override_settings

from accounts.auth import sign_ins
from chat import selectors
from messenger.core import rate_limits
from messenger.middleware import chunked_body_length
from tests.api.conftest import ROOT, assert_error

BIG = 2**63

pytestmark = pytest.mark.usefixtures("transactional_db")


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b'"text"',
        b"null",
        b'{"title": NaN}',
        b'{"title": Infinity}',
        b'{"title": -Infinity}',
        b'{"title": 1e999}',
        b'{"title": "\\ud800"}',
        b'{"title": "\\udc00\\ud800"}',
        b'{"title": "\xed\xa0\x80"}',
        b'{"title": "\xff"}',
        b'{"\\ud800": 1}',
        b'{"title": ' + b"[" * 100_000,
        b'{"title": ' * 50_000 + b"1" + b"}" * 50_000,
        b'{"title": ' + b"9" * 10_000 + b"}",
        b"\xef\xbb\xbf{}",
        b'{"kind": "group", "title": "x"} {}',
        json.dumps({"kind": "group", "title": "x"}).encode("utf-16"),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_no_json_object_is_invalid(api, alice, body):
    assert_error(api(alice).post("conversations/", body), "invalid", 400)


def test_a_body_of_another_type_is_unsupported(api, alice, group):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x"):
        for path in ("conversations/", f"conversations/{group.pk}/messages/", f"conversations/{group.pk}/read/"):
            assert_error(api(alice).post(path, b"kind=group", content_type=content_type), "unsupported", 415)


def test_another_type_is_refused_in_a_browsers_session_too(alice, group):
    browser = Client()
    browser.force_login(alice)
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        response = browser.post(f"{ROOT}conversations/", b"kind=group", content_type=content_type)
        assert response.status_code == 415, response.content


def test_a_body_above_the_limit_is_too_large(api, alice):
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000):
        fits = json.dumps({"kind": "group", "title": "x", "more": "y" * 900}).encode()
        assert api(alice).post("conversations/", fits).status_code == 201
        assert_error(api(alice).post("conversations/", fits + b" " * 1000), "too_large", 413)


def test_a_chunked_body_gets_a_content_length():
    """The middleware adds the header Content-Length to a request whose body is sent in chunks, without this header.

    This is possible because the ASGI server reads the whole body before it calls Django.
    """
    headers = [(b"transfer-encoding", b"chunked"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    request = ASGIRequest(scope, io.BytesIO(b'{"a": 1}'))
    chunked_body_length(lambda request: None)(request)
    assert request.META["CONTENT_LENGTH"] == "8" and request.read() == b'{"a": 1}'


def test_unknown_fields_are_ignored(api, alice):
    body = {"kind": "group", "title": "Mine", "id": 7, "owner_id": 99, "version": 5, "created_at": "1999", "x": [{}]}
    made = api(alice).post("conversations/", body).json()
    assert made["title"] == "Mine" and made["owner_id"] == alice.pk and made["id"] != 7


@pytest.mark.parametrize("wrong", [None, True, 5, 1.5, [], {}, "", "NUL \x00", "x" * 81])
def test_a_text_field_accepts_only_strings(api, alice, wrong):
    assert_error(api(alice).post("conversations/", {"kind": "group", "title": wrong}), "invalid", 400, "title")


@pytest.mark.parametrize("wrong", [None, True, "x", [], {}, 1.5, -1, 0, BIG, 10**40])
def test_an_id_field_accepts_only_ids(api, alice, wrong):
    assert_error(api(alice).post("conversations/", {"kind": "direct", "user_id": wrong}), "invalid", 400, "user_id")


@pytest.mark.parametrize("wrong", [None, True, "1,2", 5, {}, [0], ["x"], [None], [BIG], [[1]], list(range(1, 502))])
def test_a_list_of_ids_accepts_only_ids(api, alice, wrong):
    body = {"kind": "group", "title": "x", "user_ids": wrong}
    assert_error(api(alice).post("conversations/", body), "invalid", 400, "user_ids")


@pytest.mark.parametrize("wrong", [None, 1, 0, "true", "false", [], {}])
def test_a_boolean_field_accepts_only_true_and_false(api, alice, group, wrong):
    assert_error(api(alice).patch(f"conversations/{group.pk}/mine/", {"muted": wrong}), "invalid", 400, "muted")


# ── Paths and methods ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "path", ["nothing/", "nothing", "conversation", "conversations/x/", f"conversations/{BIG}/", "../"]
)
def test_an_unknown_path_is_not_found_in_json(api, alice, path):
    for caller in (api(alice), api()):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            assert_error(caller(method, path), "not_found", 404)


def test_the_slash_at_the_end_of_a_path_may_be_omitted(api, alice, group):
    """An API path without the slash at its end gives the same response, for every method and without a redirect."""
    made = api(alice).post("conversations", {"kind": "group", "title": "Without"})
    assert made.status_code == 201 and made.json()["title"] == "Without"
    path = f"conversations/{made.json()['id']}"
    for query in ("", "?limit=1"):
        assert api(alice).get(path + query).json() == api(alice).get(f"{path}/{query}").json()
    assert api(alice).patch(path, {"title": "Changed"}).json()["title"] == "Changed"
    assert api(alice).get("users?q=bob").json()["results"] == api(alice).get("users/?q=bob").json()["results"]
    assert api()("POST", "auth/token", {"login": "nobody", "password": "x"}).status_code == 401
    assert api(alice)("DELETE", path).status_code == 204
    assert_error(api(alice).get(path), "not_found", 404)
    assert Client().get("/api/schema").status_code == 200


def test_the_largest_id_is_not_found(api, alice):
    for path in ("conversations/{}/", "messages/{}/", "conversations/{}/messages/", "conversations/{}/changes/"):
        assert_error(api(alice).get(path.format(BIG - 1)), "not_found", 404)
        assert_error(api(alice).get(path.format(0)), "not_found", 404)


def test_a_wrong_method_lists_the_allowed_ones(api, alice, group):
    response = api(alice)("PUT", f"conversations/{group.pk}/", {})
    assert_error(response, "method_not_allowed", 405)
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}


def test_head_is_get_without_a_body(api, alice, group):
    path = f"conversations/{group.pk}/messages/"
    response = api(alice)("HEAD", path)
    assert response.status_code == 200 and response.content == b""
    assert api(alice)("HEAD", "conversations/999/").status_code == 404


def test_options_returns_only_the_methods(api, alice, group):
    mine, nobodys = (api(alice)("OPTIONS", f"conversations/{pk}/") for pk in (group.pk, 999_999))
    assert mine.json() == nobodys.json() == {"methods": ["GET", "PATCH", "DELETE", "HEAD", "OPTIONS"]}


def test_the_response_is_json_for_every_accept_header(api, alice):
    for accept in ("text/html", "application/xml", "*/*", "nonsense"):
        response = api(alice).get("conversations/", headers={"Accept": accept})
        assert response.status_code == 200 and response.headers["Content-Type"] == "application/json"
    assert api(alice).get("conversations/?format=xml").status_code == 200


# ── Authentication ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_request_without_credentials_is_unauthenticated(api, group):
    for path in ("conversations/", f"conversations/{group.pk}/", "conversations/999999/", "mentions/"):
        response = api().get(path)
        assert_error(response, "unauthenticated", 401)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_bad_bearer_never_falls_back_to_the_cookie(alice):
    browser = Client()
    browser.force_login(alice)
    assert browser.get(f"{ROOT}conversations/").status_code == 200
    for credentials in ("Bearer nonsense", "Bearer", "Bearer ", "Bearer a b", "Bearer é"):
        response = browser.get(f"{ROOT}conversations/", headers={"Authorization": credentials})
        assert_error(response, "unauthenticated", 401)


def test_a_session_needs_the_csrf_token_to_change_anything(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    body = {"kind": "group", "title": "x"}
    response = browser.post(f"{ROOT}conversations/", body, content_type="application/json")
    assert_error(response, "forbidden", 403)


# ── Limits and faults ────────────────────────────────────────────────────────────────────────────────────────────
def test_rate_limit(api, alice, bob, settings):
    settings.RATES = settings.RATES | {"api.person": (3, 0.5)}
    alice_api, bob_api = api(alice), api(bob)
    rate_limits.reset_all()
    with override_settings(LIMITS=True):
        responses = [alice_api.get("conversations/") for _ in range(4)]
        assert [response.status_code for response in responses] == [200, 200, 200, 429]
        body = assert_error(responses[3], "rate_limited", 429)
        assert 0 < body["retry_after"] <= 2
        assert 0 < int(responses[3].headers["Retry-After"]) <= 2
        assert bob_api.get("conversations/").status_code == 200
    rate_limits.reset_all()


def test_an_unreachable_database_is_unavailable(api, alice, monkeypatch):
    def away(*_args, **_options):
        raise OperationalError("connection to server lost\nDETAIL: with internals")

    monkeypatch.setattr(selectors, "list_conversations", away)
    response = api(alice).get("conversations/")
    body = assert_error(response, "unavailable", 503)
    assert "internals" not in body["detail"] and response.headers["Retry-After"] == "1"


def test_an_unreachable_database_in_a_middleware_is_unavailable(alice, monkeypatch):
    """If the database is unreachable when a middleware loads the user's session, the response has status 503."""

    def away(*_args):
        raise OperationalError("connection to server lost")

    browser = Client(raise_request_exception=False)
    browser.force_login(alice)
    monkeypatch.setattr(sign_ins, "sign_in_for_session", away)
    response = browser.get(f"{ROOT}conversations/")
    assert_error(response, "unavailable", 503)
    assert response.headers["Retry-After"] == "1"
    page = browser.get("/")
    assert page.status_code == 503 and page.headers["Retry-After"] == "1" and "<html" in page.content.decode()


def test_an_unexpected_error_is_logged_and_reveals_nothing(api, alice, monkeypatch, caplog):
    def broken(*_args, **_options):
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(selectors, "list_conversations", broken)
    caller = api(alice)
    caller._client.raise_request_exception = False
    with caplog.at_level(logging.ERROR, "messenger.rest.exceptions"):
        response = caller.get("conversations/")
    assert response.status_code == 500 and response.json()["code"] == "internal"
    assert "secret" not in response.content.decode() and "Traceback" not in response.content.decode()
    assert "a secret detail" in caplog.text
    with pytest.raises(RuntimeError):  # by default, Django's test client raises the exception
        api(alice)._client.raise_request_exception = True
        api(alice).get("conversations/")


# ── Other origins ────────────────────────────────────────────────────────────────────────────────────────────────
LISTED, OTHER = "https://app.example.org", "https://app.example.org:8443"


@override_settings(CORS_ALLOWED_ORIGINS=[LISTED])
def test_pages_of_listed_origins_may_call_the_api_with_a_token(api, alice, group):
    path = f"{ROOT}conversations/{group.pk}/"
    asked = {"access-control-request-method": "PATCH", "access-control-request-headers": "authorization, content-type"}
    preflight = Client().options(path, headers={"origin": LISTED, **asked})
    assert preflight.status_code == 200 and preflight["Access-Control-Allow-Origin"] == LISTED
    assert "PATCH" in preflight["Access-Control-Allow-Methods"]
    assert {"authorization", "content-type"} <= set(preflight["Access-Control-Allow-Headers"].split(", "))
    for url in (path, path.rstrip("/"), f"{ROOT}nothing/"):
        answer = Client().get(url, headers={"origin": LISTED})
        assert answer["Access-Control-Allow-Origin"] == LISTED, "errors can be read too"
        assert "Access-Control-Allow-Credentials" not in answer, "no cookies"


@pytest.mark.parametrize("origin", [OTHER, "http://app.example.org", "null", "https://evil.example"])
@override_settings(CORS_ALLOWED_ORIGINS=[LISTED])
def test_pages_of_other_origins_may_not_call_the_api(origin, alice):
    assert "Access-Control-Allow-Origin" not in Client().get(f"{ROOT}me/", headers={"origin": origin})


@override_settings(CORS_ALLOWED_ORIGINS=[LISTED])
def test_pages_of_listed_origins_may_not_read_pages(alice):
    assert "Access-Control-Allow-Origin" not in Client().get("/accounts/login/", headers={"origin": LISTED})
