"""Fixtures for tests of notifications: a push service on this machine, and browsers that are subscribed to it."""

from __future__ import annotations

import base64
import json
import os
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accounts.auth import sign_ins
from accounts.models import SignIn
from notifications import subscriptions
from notifications.push import vapid
from tests.api.conftest import api  # noqa: F401 (the fixture)


@dataclass
class ReceivedPush:
    """A request that the push service has received."""

    path: str
    headers: dict[str, str]
    body: bytes


class PushService:
    """A push service: stores what it receives. `answer` maps a path to the status that it answers, else 201."""

    def __init__(self) -> None:
        self.received: list[ReceivedPush] = []
        self.answers: dict[str, int] = {}
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.received.append(ReceivedPush(self.path, dict(self.headers), body))
                self.send_response(service.answers.get(self.path, 201))
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Browser:
    """A browser that is subscribed: it has the private key, so it can decrypt what the push service receives."""

    service: PushService
    path: str
    private_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def endpoint(self) -> str:
        return self.service.url + self.path

    @property
    def p256dh(self) -> str:
        return encode(self.private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    @property
    def requests(self) -> list[ReceivedPush]:
        return [push for push in self.service.received if push.path == self.path]

    @property
    def pushes(self) -> list[dict[str, Any]]:
        """The decrypted contents of all push messages, oldest first."""
        return [
            json.loads(http_ece.decrypt(push.body, private_key=self.private_key, auth_secret=self.auth))
            for push in self.requests
        ]


@pytest.fixture
def push_service(settings, tmp_path):
    settings.PUSH_TO_LOOPBACK = True
    settings.DATA_DIR = tmp_path
    vapid.create_key_file()
    service = PushService()
    yield service
    service.close()


@pytest.fixture
def subscribe(push_service, database):
    """Returns a function: `subscribe(bob)` signs bob in with a browser that gets push messages."""

    def add(user, sign_in: SignIn | None = None) -> Browser:
        sign_in = sign_in or sign_ins.start_sign_in(user, SignIn.Kind.BROWSER, user_agent="Firefox/140.0 Linux")
        browser = Browser(push_service, f"/{len(subscriptions.PushSubscription.objects.all())}-{user.username}")
        subscriptions.subscribe(sign_in, browser.endpoint, browser.p256dh, encode(browser.auth))
        return browser

    return add


@pytest.fixture
def deliver(database):
    """Returns a function that executes what the worker would do: expands the outbox and sends push messages."""
    from notifications import expansion
    from notifications.models import PendingPush
    from notifications.push import sending

    def run() -> int:
        from django.utils import timezone

        expansion.expand_outbox()
        PendingPush.objects.update(due_at=timezone.now())
        return sending.send_due_pushes()

    return run


@pytest.fixture
def send(database):
    """Returns a function: `send(alice, conversation, "hello")` sends a message and returns its schema."""
    import uuid

    from chat.actions.sending import SendCommand, send_many
    from chat.payloads import SendPayload

    def run(user, conversation, body: str = "hello", **fields):
        [outcome] = send_many([SendCommand(user.pk, SendPayload(conversation.pk, uuid.uuid4(), body, **fields))])
        return outcome.message

    return run


@pytest.fixture
def read(database):
    """Returns a function: `read(bob, conversation, 3)` moves bob's read marker, as a device of bob does."""
    from chat.actions.read_markers import MarkerMove, move_markers

    def run(user, conversation, seq: int):
        move_markers([MarkerMove(user.pk, conversation.pk, seq)])

    return run
