"""Tests of e-mails about unread messages: when one is sent, what it says, and how it is stopped."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.utils import timezone

from accounts import actions as account_actions
from chat import actions
from chat.models import Conversation
from messenger.core.database import write_transaction
from notifications import emails, expansion, preferences
from notifications.models import GroupNotificationSettings, Notification, NotificationPreferences, OutboxEntry
from tests.threads import run_concurrently

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


def test_messages_are_in_their_order_if_a_worker_was_killed_that_had_the_first(
    alice, mailed_bob, direct_conversation, send
):
    send(alice, direct_conversation, "first")
    OutboxEntry.objects.update(claimed_until=timezone.now() + timedelta(seconds=20))
    send(alice, direct_conversation, "second")
    expansion.expand_outbox()
    OutboxEntry.objects.update(claimed_until=None)
    [message] = send_emails()
    assert message.body.index("> first") < message.body.index("> second")


def test_an_email_is_in_the_language_and_the_time_zone_of_its_reader(alice, mailed_bob, direct_conversation, send):
    message = send(alice, direct_conversation, "hello")
    [sent] = send_emails()
    at = datetime.fromisoformat(message.created_at).astimezone(ZoneInfo("Asia/Shanghai"))
    # The date, because an e-mail may be opened on another day than "today".
    assert f"Alice, {at.day} {at:%B} {at.year}, {at:%H:%M}\n" in sent.body


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


# ── The daily e-mail ────────────────────────────────────────────────────────────────────────────────────────────
SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2026, 3, 2, 8, 0, 30, tzinfo=SHANGHAI)  # a Monday


@pytest.fixture
def daily_bob(mailed_bob):
    """Returns bob, who wants one e-mail a day, at 8 o'clock in Shanghai."""
    NotificationPreferences.objects.create(user=mailed_bob, email="daily", digest_hour=8)
    return mailed_bob


@pytest.fixture
def send_at(send):
    """Returns a function: `send_at(time, alice, group, "@bob look")` sends a message that notifies at this time."""

    def run(at: datetime, *args, **fields):
        message = send(*args, **fields)
        with mock.patch.object(timezone, "now", return_value=at):
            expansion.expand_outbox()
        return message

    return run


def send_emails_at(at: datetime) -> list:
    """Sends what is due at this time. Returns the new e-mails."""
    before = len(mail.outbox)
    with mock.patch.object(timezone, "now", return_value=at):
        emails.send_due_emails()
    return mail.outbox[before:]


def change_preferences_at(at: datetime, user, **changes):
    with mock.patch.object(timezone, "now", return_value=at):
        preferences.update(user.pk, changes)


def test_a_later_hour_on_the_same_day_brings_no_second_daily_email(each_database, alice, daily_bob, group, send_at):
    send_at(MORNING - timedelta(hours=1), alice, group, "@bob one")
    assert len(send_emails_at(MORNING)) == 1
    change_preferences_at(MORNING + timedelta(minutes=1), daily_bob, digest_hour=20)
    send_at(MORNING + timedelta(hours=1), alice, group, "@bob two")
    assert send_emails_at(MORNING + timedelta(hours=12, minutes=1)) == []
    [sent] = send_emails_at(MORNING + timedelta(days=1, hours=12))
    assert "@bob two" in sent.body and "@bob one" not in sent.body


def test_messages_that_wait_are_sent_at_the_new_hour(alice, daily_bob, group, send_at):
    send_at(MORNING + timedelta(hours=1), alice, group, "@bob look")
    change_preferences_at(MORNING + timedelta(hours=2), daily_bob, digest_hour=20)
    assert send_emails_at(MORNING + timedelta(hours=11)) == []
    assert len(send_emails_at(MORNING + timedelta(hours=12))) == 1


def test_messages_that_wait_become_part_of_the_daily_email_of_someone_who_chooses_it(
    alice, mailed_bob, group, direct_conversation, send_at
):
    send_at(MORNING + timedelta(hours=1), alice, group, "@bob one")
    change_preferences_at(MORNING + timedelta(hours=1, minutes=5), mailed_bob, email="daily", digest_hour=8)
    send_at(MORNING + timedelta(hours=2), alice, direct_conversation, "two")
    assert send_emails_at(MORNING + timedelta(hours=3)) == []
    [sent] = send_emails_at(MORNING + timedelta(days=1))
    assert "@bob one" in sent.body and "two" in sent.body
    assert send_emails_at(MORNING + timedelta(days=1, minutes=1)) == []


