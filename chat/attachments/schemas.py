"""Output schemas of attachments and uploads, made from their rows."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from chat.models import Attachment, File, Upload
from chat.schemas import AttachmentSchema, UploadSchema
from messenger.core.timestamps import format_timestamp


def attachment_schema(attachment: Attachment) -> AttachmentSchema:
    """`attachment.file` must be loaded (select_related)."""
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
    """Returns the value of `Message.files`: the row of a message holds its attachments as JSON."""
    return msgspec.to_builtins(attachments)


def upload_schema(upload: Upload) -> UploadSchema:
    """`upload.attachment.file` must be loaded (select_related)."""
    attachment = upload.attachment
    return UploadSchema(
        id=upload.pk,
        name=upload.name,
        size=upload.size,
        offset=upload.offset,
        expires_at=format_timestamp(upload.expires_at),
        attachment=attachment_schema(attachment) if attachment else None,
    )
