"""Tests that the application checks the size and charset of request bodies before Django parses them.

Also tests that rejected requests are logged.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress

import pytest
from django.core.exceptions import DisallowedHost
from django.test import Client
from django.utils.module_loading import import_string

from messenger import settings as shipped
from messenger.asgi import application

pytestmark = pytest.mark.usefixtures("transactional_db")
CHUNK = 64 * 1024


async def ask(path: str, *headers: tuple[str, str], chunks: int = 0, chunk: int = CHUNK) -> tuple[int, bytes, int]:
    """Sends a POST request to the ASGI application. The body is sent in `chunks` parts of `chunk` bytes each.

    Returns the status, the response body, and how many parts the application had read when it responded.
    """
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), *((name.encode(), value.encode()) for name, value in headers)],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 8000),
    }
    sent: list[dict] = []
    taken, answered = 0, asyncio.Event()

    async def receive():
        nonlocal taken
        if taken < chunks and not answered.is_set():
            taken += 1
            return {"type": "http.request", "body": b"x" * chunk, "more_body": taken < chunks}
        if not chunks and not taken:
            taken = 1
            return {"type": "http.request", "body": b"", "more_body": False}
        await answered.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    with suppress(asyncio.CancelledError):
        await asyncio.wait_for(application(scope, receive, send), 20)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], body, taken


@pytest.mark.parametrize(
    ("path", "most"),
    [
        *(("/accounts/login/", 2**20), ("/api/v1/auth/token/", 2**20), ("/api/v1/nothing/", 2**20)),
        *(("/settings/", 6 * 2**20), ("/api/v1/me/avatar/", 6 * 2**20)),
    ],
)
async def test_a_body_that_is_too_large_is_rejected_by_its_length_and_while_reading(path, most):
    length = ("content-length", str(most + 1))
    for headers, chunks in (((length,), 0), ((("transfer-encoding", "chunked"),), most // CHUNK + 2)):
        status, body, _taken = await ask(path, *headers, chunks=chunks)
        assert status == 413
        if path.startswith("/api/"):
            assert json.loads(body)["code"] == "too_large"
        else:
            assert b'class="auth-page"' in body
    fits, _body, _taken = await ask(path, ("content-length", str(most)), ("content-type", "text/plain"))
    assert fits != 413


async def test_a_body_with_an_invalid_length_is_counted():
    for length in ("-5", "9" * 40, "1e9", ""):
        status, _body, _taken = await ask("/accounts/login/", ("content-length", length), chunks=20)
        assert status == 413


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "zip", "base64", "latin-1", "idna", "nonsense", ""])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_another_charset_is_rejected_before_the_body_is_parsed(kind, charset):
    client = Client(enforce_csrf_checks=True)
    content_type = f"{kind}; charset={charset}"
    for path in ("/accounts/login/", "/", "/api/v1/auth/token/", "/admin/login/"):
        # `client.post` cannot be used here, because it would encode the data in this charset.
        response = client.generic("POST", path, b"login=+AGE-&password=b", content_type)
        assert response.status_code == 415, (path, response.content[:200])
        if path.startswith("/api/"):
            assert response.json()["code"] == "unsupported"
        else:
            assert b'class="auth-page"' in response.content


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8", '"utf-8"'])
def test_utf_8_is_accepted(alice, charset):
    content_type = f"application/x-www-form-urlencoded; charset={charset}"
    response = Client().post("/accounts/login/", b"login=alice&password=let-me-talk", content_type=content_type)
    assert response.status_code == 302


# ── Logs ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def shipped_log(caplog):
    """Returns a function that returns the lines of the log, formatted as on a real site (messenger/settings.py)."""
    console = shipped.LOGGING["handlers"]["console"]
    for name in console["filters"]:
        caplog.handler.addFilter(import_string(shipped.LOGGING["filters"][name]["()"])())
    form = shipped.LOGGING["formatters"][console["formatter"]]
    caplog.handler.setFormatter(logging.Formatter(form["format"], style=form["style"]))
    yield lambda: caplog.text.splitlines()
    caplog.handler.filters.clear()


def test_a_rejected_request_is_one_warning_in_the_log(shipped_log):
    assert Client().get("/accounts/login/", headers={"host": "evil.example"}).status_code == 400
    many = "&".join(f"a{n}=" for n in range(1_100))
    response = Client().post("/accounts/login/", many, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400
    lines = shipped_log()
    assert len(lines) == 2 and all(" WARNING django.security." in line for line in lines), lines


def test_an_unexpected_error_is_logged_with_traceback(shipped_log):
    try:
        raise DisallowedHost("as text in a fault of ours")
    except DisallowedHost:
        logging.getLogger("messenger.rest.exceptions").exception("Unexpected error")
    lines = shipped_log()
    assert " ERROR messenger.rest.exceptions" in lines[0] and lines[1].startswith("Traceback")
