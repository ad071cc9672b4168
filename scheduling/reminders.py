"""Reminds users of messages at a time that they have chosen. Nobody else knows of a reminder."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from chat import selectors
from chat.models import Message
from chat.schemas import MessageSchema, message_schema
from chat.selectors import messages_with_relations
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import invalid, not_found
from notifications import pending_pushes
from notifications.tasks import send_pushes
from scheduling import tasks
from scheduling.models import Reminder
from scheduling.times import require_future

PUSH_KIND = "reminder"
MAX_REMINDERS = 200  # of one user
BATCH_SIZE = 100


def list_own(user_id: int) -> list[Reminder]:
    """Returns the reminders of a user, the earliest first, without those of messages that the user cannot see."""
    rows = Reminder.objects.filter(
        user=user_id,
        message__deleted_at=None,
        message__conversation__deleted_at=None,
        message__conversation__memberships__user=user_id,
        message__conversation__memberships__left_at=None,
    )
    return list(rows.order_by("remind_at", "pk"))


def get_own(user_id: int, reminder_id: int) -> Reminder:
    for row in list_own(user_id):
        if row.pk == reminder_id:
            return row
    raise not_found()


def find_for_message(user_id: int, message_id: int) -> Reminder | None:
    return Reminder.objects.filter(user=user_id, message=message_id).first()


def load_messages(rows: Iterable[Reminder]) -> dict[int, MessageSchema]:
    """Returns the messages of reminders by id."""
    found = messages_with_relations().in_bulk([row.message_id for row in rows])
    return {pk: message_schema(message) for pk, message in found.items()}


def set_reminder(user_id: int, message_id: int, remind_at: datetime) -> tuple[Reminder, bool]:
    """Reminds the user of a message at a time. Returns the reminder, and whether there was none of this message yet.

    The time of an existing reminder is changed, also if its time has already come (snooze).
    """
    message = selectors.get_message(user_id, message_id)
    if message.deleted_at is not None:
        raise not_found()
    require_future("remind_at", remind_at)
    rate_limits.require("schedule", user_id)
    if Reminder.objects.filter(user=user_id).exclude(message=message_id).count() >= MAX_REMINDERS:
        raise invalid(remind_at=_("At most %(limit)d reminders.") % {"limit": MAX_REMINDERS})
    with write_transaction():
        row, created = Reminder.objects.get_or_create(
            user_id=user_id, message_id=message_id, defaults={"remind_at": remind_at, "created_at": timezone.now()}
        )
        row.remind_at, row.notified_at = remind_at, None
        row.save(update_fields=["remind_at", "notified_at"])
        _update_browsers(row, message.conversation_id)
        tasks.notify_of_reminders.using(run_after=remind_at).enqueue()
    return row, created


def remove(user_id: int, reminder_id: int) -> None:
    """Deletes a reminder, and removes its notification from all browsers."""
    with write_transaction():
        row = Reminder.objects.filter(pk=reminder_id, user=user_id).select_related("message").first()
        if row is None:
            raise not_found()
        conversation_id = row.message.conversation_id
        _update_browsers(row, conversation_id)
        Reminder.objects.filter(pk=reminder_id).delete()


def _update_browsers(row: Reminder, conversation_id: int) -> None:
    """Removes the notification of a reminder that browsers show."""
    if row.pushed_at and pending_pushes.add([(row.user_id, conversation_id)], PUSH_KIND, row.pk):
        send_pushes.enqueue()


def notify_due(now: datetime | None = None) -> int:
    """Notifies users of the reminders whose time has come. Returns their number. Executed by the worker.

    A reminder is marked in the transaction that queues its push message, so each is notified once. Reminders of
    messages that were deleted, or that the user cannot see any more, are deleted.
    """
    now = now or timezone.now()
    count = 0
    while True:
        with write_transaction():
            due = Reminder.objects.filter(notified_at=None, remind_at__lte=now).order_by("remind_at", "pk")
            rows = list(due.select_for_update(skip_locked=True, of=("self",)).select_related("message")[:BATCH_SIZE])
            if not rows:
                return count
            visible, has_pushes = set(_visible_ids(rows)), False
            for row in rows:
                if row.pk not in visible:
                    row.delete()
                    continue
                row.notified_at, row.pushed_at = now, None
                row.save(update_fields=["notified_at", "pushed_at"])
                has_pushes |= pending_pushes.add([(row.user_id, row.message.conversation_id)], PUSH_KIND, row.pk)
                count += 1
            if has_pushes:
                send_pushes.enqueue()


def _visible_ids(rows: list[Reminder]) -> Iterable[int]:
    return Reminder.objects.filter(
        pk__in=[row.pk for row in rows],
        user__is_active=True,
        message__deleted_at=None,
        message__conversation__deleted_at=None,
        message__conversation__memberships__user=F("user"),
        message__conversation__memberships__left_at=None,
    ).values_list("pk", flat=True)


def list_just_notified(after: datetime) -> list[tuple[Reminder, Message]]:
    """Returns the reminders whose time has come since `after`, each with its message."""
    rows = Reminder.objects.filter(notified_at__gt=after).select_related("message")
    return [(row, row.message) for row in rows.order_by("notified_at")[:BATCH_SIZE]]
