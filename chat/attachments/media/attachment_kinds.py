"""Decides for a content type which kind of attachment it is: image, video, audio or a plain file."""

from __future__ import annotations

from chat.attachments.media.content_types import IMAGE_TYPES, INLINE_TYPES, VIDEO_TYPES
from chat.models import Attachment


def get_attachment_kind(content_type: str, *, inline: bool = True) -> str:
    """Returns the `Attachment.Kind` of a content type: image, video, audio or plain file.

    With `inline=False` the result is always a plain file. This is used for images and videos that could not be
    processed.
    """
    if not inline or content_type not in INLINE_TYPES:
        return str(Attachment.Kind.FILE)
    if content_type in IMAGE_TYPES:
        return str(Attachment.Kind.IMAGE)
    return str(Attachment.Kind.VIDEO if content_type in VIDEO_TYPES else Attachment.Kind.AUDIO)
