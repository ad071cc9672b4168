"""View models of attachments: their display size and labels.

In the browser `static/js/conversation/attachments/attachment-renderer.js` does the same for messages that arrive while
the page is open. The tests of both modules use tests/js/shared_cases/attachments.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from chat.attachments.filenames import get_extension
from chat.schemas import AttachmentSchema, format_duration

SINGLE_BOX = (360, 320)  # pixels; a single image or video is scaled down to fit
MIN_SIDE = 48  # pixels
TILE_SIDE = 176  # pixels; side of a tile if a message has several images
LONG_RATIO = 2.5  # of a high picture with more height for its width, only the upper part is shown
LONG_BOX = (180, 320)  # pixels; size of this part


@dataclass(slots=True)
class AttachmentView:
    attachment: AttachmentSchema
    width: int
    height: int
    type_label: str
    size_label: str
    duration_label: str

    @property
    def is_long_picture(self) -> bool:
        """True for a picture of which only a part is shown, with a sign: a long screenshot or a panorama."""
        return get_long_box(self.attachment) is not None

    @property
    def duration_seconds(self) -> str:
        """The duration of the audio or video in seconds, formatted as JavaScript formats numbers: `7`, `7.25`.

        An empty text if the duration is unknown.
        """
        return "" if self.attachment.duration is None else str(self.attachment.duration).removesuffix(".0")


def build_attachment_views(attachments: list[AttachmentSchema]) -> list[AttachmentView]:
    """Returns the view models of the attachments of one message.

    If a message has several images, they are shown as squares.
    """
    has_several_images = sum(attachment.kind == "image" for attachment in attachments) > 1
    return [_build_view(attachment, has_several_images) for attachment in attachments]


def build_tile(attachment: AttachmentSchema) -> AttachmentView:
    """Returns the view model of an attachment for the page that lists the files of a conversation.

    On that page every image is shown as a square.
    """
    return _build_view(attachment, True)


def _build_view(attachment: AttachmentSchema, is_tile: bool) -> AttachmentView:
    width, height = fit_box(attachment, is_tile)
    return AttachmentView(
        attachment,
        width,
        height,
        get_type_label(attachment.name),
        format_size(attachment.size),
        format_duration(attachment.duration),
    )


def fit_box(attachment: AttachmentSchema, is_tile: bool) -> tuple[int, int]:
    """Returns the width and height in pixels with which an image or video is displayed. With `is_tile`, images are
    square.

    The page reserves this space while the image or video is loading. So the text around it does not move when the image
    or video appears.
    """
    if is_tile and attachment.kind == "image":
        return TILE_SIDE, TILE_SIDE
    if long_box := get_long_box(attachment):
        return long_box
    max_width, max_height = SINGLE_BOX
    width, height = attachment.width or max_width, attachment.height or max_width * 9 // 16
    scale = min(max_width / width, max_height / height, 1)
    return max(int(width * scale + 0.5), MIN_SIDE), max(int(height * scale + 0.5), MIN_SIDE)


def get_long_box(attachment: AttachmentSchema) -> tuple[int, int] | None:
    """Returns the display size of a picture that would be too thin if all of it were shown, otherwise None."""
    width, height = attachment.width or 0, attachment.height or 0
    if attachment.kind != "image" or not width or not height:
        return None
    shown_width = max(min(width, LONG_BOX[0]), MIN_SIDE)
    if height > width * LONG_RATIO and height * shown_width > width * LONG_BOX[1]:
        return shown_width, LONG_BOX[1]
    if width * MIN_SIDE > height * SINGLE_BOX[0] and width > SINGLE_BOX[0]:
        return SINGLE_BOX[0], MIN_SIDE
    return None


def get_type_label(name: str) -> str:
    """Returns the text on the icon of a file: its extension in capital letters, such as `PDF`.

    Returns an empty text if the file has no extension, if the extension is longer than four characters, or if it
    contains anything but ASCII letters and digits.
    """
    label = get_extension(name)
    return label.upper() if label.isascii() and label.isalnum() and len(label) <= 4 else ""


def format_size(size: int) -> str:
    """Formats a number of bytes with at most three digits, such as `248 KB` or `1.5 MB`. Units are not translated."""
    value, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1024
    if unit == "B" or value >= 9.95:
        return f"{int(value + 0.5)} {unit}"
    return f"{int(value * 10 + 0.5) / 10:.1f}".removesuffix(".0") + f" {unit}"


FILE_ICONS = {"image": "image", "video": "play", "audio": "wave", "file": "file"}


def summarize_files(attachments: Sequence[AttachmentSchema]) -> tuple[str, str]:
    """Returns an icon name and a text, such as `Voice message 0:18`, for the files of a message without text.

    The list of conversations shows them instead of a text. More than one file: `photo.jpg +2`. In the browser
    `summarizeFiles` of static/js/lib/wording.js does the same.
    """
    first = attachments[0]
    if first.is_voice_note:
        icon, text = "mic", f"{_('Voice message')} {format_duration(first.duration)}"
    else:
        icon, text = FILE_ICONS.get(first.kind, FILE_ICONS["file"]), first.name
    return icon, text if len(attachments) == 1 else f"{text} +{len(attachments) - 1}"
