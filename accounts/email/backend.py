"""Mail goes out by a job: it is kept with the transaction that wants it, and tried again while the mail server is away.

A page that sends one so takes no longer than one that sends none, and a crash in between loses nothing. What was sent
is deleted at once: such mails hold links that open accounts.
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import OperationalError

from accounts.models import QueuedMail
from messenger.background import GiveUp
from messenger.core.database import write_transaction


class Queued(BaseEmailBackend):
    """settings.EMAIL_BACKEND. What it keeps goes out by settings.MAIL_BACKEND."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        from accounts.tasks import send_mail  # which calls what stands below

        count = 0
        for message in email_messages:
            if recipients := message.recipients():
                raw = message.message().as_bytes()  # once: a mail tried again has the Message-ID that it had
                with write_transaction():
                    mail = QueuedMail.objects.create(sender=message.from_email, recipients=recipients, raw=raw)
                    send_mail.enqueue(mail.pk)
                count += 1
        return count


class _Raw:
    """What Django's backends ask of a finished mail."""

    def __init__(self, raw: bytes):
        self._raw = raw

    def as_bytes(self, unixfrom: bool = False, linesep: str = "\n") -> bytes:
        return self._raw.replace(b"\r\n", b"\n").replace(b"\n", linesep.encode())

    def get_charset(self) -> None:
        return None


class _Kept(EmailMessage):
    def __init__(self, mail: QueuedMail):
        super().__init__(from_email=mail.sender, to=mail.recipients)
        self._raw = bytes(mail.raw)

    def message(self, **_options) -> _Raw:
        return _Raw(self._raw)


def send(mail_id: int) -> None:
    """Hand one over. Raises GiveUp where the mail server will never take it, else whatever went wrong this time."""
    mail = QueuedMail.objects.filter(pk=mail_id).first()
    if mail is None:  # gone out already: the process ended before it could write down that it was done
        return
    try:
        get_connection(settings.MAIL_BACKEND).send_messages([_Kept(mail)])
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= 500 for code, _words in error.recipients.values()):
            _forget(mail)
            raise GiveUp("the mail server refuses these recipients") from None
        raise
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        if error.smtp_code >= 500:
            _forget(mail)
            raise GiveUp(f"the mail server refuses this mail: {error.smtp_code}") from None
        raise
    _forget(mail)


def _forget(mail: QueuedMail) -> None:
    """Insist: a mail that was sent and is still there would be sent again."""
    for wait in (0.1, 1, 5, None):
        try:
            mail.delete()
            return
        except OperationalError:
            if wait is None:
                raise
            time.sleep(wait)
