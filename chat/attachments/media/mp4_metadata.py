"""Strips metadata from MP4, QuickTime and M4A files in place: phones store in it where a video was taken.

No byte moves: metadata becomes free space of the same size. So playback does not change, and a large file costs a few
small writes.

Removed: user data (`udta`: `©xyz`, `loci`, titles, covers), `meta` with Apple's keys, `uuid` (XMP), and tracks of
timed metadata (`gpmd`, `camm`, `mebx`: the location second by second) with their samples. Kept: video, audio,
subtitles and timestamps.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from chat.attachments.media.mp4 import Box, InvalidBoxError, find_box, get_length, iter_boxes, read_exactly

METADATA_BOXES = {b"udta", b"meta"}
MAX_TABLE_ENTRIES = 1_000_000  # per table


class ErasedRange(NamedTuple):
    """Bytes that are overwritten by `replacement` and then zeros."""

    start: int
    stop: int
    replacement: bytes = b""
    is_sample: bool = False


def contains_metadata(source: BinaryIO) -> bool:
    """Returns True if there is metadata to strip, and also if the file is damaged: it may contain anything then."""
    errors: list[Exception] = []
    return next(_find_metadata(source, errors), None) is not None or bool(errors)


def strip_metadata(target: BinaryIO) -> None:
    """Strips metadata in place; `target` is open for reading and writing.

    Raises ValueError if the file cannot be parsed completely. All metadata that was located is removed even then, and
    so are the bytes where no valid box can be. Not removed: the contents of a truncated `mdat`, and samples of tracks
    with damaged tables.

    Can be repeated after a crash: samples are erased first, then the contents of boxes, and last their types, by
    which they are found.
    """
    errors: list[Exception] = []
    ranges = list(_find_metadata(target, errors))
    end = get_length(target)
    for erased in sorted(ranges, key=lambda erased: (bool(erased.replacement), not erased.is_sample)):
        target.seek(erased.start)
        target.write(erased.replacement)
        remaining = min(erased.stop, end) - erased.start - len(erased.replacement)
        while remaining > 0:
            remaining -= target.write(bytes(min(remaining, 1024 * 1024)))
    if errors:
        raise ValueError(str(errors[0])) from errors[0]


def _find_metadata(source: BinaryIO, errors: list[Exception]) -> Iterator[ErasedRange]:
    """Never raises: errors are appended to `errors`, and the search goes on with the next box."""
    yield from _collect_errors(_in_file(source, errors), errors)


def _collect_errors(ranges: Iterator[ErasedRange], errors: list[Exception]) -> Iterator[ErasedRange]:
    """Appends the exception that ends `ranges` to `errors`, and erases the bytes that are no valid box."""
    try:
        yield from ranges
    except (ValueError, struct.error) as error:
        errors.append(error)
        if isinstance(error, InvalidBoxError) and error.offset < error.stop:
            yield ErasedRange(error.offset, error.stop)


def _in_file(source: BinaryIO, errors: list[Exception]) -> Iterator[ErasedRange]:
    for box in iter_boxes(source, 0, get_length(source)):
        if box.kind in METADATA_BOXES or box.kind == b"uuid":
            yield from _erase_box(box)
        elif box.kind == b"moov":
            yield from _collect_errors(_in_movie(source, box, errors), errors)
        elif box.kind == b"moof":
            yield from _collect_errors(_in_fragment(source, box, errors), errors)


def _in_fragment(source: BinaryIO, fragment: Box, errors: list[Exception]) -> Iterator[ErasedRange]:
    for box in iter_boxes(source, fragment.start, fragment.stop):
        yield from _collect_errors(_in_track_or_box(source, box), errors)


def _in_movie(source: BinaryIO, movie: Box, errors: list[Exception]) -> Iterator[ErasedRange]:
    for box in iter_boxes(source, movie.start, movie.stop):
        if box.kind in METADATA_BOXES or box.kind == b"uuid":
            yield from _erase_box(box)
        elif box.kind == b"trak":
            yield from _collect_errors(_in_track(source, box, errors), errors)
        else:
            yield from _in_track_or_box(source, box)


def _in_track(source: BinaryIO, track: Box, errors: list[Exception]) -> Iterator[ErasedRange]:
    try:
        is_metadata_track = _read_handler_type(source, track) == b"meta"
    except ValueError as error:
        errors.append(error)
        is_metadata_track = True  # the type of the track is unknown
    if is_metadata_track:
        yield from _erase_box(track)
        yield from _find_samples(source, track)
    else:
        yield from _in_track_or_box(source, track)


def _in_track_or_box(source: BinaryIO, box: Box) -> Iterator[ErasedRange]:
    """Other `uuid` boxes inside tracks are kept: they may be needed for playback."""
    if box.kind in {b"trak", b"traf"}:
        for child in iter_boxes(source, box.start, box.stop):
            if child.kind in METADATA_BOXES:
                yield from _erase_box(child)
    elif box.kind in METADATA_BOXES:
        yield from _erase_box(box)


def _erase_box(box: Box) -> Iterator[ErasedRange]:
    """Changes the type to `free` and erases the contents. The size field, of 32 or 64 bits, does not change."""
    yield ErasedRange(box.offset + 4, box.offset + 8, b"free")
    if box.start < box.stop:
        yield ErasedRange(box.start, box.stop)


def _read_handler_type(source: BinaryIO, track: Box) -> bytes:
    handler = find_box(source, track, b"mdia", b"hdlr")
    return read_exactly(source, handler.start + 8, 4) if handler and handler.stop - handler.start >= 12 else b""


# ── Sample tables ───────────────────────────────────────────────────────────────────────────────────────────────────
def _find_samples(source: BinaryIO, track: Box) -> Iterator[ErasedRange]:
    """Yields the byte ranges of all samples of a track, one range for each chunk."""
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
    runs = _read_table(source, tables[b"stsc"], 4, "III")  # first chunk, samples per chunk, description
    (common_size,) = struct.unpack(">I", read_exactly(source, tables[b"stsz"].start + 4, 4))
    sizes = [] if common_size else _read_table(source, tables[b"stsz"], 8, "I")
    sample, run, end = 0, 0, get_length(source)
    for number, offset in enumerate(chunk_offsets, 1):
        while (run + 1) * 3 < len(runs) and runs[(run + 1) * 3] <= number:
            run += 1
        count = runs[run * 3 + 1] if runs else 0
        size = count * common_size if common_size else sum(sizes[sample : sample + count])
        sample += count
        if offset >= end:
            raise ValueError("a sample behind the end")
        if size:
            yield ErasedRange(offset, offset + size, is_sample=True)


def _read_table(source: BinaryIO, box: Box, skip: int, entry_format: str) -> tuple[int, ...]:
    """Reads a table: the number of entries after `skip` bytes, then the entries. Returns all numbers in one tuple."""
    (count,) = struct.unpack(">I", read_exactly(source, box.start + skip, 4))
    size = struct.calcsize(f">{entry_format}")
    count = min(count, MAX_TABLE_ENTRIES, (box.stop - box.start - skip - 4) // size)
    return struct.unpack(f">{entry_format * count}", read_exactly(source, box.start + skip + 4, count * size))
