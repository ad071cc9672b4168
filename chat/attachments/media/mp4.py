"""Reads the box structure of MP4, QuickTime and HEIC files (ISO 14496-12). All lengths are checked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_BOXES = 200_000  # per level
# Boxes of these types are yielded even if the file ends inside them: their contents may hold metadata.
CONTAINER_BOXES = {b"moov", b"moof", b"trak", b"traf", b"mdia", b"udta", b"meta", b"mdat"}
_BLOCK = 1024 * 1024


class Box(NamedTuple):
    """Position of a box in the file, in bytes."""

    kind: bytes  # four-character type
    offset: int  # of the header
    start: int  # of the contents
    stop: int


class InvalidBoxError(ValueError):
    """The bytes from `offset` to `stop` are not a valid box and may contain anything."""

    def __init__(self, offset: int, stop: int) -> None:
        super().__init__("no box, or one that is cut short")
        self.offset, self.stop = offset, stop


def iter_boxes(source: BinaryIO, start: int, stop: int) -> Iterator[Box]:
    """Yields the boxes of one level, between two offsets. Zeros after the last box are accepted as padding.

    Raises InvalidBoxError at the first invalid box. A container that is truncated is yielded with `stop` as its end
    before the error is raised.
    """
    offset = start
    for _ in range(MAX_BOXES):
        if offset + 8 > stop:
            break
        size, kind = struct.unpack(">I4s", read_exactly(source, offset, 8))
        header_size = 8
        if size == 1:  # a 64-bit size follows
            if offset + 16 > stop:
                break
            (size,) = struct.unpack(">Q", read_exactly(source, offset + 8, 8))
            header_size = 16
        elif size == 0:  # extends to the end; only valid for the last box of the file
            if start or kind == bytes(4):
                break
            size = stop - offset
        if size < header_size:
            break
        if offset + size > stop:
            if kind in CONTAINER_BOXES:
                yield Box(kind, offset, offset + header_size, stop)
                raise InvalidBoxError(stop, stop)
            break
        yield Box(kind, offset, offset + header_size, offset + size)
        offset += size
    if not _is_zero(source, offset, stop):
        raise InvalidBoxError(offset, stop)


def _is_zero(source: BinaryIO, start: int, stop: int) -> bool:
    return not any(
        read_exactly(source, block, min(_BLOCK, stop - block)).strip(b"\0") for block in range(start, stop, _BLOCK)
    )


def find_box(source: BinaryIO, box: Box, *path: bytes) -> Box | None:
    """Returns the first box at `path` (types of nested boxes) inside `box`; None if there is none."""
    for kind in path:
        child = next((child for child in iter_boxes(source, box.start, box.stop) if child.kind == kind), None)
        if child is None:
            return None
        box = child
    return box


def get_length(source: BinaryIO) -> int:
    return source.seek(0, 2)


def read_exactly(source: BinaryIO, offset: int, count: int) -> bytes:
    """Returns `count` bytes. Raises ValueError if there are fewer."""
    source.seek(offset)
    data = source.read(count)
    if len(data) < count:
        raise ValueError("cut short")
    return data
