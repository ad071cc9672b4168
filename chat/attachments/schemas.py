"""Output schemas of attachments and uploads, and functions that build them from rows."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from chat.models import Attachment, File, Upload
from chat.schemas import AttachmentSchema, UploadSchema
from messenger.core.timestamps import format_timestamp


def attachment_schema(attachment: Attachment) -> AttachmentSchema:
    """Builds the AttachmentSchema (the data that clients get) of an attachment. `attachment.file` must be loaded
    (select_related).
    """
    file = attachment.file
    thumbnails = [f"/files/{attachment.pk}/thumbnails/{thumbnail['width']}" for thumbnail in file.thumbnails]
    return AttachmentSchema(
        id=attachment.pk,
        kind=str(attachment.kind),
        name=attachment.name,
        content_type=file.content_type,
        size=file.size,
        url=f"/files/{attachment.pk}/{quote(attachment.name)}",
        ready=file.state == File.State.READY,
        thumbnail_url=thumbnails[0] if thumbnails else None,
        preview_url=thumbnails[-1] if thumbnails else None,
        width=file.width,
        height=file.height,
        duration=file.duration,
        alt=attachment.alt,
    )


def serialize_attachments(attachments: list[AttachmentSchema]) -> list[dict]:
    """Returns attachments as a list of dicts for the JSON field `Message.files`. With this field, reading messages
    needs no join with the tables of attachments and files. What follows from the other fields is not stored.
    """
    rows = msgspec.to_builtins(attachments)
    return [{name: value for name, value in row.items() if name != "is_voice_note"} for row in rows]


def upload_schema(upload: Upload) -> UploadSchema:
    """Builds the UploadSchema (the data that clients get) of an upload.

    If the upload is complete, `upload.attachment.file` must be loaded (select_related).
    """
    attachment = upload.attachment
    return UploadSchema(
        id=upload.pk,
        name=upload.name,
        size=upload.size,
        offset=upload.offset,
        expires_at=format_timestamp(attachment.unsent_until if attachment else upload.expires_at),
        attachment=attachment_schema(attachment) if attachment else None,
    )
