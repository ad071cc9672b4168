"""Handles the attachments of messages that are sent, forwarded or deleted. The functions of `chat.actions` call these
functions inside their transactions.

Sending a message without files makes no database query in this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import BigIntegerField, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from chat import tasks
from chat.attachments.schemas import attachment_schema
from chat.attachments.uploads import check_conversation_quota
from chat.models import Attachment, Conversation, Message
from chat.schemas import AttachmentSchema
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError, invalid


class MessageFiles:
    """The files of one of the messages that are sent together in a batch: unsent uploads of the sender, or the files of
    a message that is forwarded.

    `load_files` sets `attachments`, the rows of the database, or `error`. `prepare_attachments` sets `schemas`: the
    files as they are sent to clients.
    """

    def __init__(
        self,
        conversation_id: int,
        user_id: int,
        attachment_ids: Sequence[int] = (),
        forwarded_message_id: int | None = None,
    ):
        self.conversation_id, self.user_id = conversation_id, user_id
        self.attachment_ids, self.forwarded_message_id = list(attachment_ids), forwarded_message_id
        self.error: ApplicationError | None = None
        self.attachments: list[Attachment] = []
        self.schemas: list[AttachmentSchema] = []


def load_files(batch: Sequence[MessageFiles]) -> None:
    """Loads and locks the attachments of each message in `batch` (messages that are saved together). Checks permission,
    number of files and size limit.

    Because of the lock, a background task that has just processed an image waits until the message is saved. Then the
    task can update the message.
    """
    attachment_ids = {pk for files in batch for pk in files.attachment_ids}
    source_ids = {files.forwarded_message_id for files in batch if files.forwarded_message_id}
    locked = Attachment.objects.select_for_update(no_key=True, of=("self", "file")).select_related("file")
    unsent = {}
    if attachment_ids:
        unsent = {row.pk: row for row in locked.filter(pk__in=attachment_ids, message=None).order_by("pk")}
    by_source: dict[int, list[Attachment]] = {}
    if source_ids:
        for attachment in locked.filter(message__in=source_ids).order_by("pk"):
            by_source.setdefault(attachment.message_id or 0, []).append(attachment)
    used_bytes: dict[int, int] = {}
    for files in batch:
        if files.forwarded_message_id:
            sources = by_source.get(files.forwarded_message_id, ())
            files.attachments = sorted(sources, key=lambda attachment: attachment.place)
        else:
            files.error = _assign_unsent(files, unsent)
        if files.error is None:
            files.error = _check_quota(files, used_bytes)


def _assign_unsent(files: MessageFiles, unsent: dict[int, Attachment]) -> ApplicationError | None:
    if len(files.attachment_ids) > settings.FILES_AT_ONCE:
        detail = _("At most %(limit)s files at once.") % {"limit": settings.FILES_AT_ONCE}
        return invalid(attachment_ids=detail)
    for pk in files.attachment_ids:
        attachment = unsent.pop(pk, None)  # a file can be sent only once, also within one batch
        if attachment is None or attachment.owner_id != files.user_id:
            return invalid(attachment_ids=_("This file doesn’t exist or was already sent."))
        files.attachments.append(attachment)
    return None


def _check_quota(files: MessageFiles, used_bytes: dict[int, int]) -> ApplicationError | None:
    """Returns an error if the new files of a message would exceed the size limit for all files of its conversation.

    `used_bytes` maps conversation ids to the present size of all files of the conversation. It is a cache for one batch
    of messages, which stays correct because the rows of the conversations are locked.
    """
    conversation_id = files.conversation_id
    additional_bytes = sum(attachment.file.size for attachment in files.attachments)
    if conversation_id not in used_bytes:
        used_bytes[conversation_id] = Conversation.objects.values_list("file_bytes", flat=True).get(pk=conversation_id)
    try:
        check_conversation_quota(used_bytes[conversation_id], additional_bytes)
    except ApplicationError as error:
        return error
    used_bytes[conversation_id] += additional_bytes
    return None


def prepare_attachments(batch: Iterable[MessageFiles], now: datetime) -> None:
    """Sets `schemas` (the attachments as sent to clients) of each message in `batch`, with the final attachment ids.

    For a forwarded message it creates new attachments, which share the stored bytes with the original attachments.
    """
    for files in batch:
        if files.forwarded_message_id:
            files.attachments = Attachment.objects.bulk_create(
                Attachment(
                    file=source.file,
                    owner_id=files.user_id,
                    kind=source.kind,
                    name=source.name,
                    alt=source.alt,
                    created_at=now,
                )
                for source in files.attachments
            )
        files.schemas = [attachment_schema(attachment) for attachment in files.attachments]


def attach_to_message(files: MessageFiles, message_id: int) -> None:
    """Assigns the attachments in `files` to the message `message_id`. Adds their size to the conversation's
    `file_bytes`.
    """
    for index, attachment in enumerate(files.attachments):
        attachment.message_id, attachment.conversation_id = message_id, files.conversation_id
        attachment.place = index
    Attachment.objects.bulk_update(files.attachments, ["message", "conversation", "place"])
    size = sum(attachment.file.size for attachment in files.attachments)
    Conversation.objects.filter(pk=files.conversation_id).update(file_bytes=F("file_bytes") + size)


def delete_message_files(message: Message, *, keeps_files: bool = False) -> None:
    """Deletes the attachments of a message. A background task then deletes files that no other attachment uses.

    The size of all files of the conversation (`file_bytes`) is reduced by the sizes stored in `message.files`. With
    `keeps_files` only this happens: the attachments stay, for a legal hold.
    """
    size = sum(file["size"] for file in message.files)
    Conversation.objects.filter(pk=message.conversation_id).update(file_bytes=F("file_bytes") - size)
    if not keeps_files:
        delete_attachments([message.pk])


def delete_attachments(message_ids: Iterable[int]) -> None:
    """Deletes the attachments of messages, and later the files that no other attachment uses."""
    if Attachment.objects.filter(message__in=message_ids).delete()[0]:
        tasks.delete_orphaned_files.enqueue()


def recount_conversation_sizes() -> int:
    """Corrects the size of all files (`file_bytes`) of conversations where it is wrong. Returns how many were wrong.

    It can be wrong after rows were changed by hand, or after an error in the code that counts. Quotas depend on it.
    """
    attachments = Attachment.objects.filter(conversation=OuterRef("pk"), message__isnull=False).order_by()
    sizes = attachments.values("conversation").annotate(total=Sum("file__size")).values("total")
    suspect = Conversation.objects.annotate(total=Coalesce(Subquery(sizes), 0, output_field=BigIntegerField())).exclude(
        file_bytes=F("total")
    )
    return sum(_recount(pk) for pk in suspect.values_list("pk", flat=True))


def _recount(conversation_id: int) -> bool:
    """Counts the files of one conversation as stored in its messages, while no message can be sent to it."""
    with write_transaction():
        conversation = Conversation.objects.select_for_update().get(pk=conversation_id)
        sent = Message.objects.filter(conversation_id=conversation_id, deleted_at=None, attachments__isnull=False)
        size = sum(file["size"] for files in sent.distinct().values_list("files", flat=True) for file in files)
        if size == conversation.file_bytes:
            return False
        Conversation.objects.filter(pk=conversation_id).update(file_bytes=size)
        return True
