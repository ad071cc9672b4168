"""How large a picture is and how long a recording lasts, from its first bytes. Nothing is decoded here."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple
from warnings import catch_warnings, simplefilter

from PIL import ExifTags, Image
from tinytag import TinyTag

from chat.files import kinds

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
        if content_type in kinds.PICTURES:
            return _picture(source)
        if content_type in {"video/mp4", "video/quicktime", "audio/mp4"}:
            found = _film(source)
        elif content_type in kinds.SOUNDS and content_type != "audio/webm":
            source.seek(0)
            found = Measures(duration=_bounded(TinyTag.get(file_obj=source, tags=False).duration, MOST_SECONDS))
    except Exception as error:  # parsers of what anybody may send raise what they like
        log.info("A file of %s could not be measured: %s", content_type, type(error).__name__)
    if content_type not in kinds.SHOWN or content_type in kinds.PICTURES:
        return Measures()
    film = content_type in kinds.FILMS
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


# ── MP4: boxes within boxes ──────────────────────────────────────────────────────────────────────────────────────
def _film(source: BinaryIO) -> Measures:
    source.seek(0, 2)
    end = source.tell()
    width = height = 0
    duration = None
    for kind, start, stop in _boxes(source, 0, end):
        if kind != b"moov":
            continue
        for inner, first, last in _boxes(source, start, stop):
            if inner == b"mvhd":
                duration = _mvhd(_read(source, first, 32))
            elif inner == b"trak":
                for deeper, begin, finish in _boxes(source, first, last):
                    if deeper == b"tkhd" and finish - begin >= 84:
                        w, h = _tkhd(_read(source, begin, 96))
                        width, height = max(width, w), max(height, h)
    return Measures(_whole(width), _whole(height), _bounded(duration, MOST_SECONDS))


def _boxes(source: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start of what is in it, end). Bounded in number."""
    for _ in range(2000):
        if start + 8 > end:
            return
        size, kind = struct.unpack(">I4s", _read(source, start, 8))
        head = 8
        if size == 1:
            (size,) = struct.unpack(">Q", _read(source, start + 8, 8))
            head = 16
        elif size == 0:
            size = end - start
        if size < head or start + size > end:
            return
        yield kind, start + head, start + size
        start += size


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


def _read(source: BinaryIO, at: int, length: int) -> bytes:
    source.seek(at)
    data = source.read(length)
    if len(data) < length and len(data) < 8:
        raise ValueError("cut short")
    return data
