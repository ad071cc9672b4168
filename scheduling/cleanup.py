"""Deletes scheduled messages and reminders that are not needed any more."""

from __future__ import annotations

from scheduling.models import Reminder, ScheduledMessage


def delete_data_of_deleted_accounts() -> None:
    for model in (ScheduledMessage, Reminder):
        model._default_manager.filter(user__deleted_at__isnull=False).delete()
