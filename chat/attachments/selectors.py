"""Files as somebody may see them. Access and look-up are one query, as everywhere."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from accounts.schemas import user_schema
from chat.attachments.schemas import attachment_schema
from chat.models import Attachment, Conversation, Message
from chat.schemas import FileSchema, moment
from chat.selectors.conversations import PAGE, get_membership
from messenger.core.errors import not_found


def attachment(user_id: int, attachment_id: int) -> Attachment:
    """In a message that stands, of a conversation that they are in now; or their own that is not sent yet."""
    mine = Conversation.objects.visible_to(user_id)
    shown = Q(message__deleted_at=None, conversation__in=mine)
    row = (
        Attachment.objects.filter(shown | Q(message=None, owner_id=user_id), pk=attachment_id)
        .select_related("file")
        .first()
    )
    if row is None:
        raise not_found()
    return row


def files(
    user_id: int, conversation_id: int, *, kind: str = "", before: int | None = None, limit: int = PAGE
) -> tuple[list[FileSchema], int | None]:
    """Newest first, of one kind or of all. The cursor is the last attachment's id."""
    get_membership(user_id, conversation_id)
    rows = Attachment.objects.filter(conversation_id=conversation_id, message__deleted_at=None)
    if kind:
        rows = rows.filter(kind=kind)
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.select_related("file", "message__sender").order_by("-pk")[: limit + 1])
    shapes = []
    for row in found[:limit]:
        message = row.message
        assert message is not None
        sender = user_schema(message.sender)
        shapes.append(FileSchema(attachment_schema(row), message.pk, message.seq, sender, moment(message.created_at)))
    return shapes, (found[limit - 1].pk if len(found) > limit else None)


def sent_under(user_id: int, client_id: UUID) -> list[int] | None:
    """The files of a message that this person sent under this client_id; None where there is none yet."""
    message = Message.objects.filter(client_id=client_id, sender_id=user_id).only("pk").first()
    if message is None:
        return None
    return list(Attachment.objects.filter(message=message).order_by("place").values_list("pk", flat=True))
