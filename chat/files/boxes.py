"""MP4, QuickTime and HEIC: boxes within boxes. Read with bounds; nothing in them is believed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MOST = 5_000  # boxes of one level that are looked at


class Box(NamedTuple):
    kind: bytes
    at: int  # where its head begins
    start: int  # where what is in it begins
    stop: int


def boxes(source: BinaryIO, start: int, stop: int) -> Iterator[Box]:
    """Those of one level. Ends at the first that cannot be."""
    at = start
    for _ in range(MOST):
        if at + 8 > stop:
            return
        size, kind = struct.unpack(">I4s", read(source, at, 8))
        head = 8
        if size == 1:
            if at + 16 > stop:
                return
            (size,) = struct.unpack(">Q", read(source, at + 8, 8))
            head = 16
        elif size == 0:
            size = stop - at
        if size < head or at + size > stop:
            return
        yield Box(kind, at, at + head, at + size)
        at += size


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
