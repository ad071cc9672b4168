"""Removes metadata from images without decoding them.

It is used for images that are too large or too damaged to be decoded and encoded again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_PNG_METADATA = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}
_WEBP_METADATA = {b"EXIF", b"XMP "}
_STANDALONE_MARKERS = {0x01, *range(0xD0, 0xD9)}  # JPEG markers without a length
_BLOCK = 1024 * 1024
_MAX_GAP = 64 * 1024  # bytes between two segments of a JPEG
_MAX_GIF_BLOCKS = 10_000_000  # a full block has 255 bytes


def strip_image_metadata(source: Path, target: Path, content_type: str) -> bool:
    """Writes a copy of the image file `source` without metadata to `target`. Returns False if the content type is not
    supported.

    The copy of a damaged image ends at the first place that cannot be parsed, because the rest may contain metadata.
    """
    copy_image = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp, "image/gif": _gif}.get(content_type)
    if copy_image is None:
        return False
    with source.open("rb") as source_file, target.open("wb") as target_file, suppress(ValueError, struct.error):
        copy_image(source_file, target_file)
    return True


def _jpeg(source: BinaryIO, target: BinaryIO) -> None:
    """Copies a JPEG without comments and application segments (APP1 to APP15), because these may contain metadata.

    Two application segments are kept: the colour profile (APP2) and Adobe's colour transform (APP14).
    """
    target.write(_read_exactly(source, 2))
    while True:
        marker = _read_marker(source)
        if marker[1] == 0xD9:
            target.write(marker)
            return
        if marker[1] in _STANDALONE_MARKERS:
            continue
        if marker[1] == 0xDA:  # start of scan: pixels follow
            target.write(marker)
            _copy_rest(source, target)
            return
        (length,) = struct.unpack(">H", _read_exactly(source, 2))
        body = _read_exactly(source, length - 2)
        if not (0xE1 <= marker[1] <= 0xEF or marker[1] == 0xFE) or marker[1] in (0xE2, 0xEE):
            target.write(marker + struct.pack(">H", length) + body)


def _read_marker(source: BinaryIO) -> bytes:
    """Returns the next JPEG marker (two bytes that say which kind of segment follows).

    Bytes before this marker are skipped, because they do not belong to the image.
    """
    previous = b""
    for _ in range(_MAX_GAP):
        byte = _read_exactly(source, 1)
        if previous == b"\xff" and byte not in (b"\x00", b"\xff"):
            return previous + byte
        previous = byte
    raise ValueError("no marker")


def _png(source: BinaryIO, target: BinaryIO) -> None:
    target.write(_read_exactly(source, 8))
    while header := source.read(8):
        length, kind = struct.unpack(">I4s", header)
        if kind in _PNG_METADATA:
            source.seek(length + 4, 1)
            continue
        target.write(header)
        _copy(source, target, length + 4)
        if kind == b"IEND":
            return


def _webp(source: BinaryIO, target: BinaryIO) -> None:
    target.write(_read_exactly(source, 12))
    while len(header := source.read(8)) == 8:
        kind, length = struct.unpack("<4sI", header)
        length += length % 2
        if kind in _WEBP_METADATA:
            source.seek(length, 1)
            continue
        target.write(header)
        _copy(source, target, length)
    size = target.tell() - 8
    target.seek(4)
    target.write(struct.pack("<I", size))


def _gif(source: BinaryIO, target: BinaryIO) -> None:
    """Copies a GIF without comments and application extensions, because these may contain metadata.

    The application extension with the loop count is kept. Bytes after the end of the GIF are not copied.
    """
    block_budget = iter(range(_MAX_GIF_BLOCKS))
    header = _read_exactly(source, 13)
    target.write(header + _read_exactly(source, _color_table_size(header[10])))
    while (kind := _read_exactly(source, 1)) != b";":
        if kind == b",":
            image = _read_exactly(source, 9)
            target.write(kind + image + _read_exactly(source, _color_table_size(image[8]) + 1))
            for block in _read_blocks(source, block_budget):
                target.write(block)
            continue
        if kind != b"!":
            raise ValueError("no block")
        label = _read_exactly(source, 1)
        is_kept = label == b"\xf9"  # graphic control extension
        for number, block in enumerate(_read_blocks(source, block_budget)):
            if number == 0 and label == b"\xff" and block[1:] == b"NETSCAPE2.0":
                is_kept = True
            if is_kept:
                target.write((kind + label if number == 0 else b"") + block)
    target.write(kind)


def _color_table_size(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _read_blocks(source: BinaryIO, block_budget: Iterator[int]) -> Iterator[bytes]:
    """Yields the sub-blocks of a GIF: each is a length byte and at most 255 bytes of data.

    An empty sub-block ends the list; it is yielded, too.
    """
    for _ in block_budget:
        size = _read_exactly(source, 1)
        yield size + _read_exactly(source, size[0])
        if not size[0]:
            return
    raise ValueError("too many blocks")


def _read_exactly(source: BinaryIO, count: int) -> bytes:
    if count < 0 or len(data := source.read(count)) != count:
        raise ValueError("cut short")
    return data


def _copy(source: BinaryIO, target: BinaryIO, count: int) -> None:
    while count:
        data = source.read(min(count, _BLOCK))
        if not data:
            raise ValueError("cut short")
        target.write(data)
        count -= len(data)


def _copy_rest(source: BinaryIO, target: BinaryIO) -> None:
    while data := source.read(_BLOCK):
        target.write(data)
