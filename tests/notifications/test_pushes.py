"""Tests of push messages: what a push service receives, decrypted as a browser does it, and what its answers cause."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import call_command
from django.utils import timezone

from accounts import actions as account_actions
from accounts.auth import sign_ins
from chat import actions
from messenger.core.errors import ApplicationError
from notifications import expansion, subscriptions
from notifications.models import (
    GroupNotificationSettings,
    Notification,
    NotificationPreferences,
    PendingPush,
    PushSubscription,
)
from notifications.push import content, endpoints, sending, sources, transport, vapid
from notifications.push.sources import PushSource
from tests.notifications.conftest import encode


# ── What arrives ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_message_arrives_encrypted_and_only_the_browser_can_read_it(
    each_database, alice, bob, group, subscribe, send, deliver
):
    browser = subscribe(bob)
    message = send(alice, group, "Hello **you**, the key is under the mat")
    assert deliver() == 1
    [push] = browser.pushes
    assert (push["type"], push["title"]) == ("show", "Room")
    assert push["body"] == "Alice: Hello you, the key is under the mat"
    assert push["message_ids"] == [message.id] and push["conversation_id"] == group.pk
    assert push["url"] == f"/c/{group.pk}/?at={message.seq}#m-{message.seq}"
    assert [action["action"] for action in push["actions"]] == ["reply", "read"]
    assert push["unread"] == 1
    [request] = browser.requests
    assert b"mat" not in request.body and "mat" not in json.dumps(request.headers)
    assert request.headers["Content-Encoding"] == "aes128gcm" and request.headers["Urgency"] == "high"


def test_the_request_is_signed_with_the_key_of_the_site(alice, bob, group, subscribe, send, deliver):
    browser = subscribe(bob)
    send(alice, group)
    deliver()
    scheme, _, fields = browser.requests[0].headers["Authorization"].partition(" ")
    token, key = (part.split("=", 1)[1] for part in fields.split(","))
    assert scheme == "vapid" and key == vapid.public_key()
    number = int.from_bytes(base64.urlsafe_b64decode(vapid.private_key() + "="), "big")
    claims = jwt.decode(
        token, ec.derive_private_key(number, ec.SECP256R1()).public_key(), ["ES256"], audience=browser.service.url
    )
    assert claims["exp"] - time.time() <= 24 * 3600 and claims["sub"].startswith("mailto:")


def test_several_messages_of_a_conversation_are_one_notification_that_grows(
    alice, bob, group, direct_conversation, subscribe, send, deliver
):
    browser = subscribe(bob)
    send(alice, group, "one")
    send(alice, group, "two")
    deliver()
    send(alice, group, "three")
    send(alice, direct_conversation, "psst")
    deliver()
    bodies = [push["body"] for push in browser.pushes]
    assert bodies[0] == "Alice: one\nAlice: two"
    assert sorted(bodies[1:]) == ["Alice: one\nAlice: two\nAlice: three", "psst"]
    tags = {push["conversation_id"]: push["tag"] for push in browser.pushes}
    pairs = zip(browser.pushes, browser.requests, strict=True)
    topics = {push["conversation_id"]: request.headers["Topic"] for push, request in pairs}
    assert len(set(tags.values())) == 2 and len(set(topics.values())) == 2
    assert all(len(topic) <= 32 and str(group.pk) != topic for topic in topics.values())


def test_each_browser_of_a_user_gets_the_message_once(each_database, alice, bob, group, subscribe, send, deliver):
    phone, laptop = subscribe(bob), subscribe(bob)
    send(alice, group)
    deliver()
    deliver()
    assert len(phone.pushes) == len(laptop.pushes) == 1
    assert not PendingPush.objects.exists()


@pytest.mark.parametrize("owner", ["user", "group"])
def test_the_text_is_left_out_if_the_user_or_the_group_wants_it(owner, alice, bob, group, subscribe, send, deliver):
    if owner == "user":
        NotificationPreferences.objects.create(user=bob, show_text=False)
    else:
        GroupNotificationSettings.objects.create(conversation=group, hides_text=True)
    browser = subscribe(bob)
    send(alice, group, "secret")
    deliver()
    assert browser.pushes[0]["body"] == "1 new message" and "secret" not in json.dumps(browser.pushes)


def test_the_texts_are_in_the_language_of_the_user(alice, bob, group, subscribe, send, deliver):
    bob.language = "zh-hans"
    bob.save()
    browser = subscribe(bob)
    send(alice, group)
    deliver()
    assert browser.pushes[0]["lang"] == "zh-hans"
    assert browser.pushes[0]["actions"][0]["title"] == "回复"


# ── Read, deleted, left, muted ──────────────────────────────────────────────────────────────────────────────────
def test_reading_on_one_device_removes_the_notification_from_all(
    each_database, alice, bob, group, subscribe, send, read, deliver
):
    phone, laptop = subscribe(bob), subscribe(bob)
    message = send(alice, group)
    deliver()
    read(bob, group, message.seq)
    deliver()
    for browser in (phone, laptop):
        assert [push["type"] for push in browser.pushes] == ["show", "clear"]
        assert browser.pushes[0]["tag"] == browser.pushes[1]["tag"]
        assert browser.pushes[1].get("unread", 0) == 0
    read(bob, group, message.seq)
    assert not PendingPush.objects.exists()


def mute(alice, bob, group):
    actions.update_member_state(bob.pk, group.pk, {"muted": True})


def turn_off(alice, bob, group):
    actions.update_member_state(bob.pk, group.pk, {"level": "none"})


def want_mentions_only(alice, bob, group):
    actions.update_member_state(bob.pk, group.pk, {"level": "mentions"})


def block(alice, bob, group):
    account_actions.block_user(bob.pk, alice.pk)


@pytest.mark.parametrize("change", [mute, turn_off, want_mentions_only, block])
def test_what_a_user_does_not_want_any_more_disappears_from_all_devices(
    transactional_db, change, alice, bob, group, subscribe, send, deliver
):
    phone, laptop = subscribe(bob), subscribe(bob)
    send(alice, group)
    deliver()
    change(alice, bob, group)
    deliver()
    for browser in (phone, laptop):
        assert [push["type"] for push in browser.pushes] == ["show", "clear"]
    actions.update_member_state(bob.pk, group.pk, {"draft": "something else"})
    assert not PendingPush.objects.exists()


def test_writing_in_a_conversation_removes_its_notification_from_the_devices_of_the_author(
    each_database, alice, bob, group, subscribe, send, deliver
):
    browser = subscribe(bob)
    send(alice, group, "@bob hello")
    deliver()
    send(bob, group, "yes?")
    deliver()
    assert [push["type"] for push in browser.pushes] == ["show", "clear"]


def test_what_was_read_before_sending_is_not_sent(alice, bob, group, subscribe, send, read, deliver):
    browser = subscribe(bob)
    message = send(alice, group)
    expansion.expand_outbox()
    read(bob, group, message.seq)
    deliver()
    assert browser.pushes == []
    assert Notification.objects.get().reason == "read"


def test_a_deleted_message_is_not_sent_and_leaves_a_notification_that_shows_it(
    each_database, alice, bob, group, subscribe, send, deliver
):
    browser = subscribe(bob)
    first = send(alice, group, "first")
    second = send(alice, group, "second")
    actions.delete_message(alice.pk, first.id)
    deliver()
    assert [push["body"] for push in browser.pushes] == ["Alice: second"]
    actions.delete_message(alice.pk, second.id)
    deliver()
    assert [push["type"] for push in browser.pushes] == ["show", "clear"]


def test_an_edited_message_replaces_its_text_in_the_notification(alice, bob, group, subscribe, send, deliver):
    browser = subscribe(bob)
    message = send(alice, group, "teh key")
    deliver()
    actions.edit_message(alice.pk, message.id, "the key")
    deliver()
    assert [push["body"] for push in browser.pushes] == ["Alice: teh key", "Alice: the key"]
    assert browser.pushes[0]["message_ids"] == browser.pushes[1]["message_ids"]


def leave(alice, bob, group):
    actions.remove_member(bob.pk, group.pk, bob.pk)


def block(alice, bob, group):
    account_actions.block_user(bob.pk, alice.pk)


def mute(alice, bob, group):
    actions.update_member_state(bob.pk, group.pk, {"muted": True})


def disturb_not(alice, bob, group):
    NotificationPreferences.objects.create(user=bob, do_not_disturb_until=timezone.now() + timedelta(hours=1))


def sign_out(alice, bob, group):
    sign_ins.end_sign_ins(bob.pk)


def change_password(alice, bob, group):
    bob.set_password("another one")
    bob.save()


@pytest.mark.parametrize("change", [leave, block, mute, disturb_not, sign_out, change_password])
def test_rights_are_asked_again_at_the_moment_of_sending(change, alice, bob, group, subscribe, send, deliver):
    browser = subscribe(bob)
    send(alice, group, "@bob hello")
    expansion.expand_outbox()
    assert PendingPush.objects.exists()
    change(alice, bob, group)
    deliver()
    assert browser.pushes == []
    assert not PendingPush.objects.exists()


# ── Answers of push services ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("status", [404, 410])
def test_an_expired_subscription_is_deleted(status, alice, bob, group, subscribe, send, deliver, push_service):
    browser, other = subscribe(bob), subscribe(bob)
    push_service.answers[browser.path] = status
    send(alice, group)
    deliver()
    assert [row.endpoint for row in PushSubscription.objects.all()] == [other.endpoint]
    assert len(other.pushes) == 1


def test_what_an_expired_browser_did_not_get_is_decided_as_without_a_browser(
    alice, bob, group, subscribe, send, deliver, push_service
):
    browser = subscribe(bob)
    send(alice, group, "arrives")
    deliver()
    push_service.answers[browser.path] = 410
    send(alice, group, "does not arrive")
    deliver()
    found = Notification.objects.filter(user=bob).order_by("seq").values_list("outcome", "reason")
    assert list(found) == [("push", "notified"), ("badge", "no_device")]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_push_service_that_fails_is_asked_again_with_growing_pauses(
    status, alice, bob, group, subscribe, send, deliver, push_service
):
    browser = subscribe(bob)
    push_service.answers[browser.path] = status
    send(alice, group)
    pauses = []
    for _ in range(4):
        deliver()
        row = PendingPush.objects.get()
        pauses.append(round((row.due_at - timezone.now()).total_seconds()))
    assert pauses == list(sending.RETRY_DELAYS[:4])
    assert PushSubscription.objects.get().last_error == f"HTTP {status}"
    push_service.answers.clear()
    deliver()
    assert not PendingPush.objects.exists() and PushSubscription.objects.get().last_error == ""
    assert Notification.objects.get().pushed_at is not None


def test_a_push_message_is_given_up_after_the_last_attempt(
    alice, bob, group, subscribe, send, deliver, push_service, monkeypatch
):
    monkeypatch.setattr(sending, "RETRY_DELAYS", (1, 2))
    browser = subscribe(bob)
    push_service.answers[browser.path] = 500
    send(alice, group)
    for _ in range(4):
        deliver()
    assert len(browser.requests) == 3 and not PendingPush.objects.exists()
    assert PushSubscription.objects.exists()


def test_an_answer_with_a_redirect_is_not_followed(alice, bob, group, subscribe, send, deliver, push_service):
    browser = subscribe(bob)
    push_service.answers[browser.path] = 302
    send(alice, group)
    deliver()
    assert len(push_service.received) == 1 and not PendingPush.objects.exists()


def test_a_message_that_comes_while_one_is_sent_is_not_lost(alice, bob, group, subscribe, send, deliver):
    browser = subscribe(bob)
    send(alice, group, "one")
    expansion.expand_outbox()
    [row] = sending.pending_pushes.claim()
    send(alice, group, "two")
    expansion.expand_outbox()  # raises the revision of the row that is being sent
    sending.pending_pushes.finish([row])
    assert PendingPush.objects.exists()
    deliver()
    assert browser.pushes[-1]["body"] == "Alice: one\nAlice: two"


def test_a_worker_that_is_killed_after_sending_causes_an_equal_push_message(
    alice, bob, group, subscribe, send, deliver, monkeypatch
):
    browser = subscribe(bob)
    send(alice, group)

    def be_killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setitem(sources._sources, "messages", PushSource(content.build_states, be_killed))
        with pytest.raises(KeyboardInterrupt):
            deliver()
    deliver()
    first, second = browser.pushes
    assert first == second and browser.requests[0].headers["Topic"] == browser.requests[1].headers["Topic"]
    assert not PendingPush.objects.exists()


def test_two_workers_do_not_send_the_same_push_message(each_database, alice, bob, group, subscribe, send):
    subscribe(bob)
    send(alice, group)
    expansion.expand_outbox()
    assert len(sending.pending_pushes.claim()) == 1
    assert sending.pending_pushes.claim() == []


def test_without_a_key_nothing_is_sent(alice, bob, group, subscribe, send, deliver):
    browser = subscribe(bob)
    vapid.key_file().unlink()
    send(alice, group)
    deliver()
    assert browser.requests == [] and vapid.public_key() == ""


# ── Endpoints ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "endpoint",
    [
        *("http://push.example.org/x", "https://127.0.0.1/x", "https://10.0.0.1/x", "https://[::1]/x"),
        *("https://localhost/x", "https://intranet/x", "https://push.example.org:8080/x", "https://0x7f.1/x"),
        *("https://user:pw@push.example.org/x", "ftp://push.example.org/x", "https://2130706433/x", "nonsense"),
        *("https://printer.local/x", "https://push.example.org/\n", "https:///x", "https://push.example.org:x/"),
        *("https://a\\@b.example.org/", "https://push.example.org./x", "https://push.example.org/" + "x" * 2000),
    ],
)
def test_only_public_addresses_with_https_are_accepted(endpoint, settings, alice):
    settings.PUSH_TO_LOOPBACK = False
    sign_in = sign_ins.start_sign_in(alice, "browser")
    with pytest.raises(ApplicationError) as error:
        subscriptions.subscribe(sign_in, endpoint, "x", "y")
    assert "endpoint" in error.value.fields


@pytest.mark.parametrize(
    "address, allowed",
    [("142.250.1.1", True), ("2a00:1450::1", True), ("127.0.0.1", False), ("::1", False), ("10.1.2.3", False),
     ("192.168.1.1", False), ("169.254.169.254", False), ("::ffff:10.0.0.1", False), ("fe80::1%eth0", False),
     ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False)],
)  # fmt: skip
def test_the_address_of_a_connection_must_be_public(address, allowed, settings):
    settings.PUSH_TO_LOOPBACK = False
    assert endpoints.is_allowed_address(address) is allowed


def test_a_name_that_leads_to_a_private_address_is_not_connected(settings, push_service):
    settings.PUSH_TO_LOOPBACK = False
    port = urlsplit(push_service.url).port
    with transport.create_session() as session, pytest.raises(transport.requests.ConnectionError):
        session.post(f"http://localhost:{port}/x", b"", timeout=5)
    assert push_service.received == []


def test_keys_that_are_none_are_rejected(settings, alice):
    sign_in = sign_ins.start_sign_in(alice, "browser")
    with pytest.raises(ApplicationError):
        subscriptions.subscribe(sign_in, "https://push.example.org/x", encode(b"x" * 64), encode(b"y" * 16))


# ── Subscriptions ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_browser_belongs_to_the_user_who_subscribed_it_last(
    alice, bob, mallory, group, push_service, send, deliver, subscribe
):
    browser = subscribe(bob)
    sign_in = sign_ins.start_sign_in(mallory, "browser")
    subscriptions.subscribe(sign_in, browser.endpoint, browser.p256dh, encode(browser.auth))
    send(alice, group, "@bob hello")
    deliver()
    assert browser.pushes == []
    assert [row.user_id for row in PushSubscription.objects.all()] == [mallory.pk]


def test_a_new_subscription_of_a_browser_replaces_the_old_one(bob, subscribe):
    sign_in = sign_ins.start_sign_in(bob, "browser")
    subscribe(bob, sign_in)
    new = subscribe(bob, sign_in)
    assert [row.endpoint for row in subscriptions.list_own(bob.pk)] == [new.endpoint]


def test_a_user_has_a_limited_number_of_browsers(bob, subscribe, monkeypatch):
    monkeypatch.setattr(subscriptions, "MAX_SUBSCRIPTIONS", 2)
    _first, second, third = subscribe(bob), subscribe(bob), subscribe(bob)
    assert {row.endpoint for row in subscriptions.list_own(bob.pk)} == {second.endpoint, third.endpoint}


def test_the_command_creates_one_key_and_keeps_it(settings, tmp_path, capsys):
    settings.DATA_DIR = tmp_path
    call_command("vapid_keys")
    first = vapid.public_key()
    call_command("vapid_keys")
    assert first and vapid.public_key() == first and capsys.readouterr().out.count(f"Public key: {first}") == 2
    assert vapid.key_file().stat().st_mode & 0o077 == 0
    call_command("vapid_keys", "--print")
    settings.VAPID_PRIVATE_KEY = capsys.readouterr().out.strip().removeprefix("VAPID_PRIVATE_KEY=")
    assert vapid.public_key() not in ("", first)