def test_choosing_daily_while_a_message_is_handled_sends_nothing_before_the_hour(alice, mailed_bob, group, send_at):
    send_at(MORNING + timedelta(hours=1), alice, group, "@bob look")
    # Stored at the same moment, so the waiting message was not rescheduled.
    NotificationPreferences.objects.create(user=mailed_bob, email="daily", digest_hour=8)
    assert send_emails_at(MORNING + timedelta(hours=2)) == []
    assert len(send_emails_at(MORNING + timedelta(days=1))) == 1


def test_messages_that_wait_are_sent_soon_to_someone_who_does_not_want_the_daily_email_any_more(
    alice, daily_bob, group, send_at
):
    send_at(MORNING + timedelta(hours=1), alice, group, "@bob look")
    change_preferences_at(MORNING + timedelta(hours=2), daily_bob, email="away", email_minutes=90)
    assert send_emails_at(MORNING + timedelta(minutes=149)) == []
    assert len(send_emails_at(MORNING + timedelta(minutes=151))) == 1


def test_messages_that_wait_are_forgotten_when_emails_are_turned_off(alice, daily_bob, group, send_at):
    send_at(MORNING + timedelta(hours=1), alice, group, "@bob look")
    change_preferences_at(MORNING + timedelta(hours=2), daily_bob, email="never")
    change_preferences_at(MORNING + timedelta(hours=3), daily_bob, email="daily")
    assert send_emails_at(MORNING + timedelta(days=1)) == []


def test_several_workers_send_one_daily_email(postgres_db, alice, daily_bob, group, send_at):
    for number in range(10):
        send_at(MORNING - timedelta(hours=1), alice, group, f"@bob number {number}")
    before = len(mail.outbox)
    counts = run_concurrently(*[lambda: emails.send_due_emails(MORNING)] * 4)
    assert sum(counts) == 1
    [sent] = mail.outbox[before:]
    assert all(f"number {number}" in sent.body for number in range(10))


@pytest.mark.parametrize("mode", ["daily", "away"])
def test_nothing_is_sent_in_parts_while_another_worker_has_a_message(
    mode, postgres_db, alice, mailed_bob, group, send_at
):
    """Sending also ends at once, instead of trying again and again."""
    if mode == "daily":
        NotificationPreferences.objects.create(user=mailed_bob, email="daily", digest_hour=8)
    for text in ("@bob one", "@bob two"):
        send_at(MORNING - timedelta(hours=1), alice, group, text)
    locked, done = threading.Event(), threading.Event()

    def hold_one_message() -> None:
        with write_transaction():
            list(Notification.objects.select_for_update().order_by("pk")[:1])
            locked.set()
            done.wait(30)

    send_to, attempts = emails._send_to, []

    def count_attempt(*args) -> int:
        attempts.append(args)
        assert len(attempts) < 5, "this would never end"
        return send_to(*args)

    def send_meanwhile() -> int:
        locked.wait(30)
        try:
            with mock.patch.object(emails, "_send_to", count_attempt):
                return emails.send_due_emails(MORNING)
        finally:
            done.set()

    before = len(mail.outbox)
    assert run_concurrently(hold_one_message, send_meanwhile)[1] == 0
    [sent] = send_emails_at(MORNING + timedelta(minutes=1))
    assert len(mail.outbox) == before + 1
    assert "@bob one" in sent.body and "@bob two" in sent.body


def test_the_daily_email_is_in_the_language_and_the_time_zone_of_its_reader(
    alice, daily_bob, group, direct_conversation, send_at
):
    daily_bob.language = "zh-hans"
    daily_bob.save()
    message = send_at(MORNING - timedelta(hours=1), alice, group, "@bob 看")
    send_at(MORNING - timedelta(hours=1), alice, direct_conversation, "你好")
    [sent] = send_emails_at(MORNING)
    at = datetime.fromisoformat(message.created_at).astimezone(SHANGHAI)
    assert sent.subject == "2 条未读消息"
    assert "> 你好" in sent.body and f"{at:%H:%M}" in sent.body
    assert "Open" not in sent.body and "unread" not in sent.body
    assert 'lang="zh' in sent.alternatives[0][0]


@pytest.mark.parametrize("change", [read_all, delete, leave, block, mute])
def test_the_daily_email_leaves_out_what_was_read_deleted_or_blocked_meanwhile(
    change, alice, daily_bob, carol, group, send_at, read
):
    message = send_at(MORNING - timedelta(hours=2), alice, group, "@bob gone")
    other = actions.open_direct_conversation(carol.pk, daily_bob.pk)[0]
    send_at(MORNING - timedelta(hours=1), carol, Conversation.objects.get(pk=other.id), "still unread")
    change(alice, daily_bob, group, message, read)
    [sent] = send_emails_at(MORNING)
    everything = sent.subject + sent.body + sent.alternatives[0][0]
    assert "still unread" in everything
    assert "gone" not in everything and "Alice" not in everything and "Room" not in everything
