"""Pictures of people and groups: what comes in is decoded within bounds and written anew: nothing of the file survives.

A picture of a few kilobytes can have as many pixels as it likes, and each costs four bytes to decode. So: bounds that
depend on how a format is decoded, no second copy of the whole, and one picture at a time in each process.
"""

from __future__ import annotations

from io import BytesIO
from secrets import token_hex
from threading import BoundedSemaphore
from typing import BinaryIO
from warnings import catch_warnings, simplefilter

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.http import FileResponse, Http404
from django.utils.translation import gettext as _
from PIL import ExifTags, Image

from messenger.core.errors import ApplicationError, invalid, unavailable

SIDE = 256  # pixels
MOST_BYTES = 5 * 1024 * 1024
MOST_PIXELS = 40_000_000  # of a JPEG, a phone's: it is decoded at an eighth of its size
MOST_DECODED = 16_000_000  # of what has to be decoded as it is: 64 MB
MOST_WEBP = 5_000_000  # its decoder holds four copies
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
PATIENCE = 4.0  # seconds to wait for the picture before
_one_at_a_time = BoundedSemaphore()

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def redrawn(upload: BinaryIO, size: int) -> ContentFile:
    """A square WebP without metadata, under a name of its own. Raises ApplicationError for what is no picture, and
    `unavailable` where others are being decoded for too long."""
    if size > MOST_BYTES:
        raise ApplicationError("too_large", _("The picture may have at most %d MB.") % (MOST_BYTES // 1024 // 1024))
    if not _one_at_a_time.acquire(timeout=PATIENCE):
        raise unavailable()
    try:
        with catch_warnings():
            simplefilter("error", Image.DecompressionBombWarning)
            picture = _square(upload)
        written = BytesIO()
        picture.save(written, "WEBP", quality=82, method=4)
    except ApplicationError:
        raise
    except Exception as error:  # decoders raise what they like: OSError, ValueError, SyntaxError, struct.error, …
        raise invalid(avatar=_("This is no picture that can be read. Use JPEG, PNG, WebP or GIF.")) from error
    finally:
        _one_at_a_time.release()
    return ContentFile(written.getvalue(), name=f"{token_hex(8)}.webp")


def served(storage: Storage, path: str) -> FileResponse:
    """A stored picture, to whoever may see it: that has been asked. Its name is new with each picture, so it is kept.

    Raises Http404 where it is gone.
    """
    try:
        content = storage.open(path)
    except FileNotFoundError:
        raise Http404 from None
    return FileResponse(
        content,
        content_type="image/webp",
        headers={
            "Cache-Control": "private, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


def _square(upload: BinaryIO) -> Image.Image:
    with Image.open(upload, formats=FORMATS) as source:
        _bound(source, _most(source))  # the header says so; nothing is decoded yet
        source.draft("RGB", (SIDE * 2, SIDE * 2))  # JPEG: decoded small, where it is not long and narrow
        _bound(source, MOST_DECODED)
        small = _middle(source)
        turn = _UPRIGHT.get(source.getexif().get(ExifTags.Base.Orientation, 1))
    small = small.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return small if turn is None else small.transpose(turn)


def _most(source: Image.Image) -> int:
    if source.format == "WEBP":
        return MOST_WEBP
    # A progressive JPEG is decoded in several passes over all of it.
    return MOST_PIXELS if source.format in {"JPEG", "MPO"} and not source.info.get("progressive") else MOST_DECODED


def _bound(source: Image.Image, most: int) -> None:
    if source.width * source.height > most:
        raise invalid(avatar=_("The picture may have at most %d megapixels.") % (most // 1_000_000))


def _middle(source: Image.Image) -> Image.Image:
    """The square in the middle, at two to four times SIDE where there is as much.

    Band by band: Pillow would copy the whole before it makes a picture with transparency smaller.
    """
    source.load()
    mode = "RGBA" if source.has_transparency_data else "RGB"
    factor = max(1, min(source.size) // (SIDE * 2))
    side = min(source.size) // factor
    left, top = (source.width - side * factor) // 2, (source.height - side * factor) // 2
    small = Image.new(mode, (side, side))
    step = 64
    for row in range(0, side, step):
        rows = min(step, side - row)
        band = (left, top + row * factor, left + side * factor, top + (row + rows) * factor)
        small.paste(source.crop(band).convert(mode).reduce(factor), (0, row))
    return small
