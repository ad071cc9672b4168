"""What the data export of a user contains of scheduled messages and reminders."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from messenger.core.timestamps import format_optional_timestamp, format_timestamp
from scheduling import reminders, scheduled_messages
from scheduling.schemas import scheduled_message_schema


def export_scheduling(user: User) -> dict[str, Any]:
    return {
        "scheduled_messages": [scheduled_message_schema(row) for row in scheduled_messages.list_own(user.pk)],
        "reminders": [
            {
                "message_id": row.message_id,
                "remind_at": format_timestamp(row.remind_at),
                "notified_at": format_optional_timestamp(row.notified_at),
            }
            for row in reminders.list_own(user.pk)
        ],
    }
