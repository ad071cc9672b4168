"""Schedules messages, and lists, changes and cancels scheduled messages. Only their author can do this."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from chat import actions
from chat.models import Attachment, Message
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError, invalid, not_found
from scheduling import tasks
from scheduling.models import ScheduledMessage
from scheduling.times import require_future

MAX_SCHEDULED = 100  # scheduled messages of one user


def list_own(user_id: int, conversation_id: int | None = None) -> list[ScheduledMessage]:
    """Returns the scheduled messages of a user, those that failed too, in the order in which they are sent."""
    rows = ScheduledMessage.objects.filter(user=user_id).select_related("conversation")
    if conversation_id is not None:
        rows = rows.filter(conversation=conversation_id)
    return list(rows.order_by("send_at", "pk"))


def get_own(user_id: int, scheduled_id: int) -> ScheduledMessage:
    row = ScheduledMessage.objects.filter(pk=scheduled_id, user=user_id).select_related("conversation").first()
    if row is None:
        raise not_found()
    return row


def schedule(
    user_id: int,
    conversation_id: int,
    client_id: UUID,
    body: str,
    send_at: datetime,
    reply_to_id: int | None = None,
    attachment_ids: Sequence[int] = (),
) -> tuple[ScheduledMessage, bool]:
    """Schedules a message. Returns it, and False if this user has scheduled it with this `client_id` before.

    What would be refused now is refused, with the same error. It is checked again when the message is sent.
    """
    existing = ScheduledMessage.objects.filter(user=user_id, client_id=client_id).first()
    if existing is not None:
        content = (existing.conversation_id, existing.body, existing.reply_to_id, existing.attachment_ids)
        if content != (conversation_id, body, reply_to_id, list(attachment_ids)):
            raise ApplicationError("conflict", _("This client_id was already used for another message."))
        return existing, False
    row = ScheduledMessage(
        user_id=user_id,
        conversation_id=conversation_id,
        client_id=client_id,
        body=body,
        reply_to_id=reply_to_id,
        attachment_ids=list(attachment_ids),
        send_at=send_at,
        due_at=send_at,
        created_at=timezone.now(),
    )
    _require_sendable(row)
    require_future("send_at", send_at)
    rate_limits.require("schedule", user_id)
    if ScheduledMessage.objects.filter(user=user_id).count() >= MAX_SCHEDULED:
        raise invalid(body=_("At most %(limit)d scheduled messages.") % {"limit": MAX_SCHEDULED})
    if Message.objects.filter(sender=user_id, client_id=client_id).exists():
        raise ApplicationError("conflict", _("This client_id was already used for another message."))
    try:
        with write_transaction():
            row.save()
            _enqueue(send_at)
    except IntegrityError:  # the same request at the same moment
        return ScheduledMessage.objects.get(user=user_id, client_id=client_id), False
    return row, True


def change(
    user_id: int, scheduled_id: int, *, body: str | None = None, send_at: datetime | None = None
) -> ScheduledMessage:
    """Changes the text or the time of a scheduled message. One that has failed is tried again at the new time."""
    rate_limits.require("schedule", user_id)
    with write_transaction():
        row = _lock_own(user_id, scheduled_id)
        if body is not None:
            row.body = body
        if send_at is not None or row.failure:
            row.send_at = row.due_at = require_future("send_at", send_at or row.send_at)
            row.failure = ""
            _enqueue(row.send_at)
        _require_sendable(row)
        row.save()
    return row


def send_now(user_id: int, scheduled_id: int) -> None:
    """Makes the worker send a scheduled message at once."""
    rate_limits.require("schedule", user_id)
    with write_transaction():
        row = _lock_own(user_id, scheduled_id)
        row.send_at = row.due_at = timezone.now()
        row.failure = ""
        row.save()
        _enqueue(row.send_at)


def cancel(user_id: int, scheduled_id: int) -> None:
    with write_transaction():
        _lock_own(user_id, scheduled_id).delete()


def list_attachment_ids() -> list[int]:
    """Returns the ids of all files that wait to be sent. They are not deleted with other files that were not sent."""
    rows = ScheduledMessage.objects.exclude(attachment_ids=[])
    return [pk for ids in rows.values_list("attachment_ids", flat=True) for pk in ids]


def get_file_names(rows: Iterable[ScheduledMessage]) -> dict[int, str]:
    """Returns the names of the files of scheduled messages by attachment id."""
    ids = [pk for row in rows for pk in row.attachment_ids]
    return dict(Attachment.objects.filter(pk__in=ids).values_list("pk", "name"))


def _lock_own(user_id: int, scheduled_id: int) -> ScheduledMessage:
    """Returns a scheduled message of this user, locked. Raises `conflict` if it is being sent already."""
    rows = ScheduledMessage.objects.filter(pk=scheduled_id, user=user_id).select_for_update(of=("self",))
    row = rows.select_related("conversation").first()
    if row is None:
        raise not_found()
    if row.is_claimed:
        raise ApplicationError("forbidden", _("This message is being sent already."))
    return row


def _require_sendable(row: ScheduledMessage) -> None:
    actions.require_sendable(
        row.user_id, row.conversation_id, row.client_id, row.body, row.reply_to_id, attachment_ids=row.attachment_ids
    )


def _enqueue(at: datetime) -> None:
    tasks.send_scheduled_messages.using(run_after=at).enqueue()
