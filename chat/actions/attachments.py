"""Processes uploaded images and videos in the worker, before anybody may open them, and updates their messages.

Processing removes metadata: phones write into pictures and videos where they were taken. A file that cannot be
re-encoded or read becomes a download, with as much metadata removed as is possible without decoding. Some files keep
theirs: a HEIC or AVIF that cannot be decoded, and types that are not processed at all, such as TIFF. For damaged
videos and the rest see docs/decisions/uploads.md.

While a file waits, its message shows it with its future size, and downloads answer 503.
"""

from __future__ import annotations

from typing import Any

from chat import events
from chat.actions.transaction import moderation_transaction
from chat.attachments import filenames
from chat.attachments.media import content_types, images, videos
from chat.attachments.schemas import attachment_schema, serialize_attachments
from chat.attachments.storage.base import delete_stored_file
from chat.models import Attachment, File
from chat.schemas import message_schema
from messenger.core.database import write_transaction

# If re-encoding changed the type, the extension of the name follows: `IMG_1.HEIC` of a phone becomes `IMG_1.jpg`.
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}


def process_file(file_id: int) -> None:
    """Processes a waiting file. Can be repeated: a file that is ready does not change."""
    file = File.objects.filter(pk=file_id, state=File.State.WAITING).first()
    if file is None:
        return
    is_video = file.content_type in content_types.MP4_TYPES
    complete_processing(file, **(videos.strip_video_metadata(file) if is_video else images.reencode_image(file)))


def complete_processing(file: File, *, kind: str = "", **changes: Any) -> None:
    """Saves `changes`, marks the file as ready and updates the messages that show it.

    `kind` changes the kind of its attachments. The order matters: first the row, then the messages, each in its own
    transaction and with its own version, and last the old bytes are deleted.
    """
    old_key, old_content_type = file.key, file.content_type
    with write_transaction():
        row = File.objects.select_for_update().filter(pk=file.pk, state=File.State.WAITING).first()
        if row is None:  # deleted, or another worker has finished before
            for key in [changes.get("key"), *(thumbnail["key"] for thumbnail in changes.get("thumbnails", ()))]:
                if key:
                    delete_stored_file(key)
            return
        for name, value in changes.items():
            setattr(row, name, value)
        row.state = File.State.READY
        row.save()
        if kind:
            row.attachments.update(kind=kind)
        if row.content_type != old_content_type:
            for attachment in row.attachments.all():
                attachment.name = filenames.replace_extension(attachment.name, _EXTENSIONS[row.content_type])
                attachment.save(update_fields=["name"])
    for message_id in row.attachments.filter(message__isnull=False).values_list("message_id", flat=True):
        _update_message_files(message_id)
    if row.key != old_key:
        delete_stored_file(old_key)


def _update_message_files(message_id: int) -> None:
    """Rewrites the attachments in the row of a message from their current state and publishes the change."""
    with moderation_transaction(message_id) as (tx, message):
        attachments = Attachment.objects.filter(message=message).select_related("file").order_by("place")
        files = serialize_attachments([attachment_schema(attachment) for attachment in attachments])
        if files == message.files:
            return
        message.files = files
        tx.save_message(message, "files")
        tx.publish(events.message_updated(message_schema(message)))
