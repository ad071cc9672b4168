"""Avatars of users and groups. An uploaded picture is decoded and encoded again; the uploaded file is not kept.

A file of a few kilobytes can contain millions of pixels, and each pixel needs four bytes of memory after decoding. So
the number of pixels is limited for each file format, and each process decodes only one picture at a time.
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

AVATAR_SIZE = 256  # width and height in pixels
MAX_BYTES = 5 * 1024 * 1024
MAX_JPEG_PIXELS = 40_000_000  # JPEG, as from phones: it is decoded at down to an eighth of its size
MAX_DECODED_PIXELS = 16_000_000  # formats that are decoded at full size: 64 MB of memory
MAX_WEBP_PIXELS = 5_000_000  # WebP: its decoder holds four copies
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
LOCK_TIMEOUT = 4.0  # seconds to wait while another picture is decoded
_decoder_lock = BoundedSemaphore()

_TRANSPOSE_BY_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def make_avatar(upload: BinaryIO, size: int) -> ContentFile:
    """Converts an upload to a square WebP file without metadata and with a random name. `size` is in bytes.

    Raises `too_large`, `invalid` for a file that is not a supported picture, or `unavailable` while the process is busy
    with other pictures for too long.
    """
    if size > MAX_BYTES:
        raise ApplicationError("too_large", _("The photo can be at most %d MB.") % (MAX_BYTES // 1024 // 1024))
    if not _decoder_lock.acquire(timeout=LOCK_TIMEOUT):
        raise unavailable()
    try:
        with catch_warnings():
            simplefilter("error", Image.DecompressionBombWarning)
            picture = _decode_square(upload)
        output = BytesIO()
        picture.save(output, "WEBP", quality=82, method=4)
    except ApplicationError:
        raise
    except Exception as error:  # decoders raise many types: OSError, ValueError, SyntaxError, struct.error, …
        raise invalid(avatar=_("This photo can’t be read. Use JPEG, PNG, WebP or GIF.")) from error
    finally:
        _decoder_lock.release()
    return ContentFile(output.getvalue(), name=f"{token_hex(8)}.webp")


def avatar_response(storage: Storage, path: str) -> FileResponse:
    """Returns the response with a stored avatar. Raises Http404 if the file does not exist.

    Callers must check who may see the avatar. Browsers may cache it without limit, because a new avatar has a new name.
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


def _decode_square(upload: BinaryIO) -> Image.Image:
    with Image.open(upload, formats=FORMATS) as source:
        _check_pixels(source, _max_pixels(source))  # from the header: nothing is decoded yet
        source.draft(
            "RGB", (AVATAR_SIZE * 2, AVATAR_SIZE * 2)
        )  # JPEG: decoded at reduced size, unless it is long and narrow
        _check_pixels(source, MAX_DECODED_PIXELS)
        small = _center_square(source)
        transpose = _TRANSPOSE_BY_ORIENTATION.get(source.getexif().get(ExifTags.Base.Orientation, 1))
    small = small.resize((AVATAR_SIZE, AVATAR_SIZE), Image.Resampling.LANCZOS)
    return small if transpose is None else small.transpose(transpose)


def _max_pixels(source: Image.Image) -> int:
    if source.format == "WEBP":
        return MAX_WEBP_PIXELS
    # A progressive JPEG is decoded in several passes over all of it.
    return (
        MAX_JPEG_PIXELS
        if source.format in {"JPEG", "MPO"} and not source.info.get("progressive")
        else MAX_DECODED_PIXELS
    )


def _check_pixels(source: Image.Image, max_pixels: int) -> None:
    if source.width * source.height > max_pixels:
        raise invalid(avatar=_("The photo can be at most %d megapixels.") % (max_pixels // 1_000_000))


def _center_square(source: Image.Image) -> Image.Image:
    """Cuts the centre square out of a picture. A large square is reduced to between two and four times AVATAR_SIZE.

    To save memory, the square is cut and reduced in horizontal bands. Pillow copies pixels with transparency before it
    reduces them, so only one band at a time is copied.
    """
    source.load()
    mode = "RGBA" if source.has_transparency_data else "RGB"
    factor = max(1, min(source.size) // (AVATAR_SIZE * 2))
    side = min(source.size) // factor
    left, top = (source.width - side * factor) // 2, (source.height - side * factor) // 2
    small = Image.new(mode, (side, side))
    step = 64
    for row in range(0, side, step):
        rows = min(step, side - row)
        band = (left, top + row * factor, left + side * factor, top + (row + rows) * factor)
        small.paste(source.crop(band).convert(mode).reduce(factor), (0, row))
    return small
