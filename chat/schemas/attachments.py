"""Output schemas of attachments and uploads."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from chat.models import Attachment
from messenger.core.field_types import Timestamp, one_of

AttachmentKind = Annotated[str, one_of(Attachment.Kind.values)]


# The names that the recorder of the page gives, in each language (static/js/composer/files/voice-recorder.js).
_VOICE_NOTE_NAME = re.compile(r".+ \d{4}-\d\d-\d\d \d\d\.\d\d\.(webm|ogg|m4a)", re.ASCII)


class AttachmentSchema(msgspec.Struct):
    """A file of a message. `url`: path on this site; needs authorization.

    `size` is in bytes, `width` and `height` in pixels, `duration` in seconds. While the server processes the file
    (removes metadata), `ready` is false and `url` responds with 503; the event `message.updated` follows when the file
    is ready. `preview_url`: large version of an image; `thumbnail_url`: small version. `alt`: description of the image
    for users who cannot see it. `is_voice_note`: an audio file that was recorded on this site and not chosen as a file.
    """

    id: int
    kind: AttachmentKind
    name: str
    content_type: str
    size: int
    url: str
    ready: bool = True
    thumbnail_url: str | None = None
    preview_url: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    alt: str = ""
    is_voice_note: bool = False

    def __post_init__(self) -> None:
        has_name = self.kind == "audio" and _VOICE_NOTE_NAME.fullmatch(self.name) is not None
        self.is_voice_note = has_name and bool(self.duration)


class UploadSchema(msgspec.Struct):
    """An upload of one file, which may be unfinished. `size` is the size of the complete file in bytes, `offset` the
    number of bytes that the server has stored so far.

    `attachment` is null until all bytes are stored. After that, the client can send a message with the id of this
    attachment. At `expires_at`, an upload without further bytes is deleted, or the attachment if it was not sent.
    """

    id: str
    name: str
    size: int
    offset: int
    expires_at: Timestamp
    attachment: AttachmentSchema | None


def format_duration(seconds: float | None) -> str:
    """Formats a duration in seconds as `0:07` or `1:02:03`. Returns "" if the duration is unknown or 0."""
    if not seconds:
        return ""
    minutes, rest = divmod(max(int(seconds + 0.5), 1), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
