"""What accounts leave to the worker."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.email import backend
from accounts.models import QueuedMail
from messenger.background import SOONER, job

MAIL_KEPT = timedelta(days=2)  # then nobody waits for it any more, and its links have expired


@job(seconds=60, tries=24, wait=10, longest_wait=3600, priority=SOONER)
def send_mail(mail_id: int) -> None:
    """Tried for most of a day. Each mail is on its own: one address that hangs holds up no other."""
    backend.send(mail_id)


@job(every=3600)
def forget_old_mail() -> None:
    QueuedMail.objects.filter(created_at__lt=timezone.now() - MAIL_KEPT).delete()
