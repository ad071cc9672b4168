"""Tests that a user who is signed in counts as online after an HTTP request, without additional database queries."""

import time
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject

from presence import middleware, visitor_cookie
from presence import tracker as tracker_module
from presence.middleware import ActivityMiddleware
from presence.tracker import PresenceTracker

ALICE = SimpleNamespace(pk=1, is_authenticated=True)


@pytest.fixture
def make_request(rf):
    def make(user, **cookies):
        request = rf.get("/")
        request.user = user
        request.COOKIES.update(cookies)
        return request

    return make


def view(request):
    return HttpResponse("hello")


async def async_view(request):
    return HttpResponse("hello")


async def test_sync_and_async_requests_count_as_activity(presence_tracker: PresenceTracker, make_request):
    ActivityMiddleware(view)(make_request(ALICE))
    assert presence_tracker.get_online_users([1, 2]) == {1}
    bob = SimpleNamespace(pk=2, is_authenticated=True)
    assert (await ActivityMiddleware(async_view)(make_request(bob))).content == b"hello"
    assert presence_tracker.get_online_users([1, 2]) == {1, 2}


def test_the_middleware_does_not_load_the_user(presence_tracker: PresenceTracker, make_request):
    def load_user():
        raise AssertionError("The middleware loaded the user.")

    ActivityMiddleware(view)(make_request(SimpleLazyObject(load_user)))
    assert presence_tracker.get_head_count() == 0


def test_a_sign_in_loaded_by_another_middleware_is_used(
    presence_tracker: PresenceTracker, make_request, settings, monkeypatch
):
    monkeypatch.setattr(middleware, "get_sign_in", lambda request: SimpleNamespace(user_id=1))
    request = make_request(SimpleLazyObject(lambda: 1 / 0), **{settings.SESSION_COOKIE_NAME: "x"})
    ActivityMiddleware(view)(request)
    assert presence_tracker.get_online_users([1]) == {1}


def test_the_middleware_adds_no_query_to_a_page(
    presence_tracker: PresenceTracker, client, alice, monkeypatch, django_assert_num_queries
):
    client.force_login(alice)
    with monkeypatch.context() as patch:
        patch.setattr(ActivityMiddleware, "_record", lambda self, request: None)
        client.get("/settings/")  # fills caches, so that the second request makes the usual queries
        with CaptureQueriesContext(connection) as usual_queries:
            client.get("/settings/")
    assert presence_tracker.get_online_users([alice.pk]) == set()
    with django_assert_num_queries(len(usual_queries)):
        client.get("/settings/")
    assert presence_tracker.get_online_users([alice.pk]) == {alice.pk}


def test_a_request_that_signs_out_is_no_activity(
    presence_tracker: PresenceTracker, make_request, settings, monkeypatch
):
    monkeypatch.setattr(middleware, "get_sign_in", lambda request: SimpleNamespace(user_id=1))
    request = make_request(ALICE, **{settings.SESSION_COOKIE_NAME: "x"})

    def sign_out(request):
        request.user = AnonymousUser()
        return HttpResponse()

    ActivityMiddleware(sign_out)(request)
    assert presence_tracker.get_head_count() == 0


def test_the_browser_of_a_signed_in_user_is_not_counted_as_a_visitor(presence_tracker: PresenceTracker, make_request):
    response = HttpResponse()
    visitor_cookie.set_browser_cookie(response, "a-browser")
    presence_tracker.record_heartbeat("b:a-browser")
    ActivityMiddleware(view)(make_request(ALICE, browser=response.cookies["browser"].value))
    assert presence_tracker.get_head_count() == 1


def test_many_requests_are_recorded_once(presence_tracker: PresenceTracker, make_request, monkeypatch):
    recorded = []
    monkeypatch.setattr(presence_tracker, "_record", recorded.append)
    for _ in range(100):
        ActivityMiddleware(view)(make_request(ALICE))
    assert len(recorded) == 1
    monkeypatch.setattr(tracker_module, "ACTIVITY_INTERVAL", 0.0)
    ActivityMiddleware(view)(make_request(ALICE))
    assert len(recorded) == 2


def test_old_activities_are_forgotten(presence_tracker: PresenceTracker, monkeypatch):
    monkeypatch.setattr(tracker_module, "MAX_REMEMBERED_ACTIVITIES", 10)
    monkeypatch.setattr(tracker_module, "ACTIVITY_INTERVAL", 0.01)
    for user_id in range(10):
        presence_tracker.record_activity(user_id)
    time.sleep(0.02)
    presence_tracker.record_activity(11)
    assert len(presence_tracker._activity_recorded_at) == 1
