"""Tests of e-mails about unread messages: when one is sent, what it says, and how it is stopped."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.utils import timezone

from accounts import actions as account_actions
from chat import actions
from notifications import emails, expansion
from notifications.models import GroupNotificationSettings, Notification, NotificationPreferences

LATER = timedelta(minutes=16)


@pytest.fixture
def mailed_bob(bob, settings):
    """Returns bob, with a confirmed address, on a site that sends e-mails."""
    settings.NOTIFICATION_EMAILS = True
    settings.SITE_URL = "https://chat.example.org"
    bob.email, bob.time_zone = "bob@example.org", "Asia/Shanghai"
    bob.save()
    EmailAddress.objects.create(user=bob, email=bob.email, verified=True, primary=True)
    return bob


def send_emails(after: timedelta = LATER) -> list:
    """Expands the outbox and sends what is due after this time. Returns the new e-mails."""
    expansion.expand_outbox()
    before = len(mail.outbox)
    emails.send_due_emails(timezone.now() + after)
    return mail.outbox[before:]


def test_unread_mentions_and_direct_messages_are_sent_after_some_minutes(
    each_database, alice, mailed_bob, group, direct_conversation, send
):
    send(alice, group, "plain")
    mention = send(alice, group, "@bob look **here**")
    send(alice, direct_conversation, "psst")
    assert send_emails(timedelta(minutes=14)) == []
    sent = send_emails()
    assert sorted(each.subject for each in sent) == ["Unread messages from Alice", "Unread messages in Room"]
    [of_group] = [each for each in sent if "Room" in each.subject]
    assert of_group.to == ["bob@example.org"]
    assert "\n> @bob look here\n" in of_group.body and "plain" not in of_group.body
    assert f"https://chat.example.org/c/{group.pk}/?at={mention.seq}#m-{mention.seq}" in of_group.body
    [(html, kind)] = of_group.alternatives
    assert kind == "text/html" and "@bob look here" in html and ">Open</a>" in html
    assert "&gt; @bob" not in html and "border-left" in html, (
        "in HTML a message is a quotation with its author above it"
    )
    assert send_emails() == [], "each message is sent once"
    assert Notification.objects.filter(emailed_at__isnull=False).count() == 2


def test_messages_of_a_conversation_are_gathered_in_one_email(alice, mailed_bob, direct_conversation, send):
    for number in range(25):
        send(alice, direct_conversation, f"number {number}")
    [message] = send_emails()
    assert "number 24" in message.body and "number 5" in message.body and "number 4\n" not in message.body
    assert "and 5 earlier messages" in message.body


def test_an_email_is_in_the_language_and_the_time_zone_of_its_reader(alice, mailed_bob, direct_conversation, send):
    message = send(alice, direct_conversation, "hello")
    [sent] = send_emails()
    at = datetime.fromisoformat(message.created_at).astimezone(ZoneInfo("Asia/Shanghai"))
    assert f"{at:%H:%M}" in sent.body


def read_all(alice, bob, group, message, read):
    read(bob, group, message.seq)


def delete(alice, bob, group, message, read):
    actions.delete_message(alice.pk, message.id)


def leave(alice, bob, group, message, read):
    actions.remove_member(bob.pk, group.pk, bob.pk)


def block(alice, bob, group, message, read):
    account_actions.block_user(bob.pk, alice.pk)


def turn_off(alice, bob, group, message, read):
    NotificationPreferences.objects.create(user=bob, email="never")


def mute(alice, bob, group, message, read):
    actions.update_member_state(bob.pk, group.pk, {"muted": True})


@pytest.mark.parametrize("change", [read_all, delete, leave, block, turn_off, mute])
def test_nothing_is_sent_that_was_read_deleted_or_turned_off_meanwhile(change, alice, mailed_bob, group, send, read):
    message = send(alice, group, "@bob hello")
    expansion.expand_outbox()
    change(alice, mailed_bob, group, message, read)
    assert send_emails() == []
    assert not Notification.objects.filter(email_due_at__isnull=False).exists()


def test_an_unconfirmed_address_gets_nothing(alice, mailed_bob, group, send):
    EmailAddress.objects.update(verified=False)
    send(alice, group, "@bob hello")
    assert send_emails() == []


def test_without_a_mail_server_nothing_is_sent(alice, mailed_bob, group, send, settings):
    settings.NOTIFICATION_EMAILS = False
    send(alice, group, "@bob hello")
    assert send_emails() == []
    assert Notification.objects.get().outcome == "badge"


def test_an_unread_conversation_is_not_mailed_again_before_a_pause(alice, mailed_bob, group, send, read):
    send(alice, group, "@bob one")
    assert len(send_emails()) == 1
    message = send(alice, group, "@bob two")
    assert send_emails(timedelta(hours=1)) == []
    [sent] = send_emails(timedelta(hours=7))
    assert "@bob two" in sent.body and "@bob one" not in sent.body
    read(mailed_bob, group, message.seq)
    send(alice, group, "@bob three")
    assert len(send_emails()) == 1, "bob has read in the meantime"


def test_the_text_is_left_out_if_the_group_wants_it(alice, mailed_bob, group, send):
    GroupNotificationSettings.objects.create(conversation=group, hides_text=True)
    send(alice, group, "@bob secret")
    [sent] = send_emails()
    assert "secret" not in sent.body + sent.alternatives[0][0]
    assert "There are unread messages for you." in sent.body


def test_the_daily_email_has_all_conversations(alice, mailed_bob, group, direct_conversation, send):
    NotificationPreferences.objects.create(user=mailed_bob, email="daily", digest_hour=8)
    send(alice, group, "@bob look")
    send(alice, direct_conversation, "psst")
    expansion.expand_outbox()
    due = Notification.objects.values_list("email_due_at", flat=True)
    assert {at.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%H:%M") for at in due} == {"08:00"}
    [sent] = send_emails(timedelta(hours=24))
    assert sent.subject == "2 unread messages"
    assert "Room:" in sent.body and "Alice:" in sent.body and "psst" in sent.body


def test_one_click_stops_the_emails_without_signing_in(alice, mailed_bob, group, send, client):
    send(alice, group, "@bob hello")
    [sent] = send_emails()
    url = sent.extra_headers["List-Unsubscribe"].strip("<>")
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url.startswith("https://chat.example.org/") and url in sent.body
    path = url.removeprefix("https://chat.example.org")
    assert client.get(path).status_code == 200
    assert not NotificationPreferences.objects.exists(), "programs that follow links must not unsubscribe"
    send(alice, group, "@bob again")
    expansion.expand_outbox()
    response = client.post(path, {"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    assert NotificationPreferences.objects.get(user=mailed_bob).email == "never"
    assert send_emails(timedelta(days=1)) == []
    assert client.post(path[:-3] + "x/").status_code == 404
