"""Processes uploaded images and videos in the background worker, before anybody can open them.

Processing removes metadata: phones store the place where a picture or video was taken in the file. If an image or video
cannot be decoded, users can only download it, and as much metadata is removed as is possible without decoding. Some
files keep their metadata: HEIC and AVIF files that cannot be decoded, and types that are not processed at all, such as
TIFF. See docs/decisions/uploads.md, also for damaged videos.

Until a file is processed, its message shows an empty box with the size of the image or video, and downloads of the file
are answered with status 503.
"""

from __future__ import annotations

from typing import Any

from chat import events
from chat.actions import search_index
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
    """Removes the metadata of an uploaded image or video. Does nothing if the file is deleted.

    If the file is processed already, only updates messages that do not show the result yet. This is necessary if an
    earlier call was interrupted after it had processed the file and before it had updated the messages.
    """
    file = File.objects.filter(pk=file_id).first()
    if file is None:
        return
    if file.state == File.State.READY:
        _update_messages(file)
        return
    is_video = file.content_type in content_types.MP4_TYPES
    complete_processing(file, **(videos.strip_video_metadata(file) if is_video else images.reencode_image(file)))


def complete_processing(file: File, *, kind: str = "", **changes: Any) -> None:
    """Saves the result of processing a file, marks the file as ready, and updates the messages that contain it.

    `changes` are the new values of fields of `File`. If `kind` is not empty, the attachments of the file get this kind.
    Each message is updated in a transaction of its own, after the file is saved. Last, the original file is deleted
    from the storage.
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
    _update_messages(row)
    if row.key != old_key:
        delete_stored_file(old_key)


def _update_messages(file: File) -> None:
    for message_id in file.attachments.filter(message__isnull=False).values_list("message_id", flat=True):
        _update_message_files(message_id)


def _update_message_files(message_id: int) -> None:
    """Copies the data of a message's attachments to its field `files`, and publishes the event `message.updated`.

    Also updates the total size of all files of the conversation. Does nothing if `files` has the same data already.
    """
    with moderation_transaction(message_id) as (tx, message):
        attachments = Attachment.objects.filter(message=message).select_related("file").order_by("place")
        files = serialize_attachments([attachment_schema(attachment) for attachment in attachments])
        if files == message.files:
            return
        tx.conversation.file_bytes += sum(file["size"] for file in files) - sum(file["size"] for file in message.files)
        tx.mark_changed("file_bytes")
        message.files = files
        tx.save_message(message, "files")
        search_index.update_message(message)
        tx.publish(events.message_updated(message_schema(message)))
