"""Tests of the REST API for presence.

They cover online users, the number of people online, heartbeats, viewed conversations and typing.
"""

import json
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import actions
from accounts.models import User
from messenger.core import rate_limits
from messenger.live.events import EphemeralEvent
from presence import hooks, typing_state, visibility
from presence.tracker import PresenceTracker

CONVERSATION, OTHER_CONVERSATION = 12, 13
API = "/api/v1/"


@pytest.fixture
def api():
    """Returns a function: `api(user)` returns an API client signed in as this user, `api()` a signed-out client."""

    def make_client(user=None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_authenticate(user)
        return client

    return make_client


@pytest.fixture(autouse=True)
def conversations(monkeypatch):
    """Replaces the functions of the app `chat` that tell the app `presence` who is a member of which conversation.

    With the replaced functions, alice and bob are members of CONVERSATION, mallory of another conversation.
    """
    members = {"alice": {CONVERSATION}, "bob": {CONVERSATION}, "mallory": {99}}

    def list_conversation_ids(user_ids) -> dict[int, tuple[int, ...]]:
        users = User.objects.filter(pk__in=user_ids)
        return {user.pk: tuple(sorted(members.get(user.username, ()))) for user in users}

    def filter_users(user_id: int, user_ids: list[int]) -> set[int]:
        conversation_ids = list_conversation_ids([user_id, *user_ids])
        own_ids = set(conversation_ids[user_id])
        return {other_id for other_id in user_ids if own_ids & set(conversation_ids.get(other_id, ()))}

    monkeypatch.setattr(hooks, "conversation_ids_hook", list_conversation_ids)
    monkeypatch.setattr(hooks, "shared_users_hook", filter_users)
    monkeypatch.setattr(typing_state, "local_state", typing_state.TypingState())


def get_presence(client, *users) -> dict[int, dict]:
    response = client.get(API + "presence/", {"user_ids": ",".join(str(user.pk) for user in users)})
    assert response.status_code == 200, response.json()
    return {presence["user_id"]: presence for presence in response.json()["results"]}


def test_presence_is_shown_of_users_with_a_common_conversation(
    api, presence_tracker: PresenceTracker, alice, bob, mallory
):
    api(alice).get(API + "presence/online/")  # loads the URLs, which may take longer than a heartbeat counts
    presence_tracker.record_heartbeat(f"u:{bob.pk}")
    presence_tracker.record_heartbeat(f"u:{mallory.pk}")
    presences = get_presence(api(alice), alice, bob, mallory)
    assert presences.keys() == {alice.pk, bob.pk}
    assert presences[bob.pk] == {"user_id": bob.pk, "online": True, "last_seen": None}


def test_last_seen_is_shown_of_offline_users(api, presence_tracker, alice, bob):
    User.objects.filter(pk=bob.pk).update(last_seen_at=datetime(2026, 11, 21, 1, 2, 3, 456789, UTC))
    assert get_presence(api(alice), bob)[bob.pk] == {
        "user_id": bob.pk,
        "online": False,
        "last_seen": "2026-11-21T01:02:03.456Z",
    }


def test_last_seen_is_stored_once_although_each_process_stores_it(alice, bob):
    left_at = dict.fromkeys((alice.pk, bob.pk), datetime(2026, 11, 21, 1, 2, 3, 456789, UTC))
    visibility.store_last_seen(left_at)
    with CaptureQueriesContext(connection) as queries:
        visibility.store_last_seen(left_at)
    assert not [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    assert {user.last_seen_at for user in User.objects.filter(pk__in=left_at)} == set(left_at.values())


def test_a_user_who_hides_looks_as_if_never_online(api, presence_tracker, alice, bob):
    User.objects.filter(pk=bob.pk).update(last_seen_at=timezone.now(), show_presence="nobody")
    presence_tracker.record_heartbeat(f"u:{bob.pk}")
    assert get_presence(api(alice), bob)[bob.pk] == {"user_id": bob.pk, "online": False, "last_seen": None}


def test_an_api_request_counts_as_activity(api, presence_tracker, alice):
    get_presence(api(alice), alice)
    assert presence_tracker.get_online_users([alice.pk]) == {alice.pk}


@pytest.mark.parametrize(
    "user_ids", ["", "a", "1,,2", "0", "-1", str(2**63), "1;2", "１", ",".join(["1"] * 201), "1\x00"]
)
def test_invalid_ids_are_an_error_of_their_field(api, presence_tracker, alice, user_ids):
    response = api(alice).get(API + "presence/", {"user_ids": user_ids})
    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert "user_ids" in response.json()["fields"]


def test_two_hundred_users_need_as_many_queries_as_one(
    api, presence_tracker, alice, bob, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(hooks, "shared_users_hook", lambda user_id, user_ids: set(user_ids))
    for ids in ([bob.pk], range(1, 201)):
        with django_assert_num_queries(2):
            api(alice).get(API + "presence/", {"user_ids": ",".join(map(str, ids))})


def test_a_visitor_may_not_query_presence(api, presence_tracker, alice):
    assert api().get(API + "presence/", {"user_ids": "1"}).status_code == 401


def test_a_visitor_may_query_the_head_count(api, presence_tracker, alice):
    presence_tracker.record_heartbeat(f"u:{alice.pk}")
    response = api().get(API + "presence/online/")
    assert (response.status_code, response.json()) == (200, {"count": 1})


def test_a_cookie_counts_a_visitor_once(api, presence_tracker, settings):
    visitor, another = api(), api()
    first = visitor.post(API + "presence/beat/", {}, format="json")
    assert (first.status_code, first.json()) == (200, {"count": 1})
    cookie = first.cookies["browser"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["max-age"] > 300 * 24 * 3600
    again = visitor.post(API + "presence/beat/", {}, format="json")
    assert again.json() == {"count": 1} and not again.cookies
    assert another.post(API + "presence/beat/", {}, format="json").json() == {"count": 2}


@pytest.mark.parametrize("value", ["u:1", "a" * 22, "", "x:y:z"])
def test_a_cookie_without_a_valid_signature_is_replaced(api, presence_tracker, value):
    visitor = api()
    visitor.cookies["browser"] = value
    response = visitor.post(API + "presence/beat/", {}, format="json")
    assert response.cookies["browser"].value not in {"", value}
    assert presence_tracker.get_online_users([1]) == set()


def test_new_visitors_are_rate_limited(api, presence_tracker, settings):
    settings.LIMITS = True
    rate_limits.reset_all()
    responses = [api().post(API + "presence/beat/", {}, format="json") for _ in range(40)]
    assert {response.status_code for response in responses} == {200, 429}
    assert responses[-1].json()["code"] == "rate_limited" and responses[-1].json()["retry_after"] > 0
    assert presence_tracker.get_head_count() <= 31
    rate_limits.reset_all()


def test_a_visitor_who_signs_in_is_counted_once(api, presence_tracker, alice):
    visitor = api()
    visitor.post(API + "presence/beat/", {}, format="json")
    visitor.force_authenticate(alice)
    assert visitor.post(API + "presence/beat/", {"view": None}, format="json").json() == {"count": 1}


def test_a_heartbeat_sets_online_and_the_viewed_conversation(api, presence_tracker, alice):
    assert api(alice).post(API + "presence/beat/", {"view": CONVERSATION}, format="json").status_code == 200
    assert presence_tracker.get_online_users([alice.pk]) == {alice.pk}
    assert presence_tracker.get_viewers(CONVERSATION) == {alice.pk}


@pytest.mark.parametrize("view", [OTHER_CONVERSATION, 4711])
def test_a_heartbeat_of_a_non_member_cannot_view_the_conversation(api, presence_tracker, alice, view):
    for client in (api(alice), api()):
        response = client.post(API + "presence/beat/", {"view": view}, format="json")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert presence_tracker.get_viewers(view) == set()


@pytest.mark.parametrize("view", [0, -1, 2**63, "x", 1.5, [12], {}])
def test_an_invalid_view_is_an_error(api, presence_tracker, alice, view):
    response = api(alice).post(API + "presence/beat/", {"view": view}, format="json")
    assert (response.status_code, response.json()["code"]) == (400, "invalid")


def test_typing_is_published_to_the_other_members(api, presence_tracker, published_events, alice):
    url = f"{API}conversations/{CONVERSATION}/typing/"
    assert api(alice).post(url, {"active": True}, format="json").status_code == 204
    assert api(alice).post(url, {"active": True}, format="json").status_code == 204
    assert api(alice).post(url, {"active": False}, format="json").status_code == 204
    assert [event.text for event in published_events] == [
        f'{{"type":"typing","payload":{{"conversation_id":{CONVERSATION},"user_id":{alice.pk},"active":{active}}}}}'
        for active in ("true", "false")
    ]
    assert {(event.group, event.skip_user) for event in published_events} == {
        (f"conversation.{CONVERSATION}", alice.pk)
    }


def test_non_members_cannot_type(api, presence_tracker, published_events, alice, mallory):
    for conversation_id in (CONVERSATION, 4711):
        response = api(mallory).post(f"{API}conversations/{conversation_id}/typing/", {"active": True}, format="json")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert api().post(f"{API}conversations/{CONVERSATION}/typing/", {"active": True}, format="json").status_code == 401
    assert published_events == []


@pytest.mark.parametrize("body", [{}, {"active": 1}, {"active": "true"}, {"active": None}])
def test_active_must_be_a_boolean(api, presence_tracker, published_events, alice, body):
    response = api(alice).post(f"{API}conversations/{CONVERSATION}/typing/", body, format="json")
    assert (response.status_code, list(response.json()["fields"])) == (400, ["active"])
    assert published_events == []


def test_a_change_of_the_presence_setting_is_published(
    presence_tracker, published_events, alice, django_capture_on_commit_callbacks
):
    presence_tracker.record_heartbeat(f"u:{alice.pk}")
    for is_shown in (False, True):
        with django_capture_on_commit_callbacks(execute=True):
            actions.update_profile(alice.pk, {"show_presence": "everyone" if is_shown else "nobody"})
        events = [
            event
            for event in published_events
            if isinstance(event, EphemeralEvent) and event.key == f"presence.{alice.pk}"
        ]
        assert events[-1].conversations == (CONVERSATION,)
        assert json.loads(events[-1].text)["payload"] == {"user_id": alice.pk, "online": is_shown, "last_seen": None}
    assert len(events) == 2
