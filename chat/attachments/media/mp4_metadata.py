"""Takes out of films and recordings (MP4, QuickTime, M4A) what they say about themselves: phones write into them where
they were taken. Nothing moves: what is taken out becomes free space of the same size, so that all else plays as it did,
and a large file costs a few small writes.

Taken out are user data (`udta`: `©xyz`, `loci`, titles, covers), `meta` with Apple's keys, `uuid` (XMP), and tracks of
timed metadata (`gpmd`, `camm`, `mebx`: the way, second by second) with their samples. Left in are pictures, sound,
subtitles and times.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from chat.attachments.media.mp4 import Box, NoBoxError, boxes, length, read, within

TELLING = {b"udta", b"meta"}
MOST_ENTRIES = 1_000_000  # of one table


class Span(NamedTuple):
    """Bytes that become `head` and then zeros."""

    start: int
    stop: int
    head: bytes = b""
    sample: bool = False


def tells(source: BinaryIO) -> bool:
    """Whether there is anything to take out. What cannot be read may say anything."""
    wrong: list[Exception] = []
    return next(_spans(source, wrong), None) is not None or bool(wrong)


def silence(target: BinaryIO) -> None:
    """In place, open for reading and writing. ValueError: it cannot be read to its end. What was found is out all
    the same, and so is what stands where no box can be; not what a cut `mdat` holds, nor the samples of a
    track whose tables are broken.

    Done again after a crash it ends what was begun: samples go first, then what is in boxes, and last their names, by
    which they are found.
    """
    wrong: list[Exception] = []
    spans = list(_spans(target, wrong))
    end = length(target)
    for span in sorted(spans, key=lambda span: (bool(span.head), not span.sample)):
        target.seek(span.start)
        target.write(span.head)
        left = min(span.stop, end) - span.start - len(span.head)
        while left > 0:
            left -= target.write(bytes(min(left, 1024 * 1024)))
    if wrong:
        raise ValueError(str(wrong[0])) from wrong[0]


def _spans(source: BinaryIO, wrong: list[Exception]) -> Iterator[Span]:
    """Never raises: what cannot be read goes to `wrong`, and the boxes beside it are looked at all the same."""
    yield from _in_spite(_of_file(source, wrong), wrong)


def _in_spite(spans: Iterator[Span], wrong: list[Exception]) -> Iterator[Span]:
    try:
        yield from spans
    except (ValueError, struct.error) as error:
        wrong.append(error)
        if isinstance(error, NoBoxError) and error.at < error.stop:
            yield Span(error.at, error.stop)


def _of_file(source: BinaryIO, wrong: list[Exception]) -> Iterator[Span]:
    for box in boxes(source, 0, length(source)):
        if box.kind in TELLING or box.kind == b"uuid":
            yield from _free(box)
        elif box.kind == b"moov":
            yield from _in_spite(_of_movie(source, box, wrong), wrong)
        elif box.kind == b"moof":
            yield from _in_spite(_of_fragment(source, box, wrong), wrong)


def _of_fragment(source: BinaryIO, fragment: Box, wrong: list[Exception]) -> Iterator[Span]:
    for part in boxes(source, fragment.start, fragment.stop):
        yield from _in_spite(_of_part(source, part), wrong)


def _of_movie(source: BinaryIO, movie: Box, wrong: list[Exception]) -> Iterator[Span]:
    for box in boxes(source, movie.start, movie.stop):
        if box.kind in TELLING or box.kind == b"uuid":
            yield from _free(box)
        elif box.kind == b"trak":
            yield from _in_spite(_of_track(source, box, wrong), wrong)
        else:
            yield from _of_part(source, box)


def _of_track(source: BinaryIO, track: Box, wrong: list[Exception]) -> Iterator[Span]:
    try:
        way = _handler(source, track) == b"meta"
    except ValueError as error:
        wrong.append(error)
        way = True  # nobody can say what is in it
    if way:
        yield from _free(track)
        yield from _samples(source, track)
    else:
        yield from _of_part(source, track)


def _of_part(source: BinaryIO, part: Box) -> Iterator[Span]:
    """Of a track. What else it holds as `uuid` may be needed to play it."""
    if part.kind in {b"trak", b"traf"}:
        for box in boxes(source, part.start, part.stop):
            if box.kind in TELLING:
                yield from _free(box)
    elif part.kind in TELLING:
        yield from _free(part)


def _free(box: Box) -> Iterator[Span]:
    """Its length stays, also one of 64 bits."""
    yield Span(box.at + 4, box.at + 8, b"free")
    if box.start < box.stop:
        yield Span(box.start, box.stop)


def _handler(source: BinaryIO, track: Box) -> bytes:
    found = within(source, track, b"mdia", b"hdlr")
    return read(source, found.start + 8, 4) if found and found.stop - found.start >= 12 else b""


# ── Where the samples of a track lie ─────────────────────────────────────────────────────────────────────────────
def _samples(source: BinaryIO, track: Box) -> Iterator[Span]:
    table = within(source, track, b"mdia", b"minf", b"stbl")
    if table is None:
        return
    parts = {box.kind: box for box in boxes(source, table.start, table.stop)}
    if not {b"stsc", b"stsz"} <= parts.keys() or not parts.keys() & {b"stco", b"co64"}:
        return
    wide = b"co64" in parts
    chunks = _numbers(source, parts[b"co64" if wide else b"stco"], 4, "Q" if wide else "I")
    runs = _numbers(source, parts[b"stsc"], 4, "III")
    (alike,) = struct.unpack(">I", read(source, parts[b"stsz"].start + 4, 4))
    sizes = [] if alike else _numbers(source, parts[b"stsz"], 8, "I")
    sample, run, end = 0, 0, length(source)
    for number, at in enumerate(chunks, 1):
        while (run + 1) * 3 < len(runs) and runs[(run + 1) * 3] <= number:
            run += 1
        count = runs[run * 3 + 1] if runs else 0
        size = count * alike if alike else sum(sizes[sample : sample + count])
        sample += count
        if at >= end:
            raise ValueError("a sample behind the end")
        if size:
            yield Span(at, at + size, sample=True)


def _numbers(source: BinaryIO, box: Box, skip: int, each: str) -> tuple[int, ...]:
    """A table: its number of entries after `skip` bytes, then the entries."""
    (count,) = struct.unpack(">I", read(source, box.start + skip, 4))
    size = struct.calcsize(f">{each}")
    count = min(count, MOST_ENTRIES, (box.stop - box.start - skip - 4) // size)
    return struct.unpack(f">{each * count}", read(source, box.start + skip + 4, count * size))
