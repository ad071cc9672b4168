"""The input of the REST API of scheduled messages and reminders (msgspec structs)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils.translation import gettext_noop as _
from msgspec import UNSET, UnsetType

from messenger.core.field_types import DateTime, Id, described

Body = Annotated[str, described(_("Markdown, at most %(limit)d code points."), limit=settings.BODY_LIMIT)]


class SchedulePayload(msgspec.Struct):
    """Schedule a message: the server sends it at `send_at` with this `client_id`, at most a year ahead."""

    conversation_id: Id
    client_id: UUID
    body: Body
    send_at: DateTime
    reply_to_id: Id | None = None
    attachment_ids: Annotated[
        list[Id],
        msgspec.Meta(max_length=settings.FILES_AT_ONCE),
        described(_("Files that were uploaded but not yet sent, in this order; with files, `body` may be empty.")),
    ] = []


class ScheduledMessageChangesPayload(msgspec.Struct):
    """Changes of a scheduled message. One that was not sent is tried again at the new time."""

    body: Body | UnsetType = UNSET
    send_at: DateTime | UnsetType = UNSET


class ReminderPayload(msgspec.Struct):
    """Remind me of a message at `remind_at`, at most a year ahead."""

    message_id: Id
    remind_at: DateTime
