"""Removes metadata from MP4, QuickTime and M4A files in place. For example, phones store the location in this metadata.

Metadata is overwritten with empty blocks (`free` boxes) of the same size, so no other byte moves. Playback does not
change, and even a large file needs only a few small writes.

Removed: user data (`udta`: `©xyz`, `loci`, titles, covers), `meta` with Apple's keys, `uuid` (XMP), and tracks of timed
metadata (`gpmd`, `camm`, `mebx`: the location second by second) with their data. Kept: video, audio, subtitles and
timestamps.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from chat.attachments.media.mp4 import Box, InvalidBoxError, Mp4Source, find_box, iter_boxes

METADATA_BOXES = {b"udta", b"meta"}


class ErasedRange(NamedTuple):
    """A range of bytes of an MP4 file that will be erased: it becomes `replacement`, followed by zeros."""

    start: int
    stop: int
    replacement: bytes = b""
    is_sample: bool = False


def contains_metadata(file: BinaryIO) -> bool:
    """Returns whether an MP4 file contains metadata that must be removed.

    Also returns True for a damaged file, because a part that cannot be parsed may contain metadata.
    """
    errors: list[Exception] = []
    return next(_find_metadata(Mp4Source(file), errors), None) is not None or bool(errors)


def strip_metadata(file: BinaryIO) -> None:
    """Removes metadata from an MP4 file in place. `file` must be open for reading and writing.

    Raises ValueError if the file cannot be parsed completely, but first erases all metadata that was found and bytes
    that are not a valid box (block of an MP4 file). The contents of a truncated `mdat` box (the media data) and the
    data of tracks with damaged tables are not erased.

    It can be repeated after a crash: metadata is found by the types of boxes, and these types are erased last.
    """
    errors: list[Exception] = []
    source = Mp4Source(file)
    boxes = []
    sample_bytes = 0
    for found in _find_metadata(source, errors):
        if not found.is_sample:
            boxes.append(found)
            continue
        sample_bytes += found.stop - found.start
        if sample_bytes > source.length:
            _keep_first(errors, ValueError("more samples than bytes"))
            continue
        _erase(source, found)
    for found in sorted(boxes, key=lambda found: bool(found.replacement)):
        _erase(source, found)
    if errors:
        raise ValueError(str(errors[0])) from errors[0]


def _erase(source: Mp4Source, erased: ErasedRange) -> None:
    source.file.seek(erased.start)
    source.file.write(erased.replacement)
    remaining = min(erased.stop, source.length) - erased.start - len(erased.replacement)
    while remaining > 0:
        remaining -= source.file.write(bytes(min(remaining, 1024 * 1024)))


def _keep_first(errors: list[Exception], error: Exception) -> None:
    """Appends `error` to the list `errors` if this list is empty.

    Later errors are not kept, because a small file can cause a million errors. The traceback of the kept error is
    dropped to save memory.
    """
    if not errors:
        errors.append(error.with_traceback(None))


def _find_metadata(source: Mp4Source, errors: list[Exception]) -> Iterator[ErasedRange]:
    """Yields the byte ranges of an MP4 file that contain metadata.

    Never raises for a damaged file: the first error is added to the list `errors`, and the search continues with the
    next box (block of the file).
    """
    yield from _collect_errors(_in_file(source, errors), errors)


def _collect_errors(ranges: Iterator[ErasedRange], errors: list[Exception]) -> Iterator[ErasedRange]:
    """Yields all byte ranges of the iterator `ranges`, and catches an error that the iterator raises.

    The error is added to the list `errors` if this list is empty. If the error is an InvalidBoxError, the bytes that
    are not a valid box (block of an MP4 file) are yielded as one more range.
    """
    try:
        yield from ranges
    except (ValueError, struct.error) as error:
        _keep_first(errors, error)
        if isinstance(error, InvalidBoxError) and error.offset < error.stop:
            yield ErasedRange(error.offset, error.stop)


def _in_file(source: Mp4Source, errors: list[Exception]) -> Iterator[ErasedRange]:
    for box in iter_boxes(source, 0, source.length):
        if box.kind in METADATA_BOXES or box.kind == b"uuid":
            yield from _erase_box(box)
        elif box.kind == b"moov":
            yield from _collect_errors(_in_movie(source, box, errors), errors)
        elif box.kind == b"moof":
            yield from _collect_errors(_in_fragment(source, box, errors), errors)


def _in_fragment(source: Mp4Source, fragment: Box, errors: list[Exception]) -> Iterator[ErasedRange]:
    for box in iter_boxes(source, fragment.start, fragment.stop):
        yield from _collect_errors(_in_track_or_box(source, box), errors)


def _in_movie(source: Mp4Source, movie: Box, errors: list[Exception]) -> Iterator[ErasedRange]:
    for box in iter_boxes(source, movie.start, movie.stop):
        if box.kind in METADATA_BOXES or box.kind == b"uuid":
            yield from _erase_box(box)
        elif box.kind == b"trak":
            yield from _collect_errors(_in_track(source, box, errors), errors)
        else:
            yield from _in_track_or_box(source, box)


def _in_track(source: Mp4Source, track: Box, errors: list[Exception]) -> Iterator[ErasedRange]:
    try:
        is_metadata_track = _read_handler_type(source, track) == b"meta"
    except ValueError as error:
        _keep_first(errors, error)
        is_metadata_track = True  # the type of the track is unknown
    if is_metadata_track:
        yield from _erase_box(track)
        yield from _find_samples(source, track)
    else:
        yield from _in_track_or_box(source, track)


def _in_track_or_box(source: Mp4Source, box: Box) -> Iterator[ErasedRange]:
    """Yields the byte ranges of metadata in `box`: a track of an MP4 file, or a box (block) that is itself metadata.

    Boxes of type `uuid` inside tracks are kept, because playback may need them.
    """
    if box.kind in {b"trak", b"traf"}:
        for child in iter_boxes(source, box.start, box.stop):
            if child.kind in METADATA_BOXES:
                yield from _erase_box(child)
    elif box.kind in METADATA_BOXES:
        yield from _erase_box(box)


def _erase_box(box: Box) -> Iterator[ErasedRange]:
    """Yields the byte ranges to erase so that a box (block of an MP4 file) becomes free space.

    Its type becomes `free` and its contents become zeros. Its size field does not change, so no other byte moves.
    """
    yield ErasedRange(box.offset + 4, box.offset + 8, b"free")
    if box.start < box.stop:
        yield ErasedRange(box.start, box.stop)


def _read_handler_type(source: Mp4Source, track: Box) -> bytes:
    handler = find_box(source, track, b"mdia", b"hdlr")
    return source.read_exactly(handler.start + 8, 4) if handler and handler.stop - handler.start >= 12 else b""


# ── Sample tables ───────────────────────────────────────────────────────────────────────────────────────────────────
def _find_samples(source: Mp4Source, track: Box) -> Iterator[ErasedRange]:
    """Yields the byte ranges in which the media data of one track is stored in an MP4 file.

    The track has a table of chunks (blocks of this data in the file). Chunks that directly follow each other are
    yielded as one range.
    """
    sample_table = find_box(source, track, b"mdia", b"minf", b"stbl")
    if sample_table is None:
        return
    tables = {box.kind: box for box in iter_boxes(source, sample_table.start, sample_table.stop)}
    if not {b"stsc", b"stsz"} <= tables.keys() or not tables.keys() & {b"stco", b"co64"}:
        return
    has_64_bit_offsets = b"co64" in tables
    chunk_offsets = _read_table(
        source, tables[b"co64" if has_64_bit_offsets else b"stco"], 4, "Q" if has_64_bit_offsets else "I"
    )
    runs = _read_table(source, tables[b"stsc"], 4, "I", columns=3)  # first chunk, samples per chunk, description
    (common_size,) = struct.unpack(">I", source.read_exactly(tables[b"stsz"].start + 4, 4))
    sizes = array("I") if common_size else _read_table(source, tables[b"stsz"], 8, "I")
    sample, run, end = 0, 0, source.length
    start = stop = 0  # of the range that was found last and is not yielded yet
    for number, offset in enumerate(chunk_offsets, 1):
        while (run + 1) * 3 < len(runs) and runs[(run + 1) * 3] <= number:
            run += 1
        count = runs[run * 3 + 1] if runs else 0
        size = count * common_size if common_size else sum(sizes[sample : sample + count])
        sample += count
        if offset >= end:
            raise ValueError("a sample behind the end")
        if offset != stop:
            if start < stop:
                yield ErasedRange(start, stop, is_sample=True)
            start = offset
        stop = min(offset + size, end)
    if start < stop:
        yield ErasedRange(start, stop, is_sample=True)


def _read_table(source: Mp4Source, box: Box, skip: int, typecode: str, *, columns: int = 1) -> array[int]:
    """Returns all numbers of a table in a box (block of an MP4 file).

    The number of table rows is stored `skip` bytes after the start of the box; each row has `columns` numbers.
    `typecode` is a type code of Python's `array`: "I" for 32 bits, "Q" for 64. Raises ValueError if all tables of this
    file together have more than MAX_TABLE_ENTRIES numbers.
    """
    numbers = array(typecode)
    (rows,) = struct.unpack(">I", source.read_exactly(box.start + skip, 4))
    count = min(rows, (box.stop - box.start - skip - 4) // (numbers.itemsize * columns)) * columns
    if count > source.entries_left:
        raise ValueError("too many samples")
    source.entries_left -= count
    numbers.frombytes(source.read_exactly(box.start + skip + 4, count * numbers.itemsize))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
