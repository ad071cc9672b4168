"""Whoever reads pages or asks the API is here, too, and pays nothing for it."""

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
from presence.middleware import SignsOfLife
from presence.tracker import Tracker

ALICE = SimpleNamespace(pk=1, is_authenticated=True)


@pytest.fixture
def request_of(rf):
    def make(user, **cookies):
        request = rf.get("/")
        request.user = user
        request.COOKIES.update(cookies)
        return request

    return make


def answer(request):
    return HttpResponse("hello")


async def answer_later(request):
    return HttpResponse("hello")


async def test_both_kinds_of_requests_count(here: Tracker, request_of):
    SignsOfLife(answer)(request_of(ALICE))
    assert here.online_now([1, 2]) == {1}
    bob = SimpleNamespace(pk=2, is_authenticated=True)
    assert (await SignsOfLife(answer_later)(request_of(bob))).content == b"hello"
    assert here.online_now([1, 2]) == {1, 2}


def test_nobody_is_asked_who_they_are(here: Tracker, request_of):
    def look():
        raise AssertionError("A query, for no reason.")

    SignsOfLife(answer)(request_of(SimpleLazyObject(look)))
    assert here.head_count_now() == 0


def test_who_was_looked_up_by_others_is_known(here: Tracker, request_of, settings, monkeypatch):
    monkeypatch.setattr(middleware, "signed_in_by", lambda request: SimpleNamespace(user_id=1))
    request = request_of(SimpleLazyObject(lambda: 1 / 0), **{settings.SESSION_COOKIE_NAME: "x"})
    SignsOfLife(answer)(request)
    assert here.online_now([1]) == {1}


def test_a_page_costs_no_query_more(here: Tracker, client, alice, monkeypatch, django_assert_num_queries):
    client.force_login(alice)
    with monkeypatch.context() as without:
        without.setattr(SignsOfLife, "_note", lambda self, request: None)
        client.get("/settings/")  # what is done once is done
        with CaptureQueriesContext(connection) as usual:
            client.get("/settings/")
    assert here.online_now([alice.pk]) == set()
    with django_assert_num_queries(len(usual)):
        client.get("/settings/")
    assert here.online_now([alice.pk]) == {alice.pk}


def test_who_has_just_signed_out_is_gone(here: Tracker, request_of, settings, monkeypatch):
    monkeypatch.setattr(middleware, "signed_in_by", lambda request: SimpleNamespace(user_id=1))
    request = request_of(ALICE, **{settings.SESSION_COOKIE_NAME: "x"})

    def sign_out(request):
        request.user = AnonymousUser()
        return HttpResponse()

    SignsOfLife(sign_out)(request)
    assert here.head_count_now() == 0


def test_their_browser_is_no_visitor_any_more(here: Tracker, request_of):
    response = HttpResponse()
    visitor_cookie.remember(response, "a-browser")
    here.beat_now("b:a-browser")
    SignsOfLife(answer)(request_of(ALICE, browser=response.cookies["browser"].value))
    assert here.head_count_now() == 1


def test_many_requests_are_written_down_once(here: Tracker, request_of, monkeypatch):
    written = []
    monkeypatch.setattr(here, "_sign", written.append)
    for _ in range(100):
        SignsOfLife(answer)(request_of(ALICE))
    assert len(written) == 1
    monkeypatch.setattr(tracker_module, "NOTICE_GAP", 0.0)
    SignsOfLife(answer)(request_of(ALICE))
    assert len(written) == 2


def test_no_more_people_are_remembered_than_came_lately(here: Tracker, monkeypatch):
    monkeypatch.setattr(tracker_module, "NOTICED_AT_MOST", 10)
    monkeypatch.setattr(tracker_module, "NOTICE_GAP", 0.01)
    for user_id in range(10):
        here.notice(user_id)
    time.sleep(0.02)
    here.notice(11)
    assert len(here._noticed) == 1
