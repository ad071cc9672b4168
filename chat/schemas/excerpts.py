"""Builds the excerpt of a message, which replies and the list of conversations show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chat.schemas.attachments import AttachmentSchema, format_duration
from messenger.core.excerpts import html_to_text, shorten

FILE_KIND_EMOJI = {"image": "🖼️", "video": "🎬", "audio": "🎵", "file": "📎"}  # as in static/js/lib/wording.js
VOICE_NOTE_EMOJI = "🎤"


def make_excerpt(body_html: str, files: Sequence[AttachmentSchema | dict[str, Any]] = ()) -> str:
    """Returns the beginning of a message as one line without Markdown. `body_html` is its rendered text.

    If there is no text, returns an emoji for the kind of the first file, and the name of this file. For a voice note,
    its duration is returned instead of the name.
    """
    line = shorten(html_to_text(body_html))
    if line or not files:
        return line
    first = files[0] if isinstance(files[0], AttachmentSchema) else AttachmentSchema(**files[0])
    if first.is_voice_note:
        line = f"{VOICE_NOTE_EMOJI} {format_duration(first.duration)}"
    else:
        line = f"{FILE_KIND_EMOJI.get(first.kind, FILE_KIND_EMOJI['file'])} {first.name}"
    return shorten(f"{line} +{len(files) - 1}" if len(files) > 1 else line)
