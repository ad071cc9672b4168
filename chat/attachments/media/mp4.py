"""MP4, QuickTime and HEIC: boxes within boxes. Read with bounds; nothing in them is believed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MOST = 200_000  # boxes of one level that are looked at
# What stands in these is worth a look also where the file was cut short.
HOLDERS = {b"moov", b"moof", b"trak", b"traf", b"mdia", b"udta", b"meta", b"mdat"}
_BLOCK = 1024 * 1024


class Box(NamedTuple):
    kind: bytes
    at: int  # where its head begins
    start: int  # where what is in it begins
    stop: int


class NoBoxError(ValueError):
    """From `at` on to `stop` there may be anything."""

    def __init__(self, at: int, stop: int) -> None:
        super().__init__("no box, or one that is cut short")
        self.at, self.stop = at, stop


def boxes(source: BinaryIO, start: int, stop: int) -> Iterator[Box]:
    """Those of one level. NoBoxError at the first that cannot be; one that was cut short is given as far as it goes,
    before that. Zeros behind the last are filling.
    """
    at = start
    for _ in range(MOST):
        if at + 8 > stop:
            break
        size, kind = struct.unpack(">I4s", read(source, at, 8))
        head = 8
        if size == 1:
            if at + 16 > stop:
                break
            (size,) = struct.unpack(">Q", read(source, at + 8, 8))
            head = 16
        elif size == 0:
            if start or kind == bytes(4):  # only the last of the file has no end
                break
            size = stop - at
        if size < head:
            break
        if at + size > stop:
            if kind in HOLDERS:
                yield Box(kind, at, at + head, stop)
                raise NoBoxError(stop, stop)
            break
        yield Box(kind, at, at + head, at + size)
        at += size
    if not _zeros(source, at, stop):
        raise NoBoxError(at, stop)


def _zeros(source: BinaryIO, at: int, stop: int) -> bool:
    return not any(read(source, block, min(_BLOCK, stop - block)).strip(b"\0") for block in range(at, stop, _BLOCK))


def within(source: BinaryIO, box: Box, *path: bytes) -> Box | None:
    """The first box under `path`, in `box`."""
    for kind in path:
        found = next((each for each in boxes(source, box.start, box.stop) if each.kind == kind), None)
        if found is None:
            return None
        box = found
    return box


def length(source: BinaryIO) -> int:
    return source.seek(0, 2)


def read(source: BinaryIO, at: int, count: int) -> bytes:
    """Exactly so many. ValueError: there are fewer."""
    source.seek(at)
    data = source.read(count)
    if len(data) < count:
        raise ValueError("cut short")
    return data
