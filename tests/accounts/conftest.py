"""What tests of accounts share."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import get_hasher
from django.test import Client

from messenger.core import rate_limits
from messenger.live.events import Disconnect, Event, UserEvent, set_publisher
from tests.servers import PASSWORD


class Told(list[Event]):
    """What verbs have told after commit."""

    def cuts(self) -> list[Disconnect]:
        return [news for news in self if isinstance(news, Disconnect)]

    def to(self, user) -> list[UserEvent]:
        return [news for news in self if isinstance(news, UserEvent) and news.user_id == user.pk]


@pytest.fixture
def told(transactional_db):
    news = Told()
    set_publisher(news.extend)
    yield news
    set_publisher(None)


class Api(Client):
    """A token client: JSON in, JSON out, no cookies kept on purpose."""

    access = ""

    def request(self, **environ):
        if self.access:
            environ.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.access}")
        return super().request(**environ)

    def send(self, method: str, path: str, data=None, **extra):
        extra.setdefault("content_type", "application/json")
        return getattr(self, method)(f"/api/v1/{path}", data if data is not None else {}, **extra)

    def sign_in(self, login: str, password: str = PASSWORD, **extra) -> dict:
        answer = self.send("post", "auth/token/", {"login": login, "password": password}, **extra)
        assert answer.status_code == 200, answer.json()
        self.access = answer.json()["access"]
        return answer.json()


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def make_api():
    def make(user=None) -> Api:
        client = Api()
        if user:
            client.sign_in(user.username)
        return client

    return make


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """One entry for each time that a password is hashed, which is what takes long in real life."""
    hasher, times = type(get_hasher()), []
    real = hasher.encode

    def encode(self, password, salt):
        times.append(password)
        return real(self, password, salt)

    monkeypatch.setattr(hasher, "encode", encode)
    return times


@pytest.fixture
def limited(settings):
    """Limits as they are shipped, from empty buckets."""
    settings.LIMITS = True
    rate_limits.reset_all()
    yield
    rate_limits.reset_all()
