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
    """The position of a box in the file, in bytes."""

    kind: bytes  # four-character type
    offset: int  # of the header
    start: int  # of the contents
    stop: int


class Mp4Source:
    """A file that is being parsed. It limits how many boxes and table entries may be read from it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.length = file.seek(0, 2)
        self.boxes_left = MAX_BOXES
        self.entries_left = MAX_TABLE_ENTRIES

    def read_exactly(self, offset: int, count: int) -> bytes:
        """Returns `count` bytes from `offset`. Raises ValueError if the file has fewer."""
        self.file.seek(offset)
        data = self.file.read(count)
        if len(data) < count:
            raise ValueError("cut short")
        return data


class InvalidBoxError(ValueError):
    """Is raised if the bytes from `offset` to `stop` are not a valid box. They may contain any data."""

    def __init__(self, offset: int, stop: int) -> None:
        super().__init__("no box, or one that is cut short")
        self.offset, self.stop = offset, stop


def iter_boxes(source: Mp4Source, start: int, stop: int) -> Iterator[Box]:
    """Yields the boxes between two offsets, without the boxes nested in them. Zeros after the last box are accepted
    as padding.

    Raises InvalidBoxError at the first invalid box. A container that is truncated is yielded first, with `stop` as its
    end. Raises ValueError after MAX_BOXES boxes; the rest may be valid, so it is not erased.
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
    """Returns the first box inside `box` at `path` (the types of nested boxes). Returns None if there is none."""
    for kind in path:
        child = next((child for child in iter_boxes(source, box.start, box.stop) if child.kind == kind), None)
        if child is None:
            return None
        box = child
    return box
