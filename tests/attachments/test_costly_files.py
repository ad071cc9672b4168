"""Tests of files that an attacker has made so that parsing them costs much memory or time.

They must not use much memory or time of the server process, which also handles the requests of all other users.
"""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from chat.actions import attachments
from chat.attachments.media import inspection, mp4
from chat.attachments.media.inspection import inspect_media
from chat.attachments.media.mp4_metadata import contains_metadata, strip_metadata
from tests.attachments.test_message_files import create_attachment
from tests.attachments.test_mp4_metadata import FTYP, box, table, track
from tests.attachments.test_untrusted_files import read_stored_file

MB = 1024 * 1024
CLEAR_REFS = Path("/proc/self/clear_refs")


def png_without_exif(side: int) -> bytes:
    """Returns a PNG image of `side` times `side` pixels without EXIF data (metadata such as the location).

    EXIF data may follow the pixels in a PNG file. Tests check that the server does not decode all pixels to find it.
    """

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    pixels = zlib.compress(bytes((side * 4 + 1) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def make_wav(size: int) -> bytes:
    """Returns a WAV file whose format chunk (a part of the header) has `size` bytes.

    In a normal WAV file it has less than 50 bytes.
    """
    return b"RIFF" + struct.pack("<I", size + 12) + b"WAVEfmt " + struct.pack("<I", size) + bytes(size)


# Made only when a test asks for one: together they have hundreds of megabytes.
COSTLY_FILES: dict[str, Callable[[], tuple[bytes, str]]] = {
    "fragments full of broken boxes": lambda: (
        FTYP + box(b"moof", box(b"traf", b"\xff" * 8) * (3 * MB // 16)),
        "video/mp4",
    ),
    "fragments full of truncated boxes": lambda: (
        FTYP + box(b"moof", box(b"traf", bytes(7)) * (3 * MB // 15)),
        "video/mp4",
    ),
    "empty tracks": lambda: (FTYP + box(b"moov", box(b"trak") * (6 * MB // 8)), "video/mp4"),
    "empty boxes at the top": lambda: (FTYP + box(b"free") * (6 * MB // 8), "audio/mp4"),
    "a picture of 144 megapixels": lambda: (png_without_exif(12_000), "image/png"),
    "JPEG segments": lambda: (b"\xff\xd8" + b"\xff\xe5\x00\x02" * (8 * MB // 4), "image/jpeg"),
    "JPEG comments": lambda: (b"\xff\xd8" + (b"\xff\xfe\xff\xff" + bytes(65533)) * 1000, "image/jpeg"),
    "a sound header": lambda: (make_wav(64 * MB), "audio/wav"),
    "an endless packet": lambda: (
        b"OggS" + b"\x00\x02" + bytes(20) + (b"\xff" + b"\xff" * 255 + bytes(60_000)) * 900,
        "audio/ogg",
    ),
    "an HEIC of many boxes": lambda: (
        box(b"ftyp", b"heic") + box(b"meta", bytes(4), box(b"free") * 400_000),
        "image/heic",
    ),
}


@pytest.mark.skipif(not CLEAR_REFS.exists(), reason="the peak of memory use is read from Linux")
@pytest.mark.parametrize("name", COSTLY_FILES)
def test_inspecting_a_costly_file_takes_little_memory_and_time_of_the_server(name):
    data, content_type = COSTLY_FILES[name]()
    source = io.BytesIO(data)
    CLEAR_REFS.write_text("5")  # resets the peak
    before, cpu_before = peak_memory(), time.process_time()
    inspect_media(source, content_type, {})
    assert peak_memory() - before < 16 * MB
    assert time.process_time() - cpu_before < 1


def peak_memory() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_ordinary_files_are_measured_by_the_process(tmp_path):
    assert inspect_media(io.BytesIO(png_without_exif(40)), "image/png", {}) == ((40, 40, None), True)
    film = FTYP + box(b"moov", box(b"mvhd", bytes(12) + struct.pack(">II", 1000, 5000) + bytes(80)))
    assert inspect_media(io.BytesIO(film), "video/mp4", {"width": 320, "height": 200}) == ((320, 200, 5.0), False)
    assert inspect_media(io.BytesIO(b"plain"), "text/plain", {}) == ((None, None, None), False)


def test_a_file_that_cannot_be_inspected_is_processed_by_the_worker(monkeypatch):
    """Inspecting a media file (measuring it and searching it for metadata) fails if it takes too long.

    It also fails if too many other inspections run. In both cases an MP4 file must be processed by the worker (the
    process for background tasks), because it may contain metadata. A WAV file need not.
    """
    film = FTYP + box(b"moov", track(b"vide", [20], [7]))
    monkeypatch.setattr(inspection, "TIMEOUT_SECONDS", 0.001)
    assert inspect_media(io.BytesIO(film), "video/mp4", {"duration": 3}) == ((None, None, 3.0), True)
    monkeypatch.setattr(inspection, "WAIT_SECONDS", 0.001)
    for _ in range(inspection.MAX_PROCESSES):
        assert inspection._processes.acquire(timeout=5)
    try:
        assert inspect_media(io.BytesIO(film), "video/mp4", {}) == ((None, None, None), True)
        assert inspect_media(io.BytesIO(make_wav(10)), "audio/wav", {}) == ((None, None, None), False)
    finally:
        inspection._processes.release(inspection.MAX_PROCESSES)


def test_samples_of_a_byte_each_are_erased_as_one_range():
    """An MP4 metadata track can be erased quickly even if its data are 300,000 blocks of one byte each.

    The blocks directly follow each other in the file.
    """
    tables = box(
        b"stbl",
        table(b"stsc", bytes(4), 1, 1, 1, each=3),
        table(b"stsz", struct.pack(">II", 0, 1)),
        table(b"stco", bytes(4), *range(24, 24 + 300_000)),
    )
    media = box(b"mdia", box(b"hdlr", bytes(8) + b"meta" + bytes(12)), box(b"minf", tables))
    data = FTYP + box(b"mdat", b"PLACE" * 60_000) + box(b"moov", box(b"trak", media))
    target = io.BytesIO(data)
    strip_metadata(target)
    assert b"PLACE" not in target.getvalue()[24:] and len(target.getvalue()) == len(data)


def test_samples_that_overlap_are_not_erased_again_and_again():
    data = FTYP + box(b"mdat", b"PICTURE" * 100)
    data += box(b"moov", track(b"meta", [20, 30] * 500, [600] * 2000), box(b"udta", b"place"))
    target = io.BytesIO(data)
    with pytest.raises(ValueError, match="more samples than bytes"):
        strip_metadata(target)
    assert b"place" not in target.getvalue()


def test_a_file_of_too_many_boxes_counts_as_damaged(monkeypatch):
    monkeypatch.setattr(mp4, "MAX_BOXES", 100)
    data = FTYP + box(b"moov", box(b"udta", b"place")) + box(b"free") * 200 + box(b"mdat", b"PICTURE")
    assert contains_metadata(io.BytesIO(data))
    target = io.BytesIO(data)
    with pytest.raises(ValueError, match="too many boxes"):
        strip_metadata(target)
    assert b"place" not in target.getvalue() and b"PICTURE" in target.getvalue()


@pytest.mark.usefixtures("transactional_db")
def test_a_costly_film_becomes_a_download(alice):
    data, _ = COSTLY_FILES["fragments full of truncated boxes"]()
    attachment = create_attachment(alice, data, "film.mp4")
    attachments.process_file(attachment.file_id)
    attachment.refresh_from_db()
    assert (attachment.kind, attachment.file.state) == ("file", "ready")
    assert len(read_stored_file(attachment.file)) == len(data)
