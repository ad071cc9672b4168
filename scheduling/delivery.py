"""Sends scheduled messages when their time has come. Executed by the worker.

A message is claimed first. From then on it cannot be changed, so an attempt after a killed worker sends the same
message with the same `client_id`: it is stored once. Its row is deleted afterwards.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from chat import actions
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError
from notifications import pending_pushes
from notifications.tasks import send_pushes
from scheduling import tasks
from scheduling.models import Failure, ScheduledMessage

log = logging.getLogger(__name__)

PUSH_KIND = "scheduled"  # of push messages about messages that were not sent
CLAIM_TIME = timedelta(seconds=90)  # longer than the task may run; then another attempt may send the message
BATCH_SIZE = 5  # messages claimed at a time: those of a killed worker wait for CLAIM_TIME
RETRY_SECONDS = 5.0  # after an error that passes
GIVE_UP_AFTER = timedelta(days=1)


def send_due_messages() -> int:
    """Sends all messages that are due, the earliest first. Returns how many were sent."""
    count = 0
    while rows := _claim():
        for row in rows:
            count += _send(row)
    return count


def _claim() -> list[ScheduledMessage]:
    now = timezone.now()
    with write_transaction():
        due = ScheduledMessage.objects.filter(due_at__lte=now).order_by("send_at", "pk")
        rows = list(due.select_for_update(skip_locked=True)[:BATCH_SIZE])
        ScheduledMessage.objects.filter(pk__in=[row.pk for row in rows]).update(
            is_claimed=True, due_at=now + CLAIM_TIME
        )
    return rows


def _send(row: ScheduledMessage) -> bool:
    """Sends one claimed message and deletes its row. Returns whether it was sent now."""
    try:
        _message, created = actions.send_message(
            row.user_id,
            row.conversation_id,
            row.client_id,
            row.body,
            reply_to_id=row.reply_to_id,
            attachment_ids=row.attachment_ids,
            keeps_read_marker=True,  # the author may be away, and has not read what others have written
        )
    except ApplicationError as error:
        _store_error(row, error)
        return False
    with write_transaction():
        ScheduledMessage.objects.filter(pk=row.pk).delete()
    return created


def _store_error(row: ScheduledMessage, error: ApplicationError) -> None:
    """Stores that a message was not sent: for a while, or for good.

    After a fault of the database, nobody knows whether the message is stored. So it stays claimed.
    """
    rows, now = ScheduledMessage.objects.filter(pk=row.pk), timezone.now()
    if error.code in ("rate_limited", "unavailable", "internal") and now - row.send_at < GIVE_UP_AFTER:
        retry_at = now + timedelta(seconds=max(error.retry_after or 0, RETRY_SECONDS))
        with write_transaction():
            rows.update(is_claimed=error.code != "rate_limited", due_at=retry_at)
            tasks.send_scheduled_messages.using(run_after=retry_at).enqueue()
        return
    failure = _find_failure(row, error)
    log.info("The scheduled message %s was not sent: %s", row.pk, failure.value)
    with write_transaction():
        rows.update(is_claimed=False, due_at=None, failure=failure)
        if pending_pushes.add([(row.user_id, row.conversation_id)], PUSH_KIND, row.pk):
            send_pushes.enqueue()


def _find_failure(row: ScheduledMessage, error: ApplicationError) -> Failure:
    if not User.objects.filter(pk=row.user_id, is_active=True).exists():
        return Failure.SUSPENDED
    by_code = {
        "not_found": Failure.NOT_MEMBER,
        "blocked": Failure.BLOCKED,
        "forbidden": Failure.NOT_ALLOWED,
    }
    return by_code.get(error.code, Failure.REFUSED)
