"""Queries for attachments. Each query also checks whether the user `user_id` may see the attachments."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from accounts.schemas import user_schema
from chat.attachments.schemas import attachment_schema
from chat.models import Attachment, Conversation, Message
from chat.schemas import FileSchema
from chat.schemas.messages import forward_schema
from chat.selectors.conversations import PAGE, get_membership
from chat.selectors.messages import hidden_by_block
from chat.selectors.search import MessageSearch
from messenger.core.errors import not_found
from messenger.core.timestamps import format_timestamp


def get_attachment(user_id: int, attachment_id: int) -> Attachment:
    """Returns an attachment that the user may see. Otherwise raises `not_found`.

    A user may see attachments of messages that are not deleted, in conversations of which the user is a member, and
    attachments that the user has uploaded but not sent yet.
    """
    conversations = Conversation.objects.visible_to(user_id)
    is_visible = Q(message__deleted_at=None, conversation__in=conversations)
    attachment = (
        Attachment.objects.filter(is_visible | Q(message=None, owner_id=user_id), pk=attachment_id)
        .select_related("file")
        .first()
    )
    if attachment is None:
        raise not_found()
    return attachment


def list_files(
    user_id: int,
    conversation_id: int,
    *,
    kind: str = "",
    before: int | None = None,
    limit: int = PAGE,
    blocked_ids: Collection[int] = (),
) -> tuple[list[FileSchema], int | None]:
    """Returns one page of the files of a conversation, newest first, and the cursor of the next page (an attachment
    id).

    With `kind` (such as image or video), only files of this kind are returned. The messages that the conversation hides
    because the user has blocked `blocked_ids` are left out. Raises `not_found` if the user is not a member of the
    conversation.
    """
    get_membership(user_id, conversation_id)
    attachments = Attachment.objects.filter(conversation_id=conversation_id, message__deleted_at=None)
    if kind:
        attachments = attachments.filter(kind=kind)
    if before:
        attachments = attachments.filter(pk__lt=before)
    if blocked_ids:
        attachments = attachments.exclude(hidden_by_block(user_id, blocked_ids, "message__"))
    attachments = attachments.select_related("file", "message__sender", "message__forwarded_sender")
    rows = list(attachments.order_by("-pk")[: limit + 1])
    files = []
    for row in rows[:limit]:
        message = row.message
        assert message is not None
        files.append(
            FileSchema(
                attachment=attachment_schema(row),
                message_id=message.pk,
                seq=message.seq,
                sender=user_schema(message.sender),
                forwarded_from=forward_schema(message),
                created_at=format_timestamp(message.created_at),
            )
        )
    return files, (rows[limit - 1].pk if len(rows) > limit else None)


def search_files(
    search: MessageSearch,
    *,
    kind: str = "",
    before: int | None = None,
    limit: int = PAGE,
    blocked_ids: Collection[int] = (),
) -> tuple[list[FileSchema], int | None]:
    """Returns the files whose names have the words of a search, newest first, and the cursor of the next page.

    `kind` and `blocked_ids` are those of `list_files`. The cursor is the id of a message. All files of a message are on
    the same page.
    """
    if search.query.is_empty:
        return [], None
    page = search.find_messages_with_files(before, limit, kind, blocked_ids)
    messages = [hit.message for hit in page.hits]
    files = [
        FileSchema(attachment, message.id, message.seq, message.sender, message.forwarded_from, message.created_at)
        for message in messages
        for attachment in message.attachments
        if search.matches_file(attachment.name) and kind in ("", attachment.kind)
    ]
    return files, page.cursor


def list_sent_attachment_ids(user_id: int, client_id: UUID) -> list[int] | None:
    """Returns the ids of the attachments of the message that the user sent with this `client_id`, an id chosen by the
    client. Returns None if there is no such message.
    """
    message = Message.objects.filter(client_id=client_id, sender_id=user_id).only("pk").first()
    if message is None:
        return None
    return list(Attachment.objects.filter(message=message).order_by("place").values_list("pk", flat=True))
