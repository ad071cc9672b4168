"""Fixtures of tests of accounts: published events, API clients, rate limits and hashed passwords."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import get_hasher
from django.core.cache import cache
from django.test import Client

from messenger.core import rate_limits
from messenger.live.events import Disconnect, Event, UserEvent, set_publisher
from tests.servers import PASSWORD


@pytest.fixture(autouse=True)
def empty_cache():
    """Empties the cache, in which allauth counts requests by user id. Users of different tests have the same ids."""
    cache.clear()


class PublishedEvents(list[Event]):
    """A list of the events that actions (functions that change data) have published, in order of publication."""

    def disconnects(self) -> list[Disconnect]:
        return [events for events in self if isinstance(events, Disconnect)]

    def for_user(self, user) -> list[UserEvent]:
        return [events for events in self if isinstance(events, UserEvent) and events.user_id == user.pk]


@pytest.fixture
def published_events(transactional_db):
    events = PublishedEvents()
    set_publisher(events.extend)
    yield events
    set_publisher(None)


class Api(Client):
    """An API client that sends JSON bodies and, after `sign_in`, a bearer token."""

    access = ""

    def request(self, **environ):
        if self.access:
            environ.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.access}")
        return super().request(**environ)

    def send(self, method: str, path: str, data=None, **extra):
        extra.setdefault("content_type", "application/json")
        return getattr(self, method)(f"/api/v1/{path}", data if data is not None else {}, **extra)

    def sign_in(self, login: str, password: str = PASSWORD, **extra) -> dict:
        response = self.send("post", "auth/token/", {"login": login, "password": password}, **extra)
        assert response.status_code == 200, response.json()
        self.access = response.json()["access"]
        return response.json()


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
def hashed_passwords(monkeypatch) -> list[str]:
    """Returns a list that records each password that is hashed.

    Hashing takes most of the time of a request. So every sign-in or sign-up must hash the same number of passwords;
    otherwise the time would reveal whether an account exists.
    """
    hasher, hashed = type(get_hasher()), []
    original = hasher.encode

    def encode(self, password, salt):
        hashed.append(password)
        return original(self, password, salt)

    monkeypatch.setattr(hasher, "encode", encode)
    return hashed


@pytest.fixture
def rate_limits_on(settings):
    """Turns on the rate limits of the site, which are off in other tests.

    All counters of attempts are set to 0 before and after the test.
    """
    settings.LIMITS = True
    rate_limits.reset_all()
    yield
    rate_limits.reset_all()
