"""What the data export of a user contains of notifications. The addresses and keys of browsers are secrets."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from messenger.core.timestamps import format_timestamp
from messenger.core.user_agents import describe_user_agent
from notifications import preferences, subscriptions
from notifications.schemas import preferences_schema


def export_notifications(user: User) -> dict[str, Any]:
    return {
        "notification_preferences": preferences_schema(preferences.get(user.pk)),
        "browsers_with_notifications": [
            {"device": describe_user_agent(row.sign_in.user_agent), "since": format_timestamp(row.created_at)}
            for row in subscriptions.list_own(user.pk)
        ],
    }
