"""Output schemas and events of scheduled messages and reminders."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chat.schemas import MessageSchema
from messenger.core.field_types import Timestamp, UUIDText, one_of
from messenger.core.timestamps import format_optional_timestamp, format_timestamp
from scheduling.models import Failure, Reminder, ScheduledMessage

FailureName = Annotated[str, one_of(["", *Failure.values])]


class ScheduledMessageSchema(msgspec.Struct):
    """A message that you have scheduled. When it is sent, it is no longer in the list.

    `failure`: why it was not sent, or empty. You are no longer a member (`not_member`), your account was suspended at
    that time (`suspended`), you have blocked the person (`blocked`), you may not write to the person any more
    (`not_allowed`), or the message was not accepted (`refused`). `is_sending`: it is being sent, and cannot be changed.
    """

    id: int
    conversation_id: int
    client_id: UUIDText
    body: str
    reply_to_id: int | None
    attachment_ids: list[int]
    send_at: Timestamp
    created_at: Timestamp
    is_sending: bool
    failure: FailureName
    detail: str


class ReminderSchema(msgspec.Struct):
    """You want to be reminded of `message` at `remind_at`. `notified_at`: when you were reminded."""

    id: int
    remind_at: Timestamp
    created_at: Timestamp
    notified_at: Timestamp | None
    message: MessageSchema


class ReminderEvent(msgspec.Struct):
    """The time of a reminder has come."""

    id: int
    message_id: int
    conversation_id: int
    seq: int


EVENTS: dict[str, type[msgspec.Struct]] = {"reminder.due": ReminderEvent}


def scheduled_message_schema(row: ScheduledMessage) -> ScheduledMessageSchema:
    return ScheduledMessageSchema(
        id=row.pk,
        conversation_id=row.conversation_id,
        client_id=str(row.client_id),
        body=row.body,
        reply_to_id=row.reply_to_id,
        attachment_ids=row.attachment_ids,
        send_at=format_timestamp(row.send_at),
        created_at=format_timestamp(row.created_at),
        is_sending=row.is_claimed,
        failure=row.failure,
        detail=str(row.get_failure_display()) if row.failure else "",
    )


def reminder_schema(row: Reminder, message: MessageSchema) -> ReminderSchema:
    return ReminderSchema(
        id=row.pk,
        remind_at=format_timestamp(row.remind_at),
        created_at=format_timestamp(row.created_at),
        notified_at=format_optional_timestamp(row.notified_at),
        message=message,
    )
