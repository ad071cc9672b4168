"""Metadata taken out of a picture without decoding it: for those that are too large to be drawn anew."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_PNG_TEXTS = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}
_WEBP_TEXTS = {b"EXIF", b"XMP "}
_BLOCK = 1024 * 1024


def without_metadata(source: Path, to: Path, content_type: str) -> bool:
    """Whether `to` now holds the same picture without what it says about itself. False: this kind is not known."""
    walk = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp}.get(content_type)
    if walk is None:
        return False
    with source.open("rb") as given, to.open("wb") as taken:
        try:
            walk(given, taken)
        except (ValueError, struct.error):
            return False
    return True


def _jpeg(given: BinaryIO, taken: BinaryIO) -> None:
    """APP1 to APP15 and comments go, but for the colour profile (APP2) and Adobe's word on colours (APP14)."""
    taken.write(_exactly(given, 2))
    while True:
        marker = _exactly(given, 2)
        if marker[0] != 0xFF:
            raise ValueError("no marker")
        if marker[1] == 0xDA:  # from here on pixels
            taken.write(marker)
            _rest(given, taken)
            return
        (length,) = struct.unpack(">H", _exactly(given, 2))
        body = _exactly(given, length - 2)
        if not (0xE1 <= marker[1] <= 0xEF or marker[1] == 0xFE) or marker[1] in (0xE2, 0xEE):
            taken.write(marker + struct.pack(">H", length) + body)


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
