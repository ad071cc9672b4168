"""Presence through the REST door."""

import json
from datetime import UTC, datetime

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import actions
from accounts.models import User
from messenger.core import rate_limits
from messenger.live.events import EphemeralEvent
from presence import hooks, typing_state
from presence.tracker import Tracker

ROOM, OTHER = 12, 13
API = "/api/v1/"


@pytest.fixture
def api():
    """`api(person)` is a client of that person; `api()` one of somebody who is not signed in."""

    def client(person=None) -> APIClient:
        made = APIClient()
        if person is not None:
            made.force_authenticate(person)
        return made

    return client


@pytest.fixture(autouse=True)
def shared(monkeypatch):
    """Who is in which conversation, as chat would say."""
    members = {"alice": {ROOM}, "bob": {ROOM}, "mallory": {99}}

    def conversations_of(user_id: int) -> list[int]:
        return sorted(members.get(User.objects.get(pk=user_id).username, ()))

    def may_see(user_id: int, user_ids: list[int]) -> set[int]:
        mine = set(conversations_of(user_id))
        return {other for other in user_ids if mine & set(conversations_of(other))}

    monkeypatch.setattr(hooks, "conversations_of", conversations_of)
    monkeypatch.setattr(hooks, "may_see", may_see)
    monkeypatch.setattr(typing_state, "here", typing_state.Typists())
    return members


def ask(client, *people) -> dict[int, dict]:
    answer = client.get(API + "presence/", {"user_ids": ",".join(str(person.pk) for person in people)})
    assert answer.status_code == 200, answer.json()
    return {shape["user_id"]: shape for shape in answer.json()["results"]}


def test_i_see_who_is_here_of_those_i_share_a_conversation_with(api, here: Tracker, alice, bob, mallory):
    here.beat_now(f"u:{bob.pk}")
    here.beat_now(f"u:{mallory.pk}")
    shown = ask(api(alice), alice, bob, mallory)
    assert shown.keys() == {alice.pk, bob.pk}
    assert shown[bob.pk] == {"user_id": bob.pk, "online": True, "last_seen": None}


def test_last_seen_is_of_who_is_away(api, here, alice, bob):
    User.objects.filter(pk=bob.pk).update(last_seen_at=datetime(2026, 11, 21, 1, 2, 3, 456789, UTC))
    assert ask(api(alice), bob)[bob.pk] == {
        "user_id": bob.pk,
        "online": False,
        "last_seen": "2026-11-21T01:02:03.456Z",
    }


def test_who_hides_looks_as_if_never_here(api, here, alice, bob):
    User.objects.filter(pk=bob.pk).update(last_seen_at=timezone.now(), show_presence="nobody")
    here.beat_now(f"u:{bob.pk}")
    assert ask(api(alice), bob)[bob.pk] == {"user_id": bob.pk, "online": False, "last_seen": None}


def test_asking_is_a_sign_of_life(api, here, alice):
    ask(api(alice), alice)
    assert here.online_now([alice.pk]) == {alice.pk}


