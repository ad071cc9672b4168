"""The listeners of the example app."""

from __future__ import annotations

from chat import selectors
from chat.events import MessagePayload
from messenger.live.listeners import PublishedEvent
from tests.example_app.models import Notice


def store_notices(events: list[PublishedEvent[MessagePayload]]) -> None:
    """Stores a notice of each text message for all its recipients: the members except its sender."""
    Notice.objects.bulk_create(
        Notice(user_id=user_id, message_id=message.id)
        for message in [event.payload.message for event in events]
        if message.kind == "text"
        for user_id in selectors.list_member_ids(message.conversation_id)
        if user_id != message.sender.id
    )


def fail(events: list[PublishedEvent[MessagePayload]]) -> None:
    raise RuntimeError("A listener with a mistake")
