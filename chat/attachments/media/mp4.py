"""Reads the boxes (nested blocks) of MP4, QuickTime and HEIC files, see ISO 14496-12. It checks all lengths."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_BOXES = 200_000  # of one file, all levels together; a video of five hours in fragments of one second has fewer
MAX_TABLE_ENTRIES = 2_000_000  # of one file, all sample tables together
# Boxes of these types are yielded even if the file ends inside them: their contents may hold metadata.
CONTAINER_BOXES = {b"moov", b"moof", b"trak", b"traf", b"mdia", b"udta", b"meta", b"mdat"}
_BLOCK = 1024 * 1024


class Box(NamedTuple):
    """The position of a box (a block that may contain other boxes) in an MP4 file, in bytes."""

    kind: bytes  # four-character type
    offset: int  # of the header
    start: int  # of the contents
    stop: int


class Mp4Source:
    """An MP4 file that is being parsed. Parsing stops with ValueError after MAX_BOXES boxes or MAX_TABLE_ENTRIES table
    entries, which limits the time for a hostile file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.length = file.seek(0, 2)
        self.boxes_left = MAX_BOXES
        self.entries_left = MAX_TABLE_ENTRIES

    def read_exactly(self, offset: int, count: int) -> bytes:
        """Returns `count` bytes of the file, starting at `offset`. Raises ValueError if the file ends earlier."""
        self.file.seek(offset)
        data = self.file.read(count)
        if len(data) < count:
            raise ValueError("cut short")
        return data


class InvalidBoxError(ValueError):
    """Is raised if the bytes from `offset` to `stop` of an MP4 file are not a valid box (a block of such a file).

    These bytes may contain any data, also metadata.
    """

    def __init__(self, offset: int, stop: int) -> None:
        super().__init__("no box, or one that is cut short")
        self.offset, self.stop = offset, stop


def iter_boxes(source: Mp4Source, start: int, stop: int) -> Iterator[Box]:
    """Yields the boxes (blocks of an MP4 file) between the offsets `start` and `stop`, but not the boxes nested in
    them.

    Raises InvalidBoxError at the first invalid box. A truncated box that may contain other boxes is yielded before the
    error, with `stop` as its end. Zeros after the last box are valid padding. Raises ValueError after MAX_BOXES boxes.
    """
    offset = start
    while offset + 8 <= stop:
        if source.boxes_left == 0:
            raise ValueError("too many boxes")
        source.boxes_left -= 1
        size, kind = struct.unpack(">I4s", source.read_exactly(offset, 8))
        header_size = 8
        if size == 1:  # a 64-bit size follows
            if offset + 16 > stop:
                break
            (size,) = struct.unpack(">Q", source.read_exactly(offset + 8, 8))
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


def _is_zero(source: Mp4Source, start: int, stop: int) -> bool:
    return not any(
        source.read_exactly(block, min(_BLOCK, stop - block)).strip(b"\0") for block in range(start, stop, _BLOCK)
    )


def find_box(source: Mp4Source, box: Box, *path: bytes) -> Box | None:
    """Returns the first box (block of an MP4 file) at `path` inside `box`. Returns None if there is none.

    `path` lists the types of nested boxes: the type of a box in `box`, then the type of a box in that box, and so on.
    """
    for kind in path:
        child = next((child for child in iter_boxes(source, box.start, box.stop) if child.kind == kind), None)
        if child is None:
            return None
        box = child
    return box
