"""Pictures of people: whatever comes in is decoded within bounds and written anew, so nothing of the file survives."""

from __future__ import annotations

from io import BytesIO
from secrets import token_hex
from typing import BinaryIO
from warnings import catch_warnings, simplefilter

from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from messenger.live.refusal import Refused, invalid

SIDE = 256  # pixels
MOST_PIXELS = 40_000_000  # of a picture that is decoded at all: a phone's camera, not a bomb
MOST_BYTES = 8 * 1024 * 1024
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


def redrawn(upload: BinaryIO, size: int) -> ContentFile:
    """A square WebP without metadata, under a name of its own. Raises Refused for what is no picture."""
    if size > MOST_BYTES:
        raise Refused("too_large", _("The picture may have at most %d MB.") % (MOST_BYTES // 1024 // 1024))
    try:
        with catch_warnings():
            simplefilter("error", Image.DecompressionBombWarning)
            picture = _square(upload)
        written = BytesIO()
        picture.save(written, "WEBP", quality=82, method=4)
    except Refused:
        raise
    except Exception as error:  # decoders raise what they like: OSError, ValueError, SyntaxError, struct.error, …
        raise invalid(avatar=_("This is no picture that can be read. Use JPEG, PNG, WebP or GIF.")) from error
    return ContentFile(written.getvalue(), name=f"{token_hex(8)}.webp")


def _square(upload: BinaryIO) -> Image.Image:
    with Image.open(upload, formats=FORMATS) as source:
        if source.width * source.height > MOST_PIXELS:  # the header says so; nothing is decoded yet
            raise invalid(avatar=_("The picture may have at most %d megapixels.") % (MOST_PIXELS // 1_000_000))
        source.draft("RGB", (SIDE * 2, SIDE * 2))  # JPEG: decoded small
        upright = ImageOps.exif_transpose(source)
        mode = "RGBA" if upright.has_transparency_data else "RGB"
        return ImageOps.fit(upright.convert(mode), (SIDE, SIDE), Image.Resampling.LANCZOS)
