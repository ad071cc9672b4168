"""Tests of e-mails: their text and HTML in the language of the recipient, and the queue in which they wait to be sent.

An e-mail is stored in the queue in the same database transaction as the other changes of a request. A background task
sends it and deletes it from the queue.
"""

from __future__ import annotations

import re
import smtplib
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMessage, send_mail
from django.db import transaction
from django.test import Client
from django_tasks_db.models import DBTaskResult

from accounts.email import backends as queued
from accounts.email import layout
from accounts.models import QueuedMail, User
from tests.servers import PASSWORD

taken: list[EmailMessage] = []


class FailingMailBackend:
    """A Django mail backend that can fail: each call raises the next error in the list `refuses` instead of sending.

    When the list is empty, it accepts all e-mails.
    """

    refuses: list[Exception] = []

    def __init__(self, **_options):
        pass

    def send_messages(self, messages):
        if FailingMailBackend.refuses:
            raise FailingMailBackend.refuses.pop(0)
        taken.extend(messages)
        return len(messages)


@pytest.fixture
def mail_server(settings):
    settings.EMAIL_BACKEND, settings.MAIL_BACKEND = (
        "accounts.email.backends.QueuedEmailBackend",
        "tests.accounts.test_email.FailingMailBackend",
    )
    taken.clear()
    FailingMailBackend.refuses = []
    return taken


def make_all_due() -> None:
    from django.utils import timezone

    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())


def test_a_mail_is_queued_sent_once_and_deleted(mail_server, run_tasks):
    assert send_mail("Hello", "secret-link", None, ["alice@example.org"]) == 1
    assert mail_server == [] and QueuedMail.objects.count() == 1
    assert run_tasks() == 1
    assert run_tasks() == 0
    (message,) = mail_server
    assert b"secret-link" in message.message().as_bytes() and message.recipients() == ["alice@example.org"]
    assert not QueuedMail.objects.exists()
    assert "secret-link" not in str(list(DBTaskResult.objects.values()))


def test_a_mail_of_a_rolled_back_transaction_is_not_sent(mail_server, run_tasks):
    with pytest.raises(RuntimeError), transaction.atomic():
        send_mail("Hello", "text", None, ["alice@example.org"])
        raise RuntimeError
    assert run_tasks() == 0 and mail_server == []


def test_a_mail_is_retried_with_the_same_message_id(mail_server, run_tasks):
    FailingMailBackend.refuses = [
        ConnectionRefusedError(),
        smtplib.SMTPServerDisconnected(),
        smtplib.SMTPDataError(451, b"later"),
    ]
    send_mail("Hello", "text", None, ["alice@example.org"])
    before = bytes(QueuedMail.objects.get().raw)
    for _ in range(4):
        make_all_due()
        run_tasks()
    (message,) = mail_server
    assert message.message().as_bytes() == before
    assert not QueuedMail.objects.exists()


@pytest.mark.parametrize(
    "no",
    [
        smtplib.SMTPRecipientsRefused({"alice@example.org": (550, b"unknown")}),
        smtplib.SMTPDataError(554, b"spam"),
        smtplib.SMTPSenderRefused(553, b"no", "us"),
    ],
)
def test_a_permanently_rejected_mail_is_deleted_without_retry(mail_server, run_tasks, no, caplog):
    FailingMailBackend.refuses = [no]
    send_mail("Hello", "text", None, ["alice@example.org"])
    run_tasks()
    make_all_due()
    assert run_tasks() == 0 and mail_server == [] and not QueuedMail.objects.exists()
    assert DBTaskResult.objects.get().status == "FAILED"
    assert "alice@example.org" not in caplog.text


def test_a_crash_after_sending_does_not_send_twice(mail_server, run_tasks):
    send_mail("Hello", "text", None, ["alice@example.org"])
    number = QueuedMail.objects.get().pk
    queued.send_queued_mail(number)
    queued.send_queued_mail(number)
    assert len(mail_server) == 1


def test_an_expired_mail_is_deleted(mail_server, run_tasks):
    from datetime import timedelta

    from accounts import tasks

    send_mail("Hello", "text", None, ["alice@example.org"])
    QueuedMail.objects.update(created_at=QueuedMail.objects.get().created_at - timedelta(days=3))
    tasks.delete_old_mail.call()
    assert not QueuedMail.objects.exists()


# ── Contents ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_paragraphs_links_and_codes():
    text = "Hello\n\nhttps://x.example/a?b=c\n\n123456\n\nA1B2-C3"
    assert [(block.kind, block.text) for block in layout.split_blocks(text)] == [
        ("text", "Hello"),
        ("link", "https://x.example/a?b=c"),
        ("code", "123456"),
        ("code", "A1B2-C3"),
    ]


def test_a_mail_has_text_and_html_with_escaped_names(client, make_user):
    make_user("eve", name="<b>Eve</b>", email="eve@example.org")
    client.post("/accounts/password/reset/", {"email": "eve@example.org"})
    (message,) = mail.outbox
    (html, kind) = message.alternatives[0]
    link = re.search(r"http://localhost:8000/accounts/password/reset/key/\S+", message.body)
    assert kind == "text/html" and link
    assert f'href="{link[0]}"' in html
    assert "<b>Eve</b>" in message.body and "&lt;b&gt;Eve&lt;/b&gt;" in html and "<b>Eve" not in html
    assert not re.search(r"<(?:img|link|script)|url\(", html), "nothing from elsewhere"


def test_a_password_change_is_mailed_in_the_language_of_the_user(make_user):
    alice = make_user("alice", email="alice@example.org", language="zh-hans")
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    client = Client()
    client.force_login(alice)
    new = "another-long-one-7"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    (message,) = mail.outbox
    assert message.to == ["alice@example.org"]
    assert "127.0.0.1" in message.body


@pytest.mark.parametrize(
    ("profile", "last_browser", "zone"),
    [
        ("Europe/Berlin", "Asia/Tokyo", "Europe/Berlin"),
        ("", "Asia/Tokyo", "Asia/Tokyo"),
        ("", "", "America/New_York"),
    ],
)
def test_the_time_in_an_email_is_in_the_time_zone_of_its_reader(client, alice, profile, last_browser, zone):
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    client.force_login(alice)
    client.cookies["timezone"] = "America/New_York"  # perhaps of a stranger who knows the password
    client.get("/settings/")
    User.objects.filter(pk=alice.pk).update(time_zone=profile, browser_time_zone=last_browser)
    client.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "another-long-one-7", "password2": "another-long-one-7"},
    )
    (message,) = mail.outbox
    assert f"{datetime.now(ZoneInfo(zone)):%Y-%m-%d %H:}" in message.body
    assert datetime.now(ZoneInfo(zone)).strftime("%Z") in message.body


def test_an_unconfirmed_address_gets_no_account_mails(make_user):
    bob = make_user("bob", email="somebody@example.org")
    EmailAddress.objects.create(user=bob, email="somebody@example.org", verified=False, primary=True)
    client = Client()
    client.force_login(bob)
    new = "another-long-one-7"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert mail.outbox == []
