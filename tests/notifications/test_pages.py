"""Tests of the pages of notifications, without scripts, and of what a browser needs to install the site as an app."""

from __future__ import annotations

import io
import json

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from accounts.auth import sign_ins
from notifications import cleanup, expansion, subscriptions
from notifications.checks import check_push_key
from notifications.models import (
    GroupNotificationSettings,
    Notification,
    NotificationPreferences,
    PushSubscription,
)
from notifications.push import sending
from notifications.push.transport import Response, Result

PATH = "/settings/notifications/"


@pytest.fixture
def browser_of():
    def sign_in(user) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def test_the_form_stores_all_preferences(browser_of, alice, bob, direct_conversation, send):
    send(bob, direct_conversation)
    form = {
        "show_text": "",
        "sound": "on",
        "keywords": "release， 发布, ",
        "email": "daily",
        "email_minutes": "30",
        "digest_hour": "7",
        "quiet_time_zone": "Asia/Shanghai",
        "start_0": "22:00",
        "end_0": "07:30",
        "allowed_user_ids": [str(bob.pk)],
    }
    response = browser_of(alice).post(PATH, form)
    assert response.status_code == 302
    row = NotificationPreferences.objects.get(user=alice)
    assert (row.show_text, row.sound, row.keywords) == (False, True, ["release", "发布"])
    assert (row.email, row.email_minutes, row.digest_hour) == ("daily", 30, 7)
    assert row.quiet_hours == [{"day": 0, "start": "22:00", "end": "07:30"}]
    assert row.quiet_time_zone == "Asia/Shanghai" and row.allowed_user_ids == [bob.pk]
    page = browser_of(alice).get(PATH).content.decode()
    assert 'value="22:00"' in page and "release, 发布" in page


def test_an_error_is_shown_and_keeps_the_input(browser_of, alice):
    form = {"email": "away", "email_minutes": "15", "digest_hour": "8", "start_2": "22:00", "keywords": "x" * 41}
    response = browser_of(alice).post(PATH, form)
    assert response.status_code == 422
    page = response.content.decode()
    assert "Fill in both times, or neither." in page and 'value="22:00"' in page
    form["end_2"] = "23:00"
    response = browser_of(alice).post(PATH, form)
    assert response.status_code == 400 and "At most 40 characters each." in response.content.decode()
    assert not NotificationPreferences.objects.exists()


@pytest.mark.parametrize("until, is_on", [("hour", True), ("tomorrow", True), ("off", False)])
def test_do_not_disturb_is_one_button(browser_of, alice, until, is_on):
    browser_of(alice).post(f"{PATH}quiet/", {"until": until})
    assert bool(NotificationPreferences.objects.get(user=alice).do_not_disturb_until) is is_on
    assert ("On until" in browser_of(alice).get(PATH).content.decode()) is is_on


def test_the_page_lists_browsers_which_can_be_tested_and_turned_off(browser_of, bob, subscribe):
    browser = subscribe(bob)
    row = PushSubscription.objects.get()
    client = browser_of(bob)
    assert "Firefox" in client.get(PATH).content.decode()
    client.post(f"{PATH}{row.pk}/test/")
    assert browser.pushes[0]["type"] == "test"
    client.post(f"{PATH}{row.pk}/delete/")
    assert not PushSubscription.objects.exists()


def test_the_page_of_devices_says_which_browsers_get_notifications(browser_of, bob, subscribe):
    subscribe(bob)
    client = browser_of(bob)
    page = client.get("/settings/sessions/").content.decode()
    assert page.count("Gets notifications") == 1
    assert f'formaction="{PATH}{PushSubscription.objects.get().pk}/test/"' in page


def test_the_page_says_if_a_push_service_does_not_answer(browser_of, bob, subscribe, monkeypatch):
    subscribe(bob)
    monkeypatch.setattr(sending, "send_test", lambda row: Response(Result.FAILED, "HTTP 500"))
    response = browser_of(bob).post(f"{PATH}{PushSubscription.objects.get().pk}/test/", follow=True)
    assert "did not accept it" in response.content.decode()


def test_a_message_explains_why_it_notified(browser_of, alice, bob, group, subscribe, send, deliver):
    subscribe(bob)
    message = send(alice, group, "@bob hello")
    deliver()
    page = browser_of(bob).get(f"/m/{message.id}/notification/").content.decode()
    assert "You were mentioned. Your settings allow it." in page and "Push sent" in page
    assert f"/m/{message.id}/notification/" in browser_of(bob).get(f"/m/{message.id}/details/").content.decode()
    assert f"/m/{message.id}/notification/" in browser_of(bob).get(PATH).content.decode()


