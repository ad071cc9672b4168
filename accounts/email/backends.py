"""The queue of e-mails. A request stores e-mails in its transaction, and a background task sends them with retries.

So no e-mail is lost by a crash. And the response time does not reveal whether an e-mail was sent, that is whether an
account exists. A sent e-mail is deleted at once, because it may contain a link that gives access to an account.
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
from messenger.background import PermanentFailure
from messenger.core.database import write_transaction


class QueuedEmailBackend(BaseEmailBackend):
    """Stores e-mails in the queue (settings.EMAIL_BACKEND). A background task sends them with settings.MAIL_BACKEND."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        from accounts.tasks import send_mail  # not at the top: that module imports this one

        count = 0
        for message in email_messages:
            if recipients := message.recipients():
                raw = message.message().as_bytes()  # once, so that a retry has the same Message-ID
                with write_transaction():
                    mail = QueuedMail.objects.create(sender=message.from_email, recipients=recipients, raw=raw)
                    send_mail.enqueue(mail.pk)
                count += 1
        return count


class _RawMessage:
    """A complete e-mail as bytes, with the methods that Django's e-mail backends call on a message."""

    def __init__(self, raw: bytes):
        self._raw = raw

    def as_bytes(self, unixfrom: bool = False, linesep: str = "\n") -> bytes:
        return self._raw.replace(b"\r\n", b"\n").replace(b"\n", linesep.encode())

    def get_charset(self) -> None:
        return None


class _StoredEmail(EmailMessage):
    def __init__(self, mail: QueuedMail):
        super().__init__(from_email=mail.sender, to=mail.recipients)
        self._raw = bytes(mail.raw)

    def message(self, **_options) -> _RawMessage:
        return _RawMessage(self._raw)


def send_queued_mail(mail_id: int) -> None:
    """Sends one e-mail of the queue and deletes it.

    If the mail server refuses the e-mail permanently, deletes it and raises PermanentFailure. After any other error,
    the e-mail stays in the queue and the error is raised again.
    """
    mail = QueuedMail.objects.filter(pk=mail_id).first()
    if mail is None:  # sent already: the process ended before it could mark the task as done
        return
    try:
        get_connection(settings.MAIL_BACKEND).send_messages([_StoredEmail(mail)])
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= 500 for code, _message in error.recipients.values()):
            _delete(mail)
            raise PermanentFailure("the mail server refuses these recipients") from None
        raise
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        if error.smtp_code >= 500:
            _delete(mail)
            raise PermanentFailure(f"the mail server refuses this mail: {error.smtp_code}") from None
        raise
    _delete(mail)


def _delete(mail: QueuedMail) -> None:
    """Deletes an e-mail from the queue, with retries: if a sent e-mail stayed there, it would be sent again."""
    for retry_delay in (0.1, 1, 5, None):  # seconds
        try:
            mail.delete()
            return
        except OperationalError:
            if retry_delay is None:
                raise
            time.sleep(retry_delay)
