"""Measures width, height and duration of images, audio and video from the headers of the file.

The media data is not decoded. The functions run in a separate process with limits (inspect_subprocess.py), because
third-party parsers may use very much memory.
"""

from __future__ import annotations

import logging
import math
import struct
from typing import BinaryIO, NamedTuple
from warnings import catch_warnings, simplefilter

from chat.attachments.media import content_types
from chat.attachments.media.mp4 import Mp4Source, find_box, iter_boxes

log = logging.getLogger(__name__)
MAX_SIDE = 60_000  # pixels; larger values are ignored
MAX_DURATION = 7 * 24 * 3600.0  # seconds; larger values are ignored
ROTATED_ORIENTATIONS = {5, 6, 7, 8}  # EXIF orientations that swap width and height
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")


class Measurement(NamedTuple):
    """Width and height in pixels and duration in seconds of a media file. Unknown values are None.

    The field names are the same as in the model File.
    """

    width: int | None = None
    height: int | None = None
    duration: float | None = None


def measure(source: BinaryIO, content_type: str) -> Measurement:
    """Returns width, height and duration of a media file. Never raises: a value that cannot be determined is None."""
    try:
        if content_type == "image/heic":
            return _measure_heic(Mp4Source(source))
        if content_type in content_types.IMAGE_TYPES:
            return _measure_image(source)
        if content_type in content_types.MP4_TYPES:
            return _measure_mp4(Mp4Source(source))
        if content_type in content_types.AUDIO_TYPES and content_type != "audio/webm":
            return _measure_audio(source)
    except Exception as error:  # third-party parsers raise anything on damaged files
        log.info("A file of %s could not be measured: %s", content_type, type(error).__name__)
    return Measurement()


def apply_claims(measured: Measurement, content_type: str, claims: dict) -> Measurement:
    """Returns the measurement of a video or audio file, with missing values replaced by the values in `claims`.

    `claims` are the width, height and duration that the client sent. A value from the client is used only if this
    server could not measure it and it is below MAX_SIDE or MAX_DURATION.
    """
    if content_type not in content_types.AUDIO_TYPES | content_types.VIDEO_TYPES:
        return measured
    is_video = content_type in content_types.VIDEO_TYPES
    return Measurement(
        measured.width or (_validate_side(claims.get("width")) if is_video else None),
        measured.height or (_validate_side(claims.get("height")) if is_video else None),
        measured.duration or _validate_number(claims.get("duration"), MAX_DURATION),
    )


def _measure_audio(source: BinaryIO) -> Measurement:
    from tinytag import TinyTag

    source.seek(0)
    return Measurement(duration=_validate_number(TinyTag.get(file_obj=source, tags=False).duration, MAX_DURATION))


def _measure_image(source: BinaryIO) -> Measurement:
    from PIL import ExifTags, Image

    source.seek(0)
    with catch_warnings():
        simplefilter("ignore", Image.DecompressionBombWarning)  # only headers are read here
        with Image.open(source, formats=FORMATS) as image:
            width, height = image.size
            # Without `exif` before its pixels, Pillow would decode a whole PNG to look for one behind them.
            has_exif = image.format != "PNG" or "exif" in image.info
            if has_exif and image.getexif().get(ExifTags.Base.Orientation, 1) in ROTATED_ORIENTATIONS:
                width, height = height, width
    return Measurement(width, height) if max(width, height) <= MAX_SIDE else Measurement()


def _validate_side(value: object) -> int | None:
    number = _validate_number(value, MAX_SIDE)
    return int(number) if number and number >= 1 else None


def _validate_number(value: object, maximum: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= maximum:
        return None
    return round(float(value), 3)


# ── MP4 and HEIC ────────────────────────────────────────────────────────────────────────────────────────────────────
def _measure_mp4(source: Mp4Source) -> Measurement:
    """Returns the duration of an MP4 file, and the largest width and height of its tracks."""
    width = height = 0
    duration = None
    for movie in iter_boxes(source, 0, source.length):
        if movie.kind != b"moov":
            continue
        for box in iter_boxes(source, movie.start, movie.stop):
            if box.kind == b"mvhd":
                duration = _parse_mvhd(source.read_exactly(box.start, min(32, box.stop - box.start)))
            elif box.kind == b"trak":
                for header in iter_boxes(source, box.start, box.stop):
                    if header.kind == b"tkhd" and header.stop - header.start >= 84:
                        data = source.read_exactly(header.start, min(96, header.stop - header.start))
                        track_width, track_height = _parse_tkhd(data)
                        width, height = max(width, track_width), max(height, track_height)
    return Measurement(_validate_side(width), _validate_side(height), _validate_number(duration, MAX_DURATION))


def _parse_mvhd(data: bytes) -> float:
    """Returns the duration in seconds from the movie header (`mvhd` box) of an MP4 file."""
    if data[0] == 1:
        timescale, duration = struct.unpack(">IQ", data[20:32])
    else:
        timescale, duration = struct.unpack(">II", data[12:20])
    return duration / timescale if timescale else 0.0


def _parse_tkhd(data: bytes) -> tuple[int, int]:
    """Returns width and height of a video as displayed, from the track header (`tkhd` box) of an MP4 file.

    If the track is rotated by 90°, the two stored numbers are swapped.
    """
    offset = 88 if data[0] == 1 else 76
    width, height = (side >> 16 for side in struct.unpack(">II", data[offset : offset + 8]))
    (a,) = struct.unpack(">i", data[offset - 36 : offset - 32])  # first element of the transformation matrix
    return (height, width) if a == 0 and width and height else (width, height)


def _measure_heic(source: Mp4Source) -> Measurement:
    """Returns width and height of the largest image in a HEIC file.

    Such a file also contains smaller images: tiles and previews. All images in the file have the same rotation.
    """
    meta = next(box for box in iter_boxes(source, 0, source.length) if box.kind == b"meta")
    # The contents of `meta` begin with four bytes of version and flags.
    properties = find_box(source, meta._replace(start=meta.start + 4), b"iprp", b"ipco")
    if properties is None:
        return Measurement()
    width = height = 0
    is_rotated = False
    for box in iter_boxes(source, properties.start, properties.stop):
        if box.kind == b"ispe":
            size = struct.unpack(">II", source.read_exactly(box.start + 4, 8))
            width, height = max((width, height), size, key=math.prod)
        elif box.kind == b"irot":
            is_rotated = bool(source.read_exactly(box.start, 1)[0] & 1)
    if is_rotated:
        width, height = height, width
    return Measurement(_validate_side(width), _validate_side(height))