def test_a_conversation_has_its_own_settings_and_the_owner_hides_the_text_for_all(browser_of, alice, bob, group):
    path = f"/c/{group.pk}/notifications/"
    browser_of(bob).post(path, {"level": "mentions", "muted": "on", "hides_text": "on"})
    membership = group.memberships.get(user=bob)
    assert (membership.level, membership.muted) == ("mentions", True)
    assert not GroupNotificationSettings.objects.exists(), "bob is no admin"
    assert "Hide the text" not in browser_of(bob).get(path).content.decode()
    browser_of(alice).post(path, {"level": "all", "hides_text": "on"})
    assert GroupNotificationSettings.objects.get(conversation=group).hides_text
    assert path in browser_of(bob).get(f"/c/{group.pk}/").content.decode()


def test_the_admin_shows_decisions_but_no_texts_and_keys(
    client, make_user, alice, bob, group, subscribe, send, deliver
):
    browser = subscribe(bob)
    NotificationPreferences.objects.create(user=bob, keywords=["secret-word"])
    send(alice, group, "@bob secret-text")
    deliver()
    client.force_login(make_user("admin", is_staff=True, is_superuser=True))
    for model in ("notification", "pushsubscription", "notificationpreferences"):
        page = client.get(f"/admin/notifications/{model}/").content.decode()
        assert "bob" in page
        for secret in ("secret-text", "secret-word", browser.p256dh, browser.endpoint):
            assert secret not in page


# ── The installed app ───────────────────────────────────────────────────────────────────────────────────────────
def test_the_service_worker_is_served_for_the_whole_site_with_a_version(client, db):
    response = client.get("/service-worker.js")
    assert response["Content-Type"].startswith("text/javascript") and response["Service-Worker-Allowed"] == "/"
    assert response["Cache-Control"] == "no-cache"
    source = response.content.decode()
    assert "__VERSION__" not in source and 'const VERSION = "' in source


def test_the_manifest_names_icons_that_exist_with_their_sizes(client, db, settings):
    response = client.get("/manifest.webmanifest")
    assert response["Content-Type"] == "application/manifest+json"
    manifest = json.loads(response.content)
    assert manifest["start_url"] == manifest["scope"] == "/" and manifest["display"] == "standalone"
    assert any(icon.get("purpose") == "maskable" for icon in manifest["icons"])
    for icon in manifest["icons"]:
        if icon["type"] == "image/png":
            path = settings.BASE_DIR / "static" / icon["src"].removeprefix("/static/")
            size = Image.open(io.BytesIO(path.read_bytes())).size
            assert "{}x{}".format(*size) == icon["sizes"]
    assert 'rel="manifest"' in client.get("/accounts/login/").content.decode()


def test_only_the_own_session_gets_its_csrf_token(browser_of, client, alice):
    assert client.get("/service-worker/token/").status_code == 401
    response = browser_of(alice).get("/service-worker/token/")
    assert len(response.json()["token"]) > 30 and "no-store" in response["Cache-Control"]
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in response


def test_a_subscription_ends_with_its_sign_in(bob, subscribe):
    sign_in = sign_ins.start_sign_in(bob, "browser")
    subscribe(bob, sign_in)
    sign_ins.end_sign_in(bob.pk, sign_in.pk)
    assert subscriptions.list_own(bob.pk) == []
    cleanup.delete_old()
    assert not PushSubscription.objects.exists()


def test_a_deleted_account_leaves_no_keywords_and_browsers(alice, bob, group, subscribe, send):
    subscribe(bob)
    NotificationPreferences.objects.create(user=bob, keywords=["secret"])
    send(alice, group, "@bob hello")
    expansion.expand_outbox()
    bob.deleted_at = timezone.now()
    bob.save()
    cleanup.delete_old()
    for model in (NotificationPreferences, PushSubscription, Notification):
        assert not model.objects.filter(user=bob).exists()


def test_a_check_warns_if_browsers_wait_for_push_messages_and_the_key_is_missing(alice, subscribe, settings):
    assert check_push_key(databases=["default"]) == []
    subscribe(alice)
    assert check_push_key(databases=["default"]) == []
    settings.DATA_DIR = settings.DATA_DIR / "elsewhere"
    assert [each.id for each in check_push_key(databases=["default"])] == ["notifications.W001"]
    assert check_push_key() == [], "without `--database`, the database is not asked"