@pytest.mark.parametrize("wrong", ["", "a", "1,,2", "0", "-1", str(2**63), "1;2", "１", ",".join(["1"] * 201), "1\x00"])
def test_ids_that_are_none_are_refused_at_their_field(api, here, alice, wrong):
    answer = api(alice).get(API + "presence/", {"user_ids": wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "user_ids" in answer.json()["fields"]


def test_two_hundred_people_cost_as_many_queries_as_one(api, here, alice, bob, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(hooks, "may_see", lambda user_id, user_ids: set(user_ids))
    for ids in ([bob.pk], range(1, 201)):
        with django_assert_num_queries(2):
            api(alice).get(API + "presence/", {"user_ids": ",".join(map(str, ids))})


def test_signed_out_nobody_sees_people(api, here, alice):
    assert api().get(API + "presence/", {"user_ids": "1"}).status_code == 401


def test_everybody_may_know_how_many_are_here(api, here, alice):
    here.beat_now(f"u:{alice.pk}")
    answer = api().get(API + "presence/online/")
    assert (answer.status_code, answer.json()) == (200, {"count": 1})


def test_a_visitor_is_counted_once_by_a_cookie(api, here, settings):
    visitor, another = api(), api()
    first = visitor.post(API + "presence/beat/", {}, format="json")
    assert (first.status_code, first.json()) == (200, {"count": 1})
    cookie = first.cookies["browser"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["max-age"] > 300 * 24 * 3600
    again = visitor.post(API + "presence/beat/", {}, format="json")
    assert again.json() == {"count": 1} and not again.cookies
    assert another.post(API + "presence/beat/", {}, format="json").json() == {"count": 2}


@pytest.mark.parametrize("made_up", ["u:1", "a" * 22, "", "x:y:z"])
def test_a_cookie_that_is_not_ours_is_replaced(api, here, made_up):
    visitor = api()
    visitor.cookies["browser"] = made_up
    answer = visitor.post(API + "presence/beat/", {}, format="json")
    assert answer.cookies["browser"].value not in {"", made_up}
    assert here.online_now([1]) == set()


def test_visitors_cannot_be_made_up_by_the_thousand(api, here, settings):
    settings.LIMITS = True
    rate_limits.reset_all()
    answers = [api().post(API + "presence/beat/", {}, format="json") for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert answers[-1].json()["code"] == "rate_limited" and answers[-1].json()["retry_after"] > 0
    assert here.head_count_now() <= 31
    rate_limits.reset_all()


def test_a_visitor_who_signs_in_is_the_same_one(api, here, alice):
    visitor = api()
    visitor.post(API + "presence/beat/", {}, format="json")
    visitor.force_authenticate(alice)
    assert visitor.post(API + "presence/beat/", {"view": None}, format="json").json() == {"count": 1}


def test_who_beats_is_here_and_looks(api, here, alice):
    assert api(alice).post(API + "presence/beat/", {"view": ROOM}, format="json").status_code == 200
    assert here.online_now([alice.pk]) == {alice.pk}
    assert here.viewers_now(ROOM) == {alice.pk}


@pytest.mark.parametrize("view", [OTHER, 4711])
def test_only_members_look(api, here, alice, view):
    for client in (api(alice), api()):
        answer = client.post(API + "presence/beat/", {"view": view}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert here.viewers_now(view) == set()


@pytest.mark.parametrize("view", [0, -1, 2**63, "x", 1.5, [12], {}])
def test_a_view_that_is_none_is_refused(api, here, alice, view):
    answer = api(alice).post(API + "presence/beat/", {"view": view}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_typing_is_told_to_the_others(api, here, told, alice):
    url = f"{API}conversations/{ROOM}/typing/"
    assert api(alice).post(url, {"active": True}, format="json").status_code == 204
    assert api(alice).post(url, {"active": True}, format="json").status_code == 204
    assert api(alice).post(url, {"active": False}, format="json").status_code == 204
    assert [item.text for item in told] == [
        f'{{"type":"typing","payload":{{"conversation_id":{ROOM},"user_id":{alice.pk},"active":{active}}}}}'
        for active in ("true", "false")
    ]
    assert {(item.group, item.skip_user) for item in told} == {(f"conversation.{ROOM}", alice.pk)}


def test_strangers_do_not_type(api, here, told, alice, mallory):
    for conversation_id in (ROOM, 4711):
        answer = api(mallory).post(f"{API}conversations/{conversation_id}/typing/", {"active": True}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert api().post(f"{API}conversations/{ROOM}/typing/", {"active": True}, format="json").status_code == 401
    assert told == []


@pytest.mark.parametrize("body", [{}, {"active": 1}, {"active": "true"}, {"active": None}])
def test_active_is_true_or_false(api, here, told, alice, body):
    answer = api(alice).post(f"{API}conversations/{ROOM}/typing/", body, format="json")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["active"])
    assert told == []


def test_who_begins_to_hide_goes_and_who_shows_again_comes(here, told, alice, django_capture_on_commit_callbacks):
    here.beat_now(f"u:{alice.pk}")
    for shows in (False, True):
        with django_capture_on_commit_callbacks(execute=True):
            actions.update_profile(alice.pk, {"show_presence": "everyone" if shows else "nobody"})
        news = [item for item in told if isinstance(item, EphemeralEvent) and item.key == f"presence.{alice.pk}"]
        assert news[-1].conversations == (ROOM,)
        assert json.loads(news[-1].text)["payload"] == {"user_id": alice.pk, "online": shows, "last_seen": None}
    assert len(news) == 2
