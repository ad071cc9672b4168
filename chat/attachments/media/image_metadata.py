"""Metadata taken out of a picture without decoding it: for those that are too large to be drawn anew, or
broken.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_PNG_TEXTS = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}
_WEBP_TEXTS = {b"EXIF", b"XMP "}
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers of JPEG without a length
_BLOCK = 1024 * 1024
_MOST_BETWEEN = 64 * 1024  # bytes between two parts of a JPEG
_MOST_BLOCKS = 10_000_000  # of a GIF; whole ones have 255 bytes


def without_metadata(source: Path, to: Path, content_type: str) -> bool:
    """Whether `to` now holds the same picture without what it says about itself. False: this kind is not known.

    A broken one ends where it cannot be read any further: what follows may say anything.
    """
    walk = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp, "image/gif": _gif}.get(content_type)
    if walk is None:
        return False
    with source.open("rb") as given, to.open("wb") as taken, suppress(ValueError, struct.error):
        walk(given, taken)
    return True


def _jpeg(given: BinaryIO, taken: BinaryIO) -> None:
    """APP1 to APP15 and comments go, but for the colour profile (APP2) and Adobe's word on colours (APP14)."""
    taken.write(_exactly(given, 2))
    while True:
        marker = _marker(given)
        if marker[1] == 0xD9:
            taken.write(marker)
            return
        if marker[1] in _ALONE:
            continue
        if marker[1] == 0xDA:  # from here on pixels
            taken.write(marker)
            _rest(given, taken)
            return
        (length,) = struct.unpack(">H", _exactly(given, 2))
        body = _exactly(given, length - 2)
        if not (0xE1 <= marker[1] <= 0xEF or marker[1] == 0xFE) or marker[1] in (0xE2, 0xEE):
            taken.write(marker + struct.pack(">H", length) + body)


def _marker(given: BinaryIO) -> bytes:
    """The next one. What stands before it is no part of the picture."""
    before = b""
    for _ in range(_MOST_BETWEEN):
        byte = _exactly(given, 1)
        if before == b"\xff" and byte not in (b"\x00", b"\xff"):
            return before + byte
        before = byte
    raise ValueError("no marker")


def _png(given: BinaryIO, taken: BinaryIO) -> None:
    taken.write(_exactly(given, 8))
    while head := given.read(8):
        length, kind = struct.unpack(">I4s", head)
        if kind in _PNG_TEXTS:
            given.seek(length + 4, 1)
            continue
        taken.write(head)
        _copy(given, taken, length + 4)
        if kind == b"IEND":
            return


def _webp(given: BinaryIO, taken: BinaryIO) -> None:
    taken.write(_exactly(given, 12))
    while len(head := given.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        length += length % 2
        if kind in _WEBP_TEXTS:
            given.seek(length, 1)
            continue
        taken.write(head)
        _copy(given, taken, length)
    size = taken.tell() - 8
    taken.seek(4)
    taken.write(struct.pack("<I", size))


def _gif(given: BinaryIO, taken: BinaryIO) -> None:
    """Comments and what applications add (XMP) go, but for how often it is repeated. It ends at its end."""
    left = iter(range(_MOST_BLOCKS))
    head = _exactly(given, 13)
    taken.write(head + _exactly(given, _colours(head[10])))
    while (kind := _exactly(given, 1)) != b";":
        if kind == b",":
            image = _exactly(given, 9)
            taken.write(kind + image + _exactly(given, _colours(image[8]) + 1))
            for block in _blocks(given, left):
                taken.write(block)
            continue
        if kind != b"!":
            raise ValueError("no block")
        label = _exactly(given, 1)
        kept = label == b"\xf9"
        for number, block in enumerate(_blocks(given, left)):
            if number == 0 and label == b"\xff" and block[1:] == b"NETSCAPE2.0":
                kept = True
            if kept:
                taken.write((kind + label if number == 0 else b"") + block)
    taken.write(kind)


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(given: BinaryIO, left: Iterator[int]) -> Iterator[bytes]:
    """With their lengths; the last has none."""
    for _ in left:
        size = _exactly(given, 1)
        yield size + _exactly(given, size[0])
        if not size[0]:
            return
    raise ValueError("too many blocks")


def _exactly(given: BinaryIO, count: int) -> bytes:
    if count < 0 or len(data := given.read(count)) != count:
        raise ValueError("cut short")
    return data


def _copy(given: BinaryIO, taken: BinaryIO, count: int) -> None:
    while count:
        data = given.read(min(count, _BLOCK))
        if not data:
            raise ValueError("cut short")
        taken.write(data)
        count -= len(data)


def _rest(given: BinaryIO, taken: BinaryIO) -> None:
    while data := given.read(_BLOCK):
        taken.write(data)
