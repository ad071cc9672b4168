"""Background tasks of notifications. They import the functions that they call, because these import this module."""

from __future__ import annotations

from messenger.background import HIGH_PRIORITY, LOW_PRIORITY, task


@task(timeout=110, max_attempts=8, retry_delay=2, priority=HIGH_PRIORITY)
def expand_outbox() -> None:
    """Finds the recipients of new messages and stores what is to be sent to them."""
    from notifications import expansion

    expansion.expand_outbox()


@task(every=20, timeout=110)
def expand_missed_messages() -> None:
    """Handles messages whose own task has run too early or was killed."""
    from notifications import expansion

    expansion.expand_outbox()


@task(timeout=110, max_attempts=8, retry_delay=2, priority=HIGH_PRIORITY)
def send_pushes() -> None:
    """Sends the push messages that are due."""
    from notifications.push import sending

    sending.send_due_pushes()


@task(every=15, timeout=110)
def retry_pushes() -> None:
    """Sends the push messages again that a push service did not accept."""
    from notifications.push import sending

    sending.send_due_pushes()


@task(every=60, timeout=110)
def send_emails() -> None:
    """Sends the e-mails about messages that have stayed unread for long enough."""
    from notifications import emails

    emails.send_due_emails()


@task(every=3600, timeout=600, priority=LOW_PRIORITY)
def delete_old_notifications() -> None:
    """Deletes decisions older than settings.NOTIFICATION_DAYS, and subscriptions of sign-ins that have ended."""
    from notifications import cleanup

    cleanup.delete_old()
