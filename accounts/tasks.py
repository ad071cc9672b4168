"""Background tasks of accounts: they send queued e-mails, and delete old ones and user names that are free again."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.email import backends
from accounts.models import QueuedMail, RetiredUsername
from messenger.background import HIGH_PRIORITY, task

MAIL_LIFETIME = timedelta(days=2)  # then the links in it have expired


@task(timeout=60, max_attempts=24, retry_delay=10, max_retry_delay=3600, priority=HIGH_PRIORITY)
def send_mail(mail_id: int) -> None:
    """Sends one queued e-mail. If the mail server fails, tries again for most of a day.

    Other e-mails do not wait for this one, since each has its own task.
    """
    backends.send_queued_mail(mail_id)


@task(every=3600)
def delete_old_mail() -> None:
    """Deletes queued e-mails that could not be sent within MAIL_LIFETIME (two days)."""
    QueuedMail.objects.filter(created_at__lt=timezone.now() - MAIL_LIFETIME).delete()


@task(every=60)
def end_expired_suspensions() -> None:
    """Restores the accounts whose suspension has reached its end."""
    from accounts import actions

    actions.end_expired_suspensions()


@task(every=24 * 3600)
def delete_expired_usernames() -> None:
    """Deletes the rows of changed user names that everybody may use again."""
    RetiredUsername.objects.delete_expired()
