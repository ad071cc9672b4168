"""An attachment as the wire shows it, and as its message's row keeps it."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from chat.models import Attachment, File, Upload
from chat.schemas import AttachmentSchema, UploadSchema, moment


def attachment_schema(attachment: Attachment) -> AttachmentSchema:
    """`attachment` with its file at hand."""
    file = attachment.file
    thumbnails = [f"/files/{attachment.pk}/thumbnails/{each['width']}" for each in file.thumbnails]
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


def as_kept(shapes: list[AttachmentSchema]) -> list[dict]:
    return msgspec.to_builtins(shapes)


def upload_schema(upload: Upload) -> UploadSchema:
    """`upload` with its attachment and file at hand."""
    whole = upload.attachment
    return UploadSchema(
        id=upload.pk,
        name=upload.name,
        size=upload.size,
        offset=upload.offset,
        expires_at=moment(upload.expires_at),
        attachment=attachment_schema(whole) if whole else None,
    )
