"""How large a picture is and how long a recording lasts, from its first bytes. Nothing is decoded here."""

from __future__ import annotations

import logging
import math
import struct
from typing import BinaryIO, NamedTuple
from warnings import catch_warnings, simplefilter

from PIL import ExifTags, Image
from tinytag import TinyTag

from chat.attachments.media import content_types
from chat.attachments.media.mp4 import boxes, length, read, within

log = logging.getLogger(__name__)
MOST_PIXELS = 60_000  # of a side that is believed
MOST_SECONDS = 7 * 24 * 3600.0
TURNED = {5, 6, 7, 8}  # EXIF orientations that swap width and height
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")


class Measures(NamedTuple):
    width: int | None = None
    height: int | None = None
    duration: float | None = None


def measures(source: BinaryIO, content_type: str, claims: dict) -> Measures:
    """`claims` are the client's words, believed within bounds where we cannot tell. Never raises."""
    found = Measures()
    try:
        if content_type == "image/heic":
            return _heic(source)
        if content_type in content_types.PICTURES:
            return _picture(source)
        if content_type in content_types.BOXED:
            found = _film(source)
        elif content_type in content_types.SOUNDS and content_type != "audio/webm":
            source.seek(0)
            found = Measures(duration=_bounded(TinyTag.get(file_obj=source, tags=False).duration, MOST_SECONDS))
    except Exception as error:  # parsers of what anybody may send raise what they like
        log.info("A file of %s could not be measured: %s", content_type, type(error).__name__)
    if content_type not in content_types.SHOWN or content_type in content_types.PICTURES:
        return Measures()
    film = content_type in content_types.FILMS
    return Measures(
        found.width or (_whole(claims.get("width")) if film else None),
        found.height or (_whole(claims.get("height")) if film else None),
        found.duration or _bounded(claims.get("duration"), MOST_SECONDS),
    )


def _picture(source: BinaryIO) -> Measures:
    source.seek(0)
    with catch_warnings():
        simplefilter("ignore", Image.DecompressionBombWarning)  # nothing is decoded; decode.py has bounds of its own
        with Image.open(source, formats=FORMATS) as image:
            width, height = image.size
            if image.getexif().get(ExifTags.Base.Orientation, 1) in TURNED:
                width, height = height, width
    return Measures(width, height) if max(width, height) <= MOST_PIXELS else Measures()


def _whole(value: object) -> int | None:
    number = _bounded(value, MOST_PIXELS)
    return int(number) if number and number >= 1 else None


def _bounded(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        return None
    return round(float(value), 3)


# ── MP4 and HEIC ─────────────────────────────────────────────────────────────────────────────────────────────────
def _film(source: BinaryIO) -> Measures:
    width = height = 0
    duration = None
    for movie in boxes(source, 0, length(source)):
        if movie.kind != b"moov":
            continue
        for inner in boxes(source, movie.start, movie.stop):
            if inner.kind == b"mvhd":
                duration = _mvhd(read(source, inner.start, min(32, inner.stop - inner.start)))
            elif inner.kind == b"trak":
                for head in boxes(source, inner.start, inner.stop):
                    if head.kind == b"tkhd" and head.stop - head.start >= 84:
                        w, h = _tkhd(read(source, head.start, min(96, head.stop - head.start)))
                        width, height = max(width, w), max(height, h)
    return Measures(_whole(width), _whole(height), _bounded(duration, MOST_SECONDS))


def _mvhd(data: bytes) -> float:
    if data[0] == 1:
        scale, duration = struct.unpack(">IQ", data[20:32])
    else:
        scale, duration = struct.unpack(">II", data[12:20])
    return duration / scale if scale else 0.0


def _tkhd(data: bytes) -> tuple[int, int]:
    """As it is shown: a film that is turned by a quarter has its sides swapped."""
    at = 88 if data[0] == 1 else 76
    width, height = (side >> 16 for side in struct.unpack(">II", data[at : at + 8]))
    (a,) = struct.unpack(">i", data[at - 36 : at - 32])
    return (height, width) if a == 0 and width and height else (width, height)


def _heic(source: BinaryIO) -> Measures:
    """Its largest picture: tiles and previews are smaller. All pictures in such a file are turned alike."""
    meta = next(box for box in boxes(source, 0, length(source)) if box.kind == b"meta")
    properties = within(source, meta._replace(start=meta.start + 4), b"iprp", b"ipco")  # `meta` has a version first
    if properties is None:
        return Measures()
    width = height = 0
    turned = False
    for each in boxes(source, properties.start, properties.stop):
        if each.kind == b"ispe":
            width, height = max((width, height), struct.unpack(">II", read(source, each.start + 4, 8)), key=math.prod)
        elif each.kind == b"irot":
            turned = bool(read(source, each.start, 1)[0] & 1)
    return Measures(_whole(height), _whole(width)) if turned else Measures(_whole(width), _whole(height))
