"""The form of requests and of refusals, whatever the endpoint."""

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
from messenger.api import chunked_bodies
from messenger.core import rate_limits
from tests.api.conftest import ROOT, refused

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
    refused(api(alice).post("conversations/", body), "invalid", 400)


def test_a_body_of_another_type_is_unsupported(api, alice, room):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x"):
        for path in ("conversations/", f"conversations/{room.pk}/messages/", f"conversations/{room.pk}/read/"):
            refused(api(alice).post(path, b"kind=group", content_type=content_type), "unsupported", 415)


def test_another_type_is_refused_in_a_browsers_session_too(alice, room):
    browser = Client()
    browser.force_login(alice)
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = browser.post(f"{ROOT}conversations/", b"kind=group", content_type=content_type)
        assert answer.status_code == 415, answer.content


def test_a_body_above_the_limit_is_too_large(api, alice):
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000):
        fits = json.dumps({"kind": "group", "title": "x", "more": "y" * 900}).encode()
        assert api(alice).post("conversations/", fits).status_code == 201
        refused(api(alice).post("conversations/", fits + b" " * 1000), "too_large", 413)


def test_a_body_in_chunks_has_a_length_too():
    """As servers hand it over: whole, and without a Content-Length."""
    headers = [(b"transfer-encoding", b"chunked"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    request = ASGIRequest(scope, io.BytesIO(b'{"a": 1}'))
    chunked_bodies(lambda request: None)(request)
    assert request.META["CONTENT_LENGTH"] == "8" and request.read() == b'{"a": 1}'


def test_fields_that_are_not_named_are_ignored(api, alice):
    body = {"kind": "group", "title": "Mine", "id": 7, "owner_id": 99, "version": 5, "created_at": "1999", "x": [{}]}
    made = api(alice).post("conversations/", body).json()
    assert made["title"] == "Mine" and made["owner_id"] == alice.pk and made["id"] != 7


@pytest.mark.parametrize("wrong", [None, True, 5, 1.5, [], {}, "", "NUL \x00", "x" * 81])
def test_a_text_field_takes_a_text(api, alice, wrong):
    refused(api(alice).post("conversations/", {"kind": "group", "title": wrong}), "invalid", 400, "title")


@pytest.mark.parametrize("wrong", [None, True, "x", [], {}, 1.5, -1, 0, BIG, 10**40])
def test_an_id_field_takes_an_id(api, alice, wrong):
    refused(api(alice).post("conversations/", {"kind": "direct", "user_id": wrong}), "invalid", 400, "user_id")


@pytest.mark.parametrize("wrong", [None, True, "1,2", 5, {}, [0], ["x"], [None], [BIG], [[1]], list(range(1, 502))])
def test_a_list_of_ids_takes_ids(api, alice, wrong):
    body = {"kind": "group", "title": "x", "user_ids": wrong}
    refused(api(alice).post("conversations/", body), "invalid", 400, "user_ids")


@pytest.mark.parametrize("wrong", [None, 1, 0, "true", "false", [], {}])
def test_a_flag_takes_true_or_false(api, alice, room, wrong):
    refused(api(alice).patch(f"conversations/{room.pk}/mine/", {"muted": wrong}), "invalid", 400, "muted")


# ── Paths and methods ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", ["", "nothing/", "conversations", "conversations/x/", f"conversations/{BIG}/", "../"])
def test_an_unknown_path_is_not_found_in_json(api, alice, path):
    for caller in (api(alice), api()):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            refused(caller(method, path), "not_found", 404)


def test_the_largest_id_is_simply_not_there(api, alice):
    for path in ("conversations/{}/", "messages/{}/", "conversations/{}/messages/", "conversations/{}/changes/"):
        refused(api(alice).get(path.format(BIG - 1)), "not_found", 404)
        refused(api(alice).get(path.format(0)), "not_found", 404)


def test_a_wrong_method_says_which_are_right(api, alice, room):
    answer = api(alice)("PUT", f"conversations/{room.pk}/", {})
    refused(answer, "method_not_allowed", 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}


def test_head_is_get_without_a_body(api, alice, room):
    path = f"conversations/{room.pk}/messages/"
    answer = api(alice)("HEAD", path)
    assert answer.status_code == 200 and answer.content == b""
    assert api(alice)("HEAD", "conversations/999/").status_code == 404


def test_options_names_the_methods_and_nothing_else(api, alice, room):
    mine, nobodys = (api(alice)("OPTIONS", f"conversations/{pk}/") for pk in (room.pk, 999_999))
    assert mine.json() == nobodys.json() == {"methods": ["GET", "PATCH", "DELETE", "HEAD", "OPTIONS"]}


def test_json_is_answered_whatever_is_accepted(api, alice):
    for accept in ("text/html", "application/xml", "*/*", "nonsense"):
        answer = api(alice).get("conversations/", headers={"Accept": accept})
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
    assert api(alice).get("conversations/?format=xml").status_code == 200


# ── Who is asking ────────────────────────────────────────────────────────────────────────────────────────────────
def test_nobody_is_unauthenticated(api, room):
    for path in ("conversations/", f"conversations/{room.pk}/", "conversations/999999/", "mentions/"):
        answer = api().get(path)
        refused(answer, "unauthenticated", 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_bad_bearer_never_falls_back_to_the_cookie(alice):
    browser = Client()
    browser.force_login(alice)
    assert browser.get(f"{ROOT}conversations/").status_code == 200
    for credentials in ("Bearer nonsense", "Bearer", "Bearer ", "Bearer a b", "Bearer é"):
        answer = browser.get(f"{ROOT}conversations/", headers={"Authorization": credentials})
        refused(answer, "unauthenticated", 401)


def test_a_session_needs_the_csrf_token_to_change_anything(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    body = {"kind": "group", "title": "x"}
    answer = browser.post(f"{ROOT}conversations/", body, content_type="application/json")
    refused(answer, "forbidden", 403)


# ── Limits and faults ────────────────────────────────────────────────────────────────────────────────────────────
def test_whoever_asks_too_fast_waits(api, alice, bob, monkeypatch):
    monkeypatch.setattr("messenger.api.ASK_BURST", 3)
    monkeypatch.setattr("messenger.api.ASK_PER_SECOND", 0.5)
    hers, his = api(alice), api(bob)
    rate_limits.reset_all()
    with override_settings(LIMITS=True):
        answers = [hers.get("conversations/") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        body = refused(answers[3], "rate_limited", 429)
        assert 0 < body["retry_after"] <= 2
        assert 0 < int(answers[3].headers["Retry-After"]) <= 2
        assert his.get("conversations/").status_code == 200
    rate_limits.reset_all()


def test_a_database_that_is_away_is_said_so(api, alice, monkeypatch):
    def away(*_args, **_options):
        raise OperationalError("connection to server lost\nDETAIL: with internals")

    monkeypatch.setattr(selectors, "list_conversations", away)
    answer = api(alice).get("conversations/")
    body = refused(answer, "unavailable", 503)
    assert "internals" not in body["detail"] and answer.headers["Retry-After"] == "1"


def test_a_database_that_is_away_before_any_view_is_said_so_too(alice, monkeypatch):
    """A session is read by a middleware."""

    def away(*_args):
        raise OperationalError("connection to server lost")

    browser = Client(raise_request_exception=False)
    browser.force_login(alice)
    monkeypatch.setattr(sign_ins, "of_session", away)
    answer = browser.get(f"{ROOT}conversations/")
    refused(answer, "unavailable", 503)
    assert answer.headers["Retry-After"] == "1"
    page = browser.get("/")
    assert page.status_code == 503 and page.headers["Retry-After"] == "1" and "<html" in page.content.decode()


def test_a_fault_of_ours_is_logged_and_shows_nothing(api, alice, monkeypatch, caplog):
    def broken(*_args, **_options):
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(selectors, "list_conversations", broken)
    caller = api(alice)
    caller._client.raise_request_exception = False
    with caplog.at_level(logging.ERROR, "messenger.api"):
        answer = caller.get("conversations/")
    assert answer.status_code == 500 and answer.json()["code"] == "internal"
    assert "secret" not in answer.content.decode() and "Traceback" not in answer.content.decode()
    assert "a secret detail" in caplog.text
    with pytest.raises(RuntimeError):  # Django's test client hears of it where it is not told otherwise
        api(alice)._client.raise_request_exception = True
        api(alice).get("conversations/")
