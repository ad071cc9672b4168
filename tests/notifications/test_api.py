"""Tests of the REST API of notifications. The fixture `api` compares each response with the OpenAPI document."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import actions as account_actions
from chat import actions
from chat.models import Conversation
from notifications import expansion
from notifications.models import NotificationPreferences, PushSubscription
from notifications.push import vapid
from tests.notifications.conftest import Browser, encode


def test_preferences_have_defaults_and_can_be_changed(api, bob, alice, push_service):
    preferences = api(bob).get("notifications/preferences/").json()
    assert preferences["show_text"] and not preferences["sound"] and preferences["email"] == "away"
    assert preferences["public_key"] == vapid.public_key()
    changes = {
        "keywords": ["release", " release ", "", "发布"],
        "quiet_hours": [{"day": 1, "start": "22:00", "end": "07:00"}, {"day": 0, "start": "21:30", "end": "06:00"}],
        "quiet_time_zone": "Asia/Shanghai",
        "allowed_user_ids": [alice.pk, bob.pk, 999999],
        "email": "daily",
        "digest_hour": 7,
        "sound": True,
    }
    changed = api(bob).patch("notifications/preferences/", changes).json()
    assert changed["keywords"] == ["release", "发布"]
    assert [period["day"] for period in changed["quiet_hours"]] == [0, 1]
    assert changed["allowed_user_ids"] == [alice.pk]
    assert changed == api(bob).get("notifications/preferences/").json() and changed["digest_hour"] == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "always"},
        {"email_minutes": 0},
        {"digest_hour": 24},
        {"quiet_time_zone": "Mars/Olympus"},
        {"quiet_hours": [{"day": 7, "start": "22:00", "end": "07:00"}]},
        {"quiet_hours": [{"day": 1, "start": "24:00", "end": "07:00"}]},
        {"quiet_hours": [{"day": 1}]},
        {"quiet_hours": "always"},
        {"keywords": ["x" * 41]},
        {"keywords": [str(number) for number in range(21)]},
        {"show_text": "yes"},
        {"do_not_disturb_until": "tomorrow"},
    ],
    ids=str,
)
def test_an_impossible_preference_is_an_error_of_its_field(api, bob, changes):
    response = api(bob).patch("notifications/preferences/", changes)
    assert response.status_code == 400
    assert list(response.json()["fields"]) == list(changes)
    assert not NotificationPreferences.objects.exists()


def test_do_not_disturb_ends_by_itself_and_lasts_a_month_at_most(api, bob):
    now = timezone.now()
    far = (now + timedelta(days=400)).isoformat()
    until = api(bob).patch("notifications/preferences/", {"do_not_disturb_until": far}).json()["do_not_disturb_until"]
    assert until < (now + timedelta(days=32)).isoformat()
    past = (now - timedelta(minutes=1)).isoformat()
    preferences = api(bob).patch("notifications/preferences/", {"do_not_disturb_until": past}).json()
    assert preferences["do_not_disturb_until"] is None


def test_a_client_subscribes_tests_and_unsubscribes_a_browser(api, alice, bob, mallory, push_service):
    browser = Browser(push_service, "/browser")
    body = {"endpoint": browser.endpoint, "p256dh": browser.p256dh, "auth": encode(browser.auth)}
    client = api(bob)
    created = client.post("notifications/subscriptions/", body)
    assert created.status_code == 201 and created.json()["current"]
    path = f"notifications/subscriptions/{created.json()['id']}/"
    assert client.post(f"{path}test/").status_code == 204
    assert browser.pushes[0]["type"] == "test" and browser.pushes[0]["user_id"] == bob.pk
    assert api(mallory).post(f"{path}test/").status_code == api(mallory).delete(path).status_code == 404
    push_service.answers[browser.path] = 500
    assert client.post(f"{path}test/").status_code == 503
    push_service.answers[browser.path] = 410
    assert client.post(f"{path}test/").status_code == 503
    assert client.get("notifications/subscriptions/").json()["results"] == []
    again = client.post("notifications/subscriptions/", body).json()
    assert client.delete(f"notifications/subscriptions/{again['id']}/").status_code == 204
    assert not PushSubscription.objects.exists()


def test_the_explanation_of_a_message_is_what_was_decided(api, alice, bob, group, subscribe, send, deliver, read):
    subscribe(bob)
    message = send(alice, group, "@bob hello")
    deliver()
    read(bob, group, message.seq)
    deliver()
    explanation = api(bob).get(f"messages/{message.id}/notification/").json()
    assert (explanation["outcome"], explanation["concern"]) == ("push", "mention")
    assert explanation["detail"] == "You were mentioned. Your settings allow it."
    assert explanation["is_recorded"] and explanation["pushed_at"] and explanation["cleared_at"]
    [listed] = api(bob).get("notifications/").json()["results"]
    assert listed == explanation


def test_what_was_not_stored_is_computed_when_somebody_asks(api, alice, bob, mallory, group, send, read):
    message = send(alice, group, "hello")
    expansion.expand_outbox()
    read(bob, group, message.seq)
    explanation = api(bob).get(f"messages/{message.id}/notification/").json()
    assert (explanation["outcome"], explanation["reason"]) == ("badge", "no_device")
    assert not explanation["is_recorded"]
    assert api(alice).get(f"messages/{message.id}/notification/").json()["reason"] == "own"
    assert api(mallory).get(f"messages/{message.id}/notification/").status_code == 404


def test_a_message_that_was_read_at_once_or_before_there_was_a_browser_is_not_said_to_be_pushed(
    api, alice, bob, group, subscribe, send, deliver, read
):
    before = send(alice, group, "nobody is here")
    deliver()
    subscribe(bob)
    read_at_once = send(alice, group, "you see it")
    read(bob, group, read_at_once.seq)
    deliver()
    found = [api(bob).get(f"messages/{message.id}/notification/").json() for message in (before, read_at_once)]
    assert [(each["outcome"], each["reason"]) for each in found] == [("badge", "no_device"), ("nothing", "read")]


def test_nobody_learns_from_an_explanation_who_has_blocked_whom(api, alice, bob, carol, make_user, send):
    group = Conversation.objects.get(pk=actions.create_group(alice.pk, "Room", [bob.pk, carol.pk]).id)
    quoted = {user: send(user, group, "what?") for user in (bob, carol)}
    account_actions.block_user(alice.pk, bob.pk)
    explanations = {}
    for user in (bob, carol):
        message = send(alice, group, "hello", reply_to_id=quoted[bob].id)
        expansion.expand_outbox()
        explanations[user] = api(user).get(f"messages/{message.id}/notification/").json()
        explanations[user].pop("message_id")
    assert explanations[bob] == explanations[carol]
    account_actions.block_user(carol.pk, alice.pk)
    message = send(alice, group, "hello")
    assert api(carol).get(f"messages/{message.id}/notification/").json()["reason"] == "blocked"


def test_the_list_has_pages_and_leaves_out_conversations_that_were_left(api, alice, bob, group, send):
    for number in range(3):
        send(alice, group, f"@bob {number}")
    expansion.expand_outbox()
    first = api(bob).get("notifications/?limit=2").json()
    second = api(bob).get(first["next"]).json()
    ids = [each["message_id"] for each in first["results"] + second["results"]]
    assert len(ids) == 3 and ids == sorted(ids, reverse=True) and second["next"] is None
    actions.remove_member(bob.pk, group.pk, bob.pk)
    assert api(bob).get("notifications/").json()["results"] == []


def test_the_owner_decides_whether_notifications_of_a_group_contain_text(api, alice, bob, mallory, group):
    path = f"conversations/{group.pk}/notifications/"
    assert api(bob).get(path).json() == {"hides_text": False}
    assert api(bob).patch(path, {"hides_text": True}).status_code == 403
    assert api(alice).patch(path, {"hides_text": True}).json() == {"hides_text": True}
    assert api(bob).get(path).json() == {"hides_text": True}
    assert api(mallory).get(path).status_code == 404
