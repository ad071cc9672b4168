"""Tests of calls in browsers in which the site is not open: who gets a ring as a push message, and when it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import actions as account_actions
from calls import actions
from calls.models import Call, CallSettings
from chat import actions as chat_actions
from chat.models import Message
from messenger.core.errors import ApplicationError
from notifications.models import NotificationPreferences, PendingPush
from notifications.push import sending

pytestmark = pytest.mark.django_db(transaction=True)
PHONE, LAPTOP = "phone-0001", "laptop-0001"


@pytest.fixture
def ring(alice, bob, direct_conversation):
    """Returns a function with which alice calls bob."""
    return lambda media="audio": actions.invite(alice.pk, direct_conversation.pk, LAPTOP, media)


def calls_of(browser) -> list[tuple[str, str]]:
    return [(push["type"], push.get("body", "")) for push in browser.pushes if push["tag"].startswith("call-")]


def test_a_call_rings_closed_browsers_until_it_is_answered_on_one_device(alice, bob, ring, subscribe, deliver):
    closed, other = subscribe(bob), subscribe(bob)
    callers = subscribe(alice)
    call = ring("video")
    deliver()
    for browser in (closed, other):
        [push] = browser.pushes
        assert (push["type"], push["title"], push["body"]) == ("show", "Alice", "Incoming video call")
        assert push["stays"] and push["sound"] and push["url"] == f"/c/{call.conversation_id}/"
        assert [action["action"] for action in push["actions"]] == ["answer", "decline"]
        assert int(browser.requests[0].headers["TTL"]) <= 45, "no ring after the call"
    actions.accept(bob.pk, call.id, PHONE)
    deliver()
    assert calls_of(closed)[-1] == calls_of(other)[-1] == ("clear", "")
    actions.hang_up(bob.pk, call.id, PHONE)
    deliver()
    assert len(calls_of(closed)) == 2 and callers.pushes == [] and not PendingPush.objects.exists()


def test_a_call_that_nobody_answered_leaves_that_it_was_missed(alice, bob, ring, subscribe, deliver):
    browser = subscribe(bob)
    call = ring()
    deliver()
    Call.objects.update(started_at=timezone.now() - timedelta(seconds=46))
    actions.expire(call.id)
    deliver()
    assert calls_of(browser) == [("show", "Incoming call"), ("show", "Missed voice call")]
    assert "stays" not in browser.pushes[-1] and "sound" not in browser.pushes[-1]


def test_a_call_that_ended_before_its_push_message_was_sent_rings_nobody_but_was_missed(
    alice, bob, ring, subscribe, deliver
):
    browser = subscribe(bob)
    call = ring()
    actions.hang_up(alice.pk, call.id, LAPTOP)
    deliver()
    assert calls_of(browser) == [("show", "Missed voice call")]


def test_a_ring_that_is_sent_while_it_ends_is_replaced(alice, bob, ring, subscribe, deliver, monkeypatch):
    browser = subscribe(bob)
    call = ring()
    send = sending.transport.send

    def hang_up_then_send(*args, **options):
        monkeypatch.setattr(sending.transport, "send", send)
        actions.hang_up(alice.pk, call.id, LAPTOP)
        return send(*args, **options)

    monkeypatch.setattr(sending.transport, "send", hang_up_then_send)
    deliver()
    deliver()
    assert calls_of(browser) == [("show", "Incoming call"), ("show", "Missed voice call")]


def test_a_missed_call_disappears_from_all_browsers_when_it_was_read(
    alice, bob, direct_conversation, ring, subscribe, deliver, read
):
    browser, other = subscribe(bob), subscribe(bob)
    call = ring()
    deliver()
    actions.hang_up(alice.pk, call.id, LAPTOP)
    deliver()
    entry = Message.objects.get(conversation=direct_conversation, kind="missed")
    read(bob, direct_conversation, entry.seq)
    deliver()
    expected = [("show", "Incoming call"), ("show", "Missed voice call"), ("clear", "")]
    assert calls_of(browser) == calls_of(other) == expected


def test_no_missed_call_of_somebody_who_was_blocked_while_it_rang(alice, bob, ring, subscribe, deliver):
    browser = subscribe(bob)
    ring()
    deliver()
    account_actions.block_user(bob.pk, alice.pk)
    deliver()
    assert calls_of(browser) == [("show", "Incoming call"), ("clear", "")]


def be_quiet(alice, bob, conversation):
    days = [{"day": day, "start": "00:00", "end": "23:59"} for day in range(7)]
    NotificationPreferences.objects.create(user=bob, quiet_hours=[*days, {"day": 0, "start": "23:59", "end": "00:00"}])


def not_disturb(alice, bob, conversation):
    NotificationPreferences.objects.create(user=bob, do_not_disturb_until=timezone.now() + timedelta(hours=1))


def mute(alice, bob, conversation):
    chat_actions.update_member_state(bob.pk, conversation.pk, {"muted": True})


@pytest.mark.parametrize("change", [be_quiet, not_disturb, mute])
def test_a_call_is_silent_for_somebody_who_wants_quiet(
    change, alice, bob, direct_conversation, ring, subscribe, deliver
):
    browser = subscribe(bob)
    change(alice, bob, direct_conversation)
    call = ring()
    assert [each.silent for each in call.participants] == [False, True], "open pages show it without a sound"
    deliver()
    assert browser.pushes == []


def test_people_who_may_notify_at_any_time_ring_at_any_time(alice, bob, ring, subscribe, deliver):
    browser = subscribe(bob)
    NotificationPreferences.objects.create(
        user=bob, do_not_disturb_until=timezone.now() + timedelta(hours=1), allowed_user_ids=[alice.pk]
    )
    assert [each.silent for each in ring().participants] == [False, False]
    deliver()
    assert calls_of(browser) == [("show", "Incoming call")]


def test_a_blocked_caller_and_a_stranger_ring_nobody(alice, bob, ring, subscribe, deliver):
    browser = subscribe(bob)
    CallSettings.objects.create(user=bob, call_me="contacts")
    with pytest.raises(ApplicationError):
        ring()
    CallSettings.objects.all().delete()
    account_actions.block_user(bob.pk, alice.pk)
    with pytest.raises(ApplicationError):
        ring()
    deliver()
    assert browser.pushes == []


def test_a_call_is_declined_from_the_notification(api, bob, mallory, ring, subscribe, deliver):
    browser = subscribe(bob)
    call = ring()
    deliver()
    assert api(mallory).post(f"calls/{call.id}/decline/").status_code == 404
    assert api(bob).post(f"calls/{call.id}/decline/").json()["reason"] == "declined"
    deliver()
    assert calls_of(browser)[-1] == ("clear", "")
