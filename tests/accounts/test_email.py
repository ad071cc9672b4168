"""Mails: as text and HTML, in the reader's language, kept with the transaction, sent by a job, then gone."""

from __future__ import annotations

import re
import smtplib

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMessage, send_mail
from django.db import transaction
from django.test import Client
from django_tasks_db.models import DBTaskResult

from accounts.email import backends as queued
from accounts.email import layout
from accounts.models import QueuedMail
from tests.servers import PASSWORD

taken: list[EmailMessage] = []


class Taker:
    """A mail server that says no as often as it is told to."""

    refuses: list[Exception] = []

    def __init__(self, **_options):
        pass

    def send_messages(self, messages):
        if Taker.refuses:
            raise Taker.refuses.pop(0)
        taken.extend(messages)
        return len(messages)


@pytest.fixture
def outgoing(settings):
    settings.EMAIL_BACKEND, settings.MAIL_BACKEND = (
        "accounts.email.backends.QueuedEmailBackend",
        "tests.accounts.test_email.Taker",
    )
    taken.clear()
    Taker.refuses = []
    return taken


def due() -> None:
    from django.utils import timezone

    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())


def test_a_mail_waits_goes_out_once_and_is_gone(outgoing, work):
    assert send_mail("Hello", "secret-link", None, ["alice@example.org"]) == 1
    assert outgoing == [] and QueuedMail.objects.count() == 1
    assert work() == 1
    assert work() == 0
    (message,) = outgoing
    assert b"secret-link" in message.message().as_bytes() and message.recipients() == ["alice@example.org"]
    assert not QueuedMail.objects.exists()
    assert "secret-link" not in str(list(DBTaskResult.objects.values()))


def test_what_is_rolled_back_is_not_sent(outgoing, work):
    with pytest.raises(RuntimeError), transaction.atomic():
        send_mail("Hello", "text", None, ["alice@example.org"])
        raise RuntimeError
    assert work() == 0 and outgoing == []


def test_a_mail_server_that_is_away_gets_it_later_with_the_same_id(outgoing, work):
    Taker.refuses = [ConnectionRefusedError(), smtplib.SMTPServerDisconnected(), smtplib.SMTPDataError(451, b"later")]
    send_mail("Hello", "text", None, ["alice@example.org"])
    before = bytes(QueuedMail.objects.get().raw)
    for _ in range(4):
        due()
        work()
    (message,) = outgoing
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
def test_what_will_never_be_taken_is_not_tried_again_and_not_kept(outgoing, work, no, caplog):
    Taker.refuses = [no]
    send_mail("Hello", "text", None, ["alice@example.org"])
    work()
    due()
    assert work() == 0 and outgoing == [] and not QueuedMail.objects.exists()
    assert DBTaskResult.objects.get().status == "FAILED"
    assert "alice@example.org" not in caplog.text


def test_a_crash_after_sending_sends_nothing_again(outgoing, work):
    send_mail("Hello", "text", None, ["alice@example.org"])
    number = QueuedMail.objects.get().pk
    queued.send_queued_mail(number)
    queued.send_queued_mail(number)
    assert len(outgoing) == 1


def test_a_mail_nobody_waits_for_any_more_is_forgotten(outgoing, work):
    from datetime import timedelta

    from accounts import tasks

    send_mail("Hello", "text", None, ["alice@example.org"])
    QueuedMail.objects.update(created_at=QueuedMail.objects.get().created_at - timedelta(days=3))
    tasks.delete_old_mail.call()
    assert not QueuedMail.objects.exists()


# ── How they look ────────────────────────────────────────────────────────────────────────────────────────────────
def test_paragraphs_links_and_codes():
    text = "Hello\n\nhttps://x.example/a?b=c\n\n123456\n\nA1B2-C3"
    assert [(block.kind, block.text) for block in layout.split_blocks(text)] == [
        ("text", "Hello"),
        ("link", "https://x.example/a?b=c"),
        ("code", "123456"),
        ("code", "A1B2-C3"),
    ]


def test_a_mail_has_text_and_html_and_a_name_is_only_text_in_both(client, person):
    person("eve", name="<b>Eve</b>", email="eve@example.org")
    client.post("/accounts/password/reset/", {"email": "eve@example.org"})
    (message,) = mail.outbox
    (html, kind) = message.alternatives[0]
    link = re.search(r"http://localhost:8000/accounts/password/reset/key/\S+", message.body)
    assert kind == "text/html" and link
    assert f'href="{link[0]}"' in html
    assert "<b>Eve</b>" in message.body and "&lt;b&gt;Eve&lt;/b&gt;" in html and "<b>Eve" not in html
    assert not re.search(r"<(?:img|link|script)|url\(", html), "nothing from elsewhere"


def test_a_new_password_is_told_to_the_address_that_is_known_in_the_persons_language(person):
    alice = person("alice", email="alice@example.org", language="zh-hans")
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    client = Client()
    client.force_login(alice)
    new = "another-long-one-7"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    (message,) = mail.outbox
    assert message.to == ["alice@example.org"]
    assert "127.0.0.1" in message.body


def test_an_address_that_nobody_has_confirmed_hears_nothing_of_the_account(person):
    bob = person("bob", email="somebody@example.org")
    EmailAddress.objects.create(user=bob, email="somebody@example.org", verified=False, primary=True)
    client = Client()
    client.force_login(bob)
    new = "another-long-one-7"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert mail.outbox == []
