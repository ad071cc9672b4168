"""Tests that metadata, such as the location, is removed from video, audio and image files.

The picture and sound data in these files must not change.
"""

from __future__ import annotations

import hashlib
import io
import struct
from contextlib import suppress
from types import SimpleNamespace

import pytest
from PIL import Image

from chat import selectors
from chat.actions import attachments
from chat.attachments.media import videos
from chat.attachments.media.image_metadata import strip_image_metadata
from chat.attachments.media.mp4_metadata import contains_metadata, strip_metadata
from chat.models import File
from tests.attachments.test_message_files import create_attachment, send_message
from tests.attachments.test_untrusted_files import read_stored_file

LOCATION = b"+48.8584+002.2945/"


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def wide_box(kind: bytes, body: bytes) -> bytes:
    """Returns an MP4 box (a block of an MP4 file) whose length is stored in 64 bits instead of 32."""
    return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body


def table(kind: bytes, head: bytes, *numbers: int, each: int = 1) -> bytes:
    return box(kind, head, struct.pack(f">{len(numbers) + 1}I", len(numbers) // each, *numbers))


def track(handler: bytes, chunks: list[int], sizes: list[int], *more: bytes) -> bytes:
    """Returns an MP4 track (`trak` box). `chunks` are the offsets of its blocks of media data in the file.

    Each block contains two samples (such as video frames). `sizes` are the sizes of the samples in bytes.
    """
    stbl = box(
        b"stbl",
        table(b"stsc", bytes(4), 1, 2, 1, each=3),
        table(b"stsz", bytes(8), *sizes),
        table(b"stco", bytes(4), *chunks),
    )
    media = box(b"mdia", box(b"hdlr", bytes(8) + handler + bytes(12)), box(b"minf", stbl))
    return box(b"trak", box(b"tkhd", bytes(84)), media, *more)


def make_phone_video(brand: bytes = b"isom") -> bytes:
    """Returns an MP4 video as phones record it, with the location of the phone in several places of the file.

    One track contains the location for every second. Three blocks (boxes) of the file contain a location, too.
    """
    head = box(b"ftyp", brand + b"\x00\x00\x02\x00")
    at = len(head) + 8
    samples = b"PICTURE1PICTURE2" + b"WAYaWAYb" + b"PICTURE3PICTURE4" + b"WAYcWAYd"
    movie = box(
        b"moov",
        box(b"mvhd", bytes(12) + struct.pack(">II", 1000, 5000) + bytes(80)),
        track(b"vide", [at, at + 24], [8, 8, 8, 8], box(b"udta", box(b"\xa9nam", b"home"))),
        track(b"meta", [at + 16, at + 40], [4, 4, 4, 4]),
        box(b"meta", box(b"keys", b"com.apple.quicktime.location.ISO6709"), LOCATION),
        wide_box(b"udta", box(b"\xa9xyz", LOCATION)),
    )
    return head + box(b"mdat", samples) + movie + box(b"uuid", bytes(16) + b"<x:xmpmeta>" + LOCATION)


def strip(data: bytes) -> bytes:
    target = io.BytesIO(data)
    strip_metadata(target)
    return target.getvalue()


def test_metadata_is_erased_and_no_byte_moves():
    data = make_phone_video()
    stripped = strip(data)
    assert len(stripped) == len(data)
    for text in (LOCATION, b"location", b"home", b"xmpmeta", b"WAY"):
        assert text in data and text not in stripped
    assert b"PICTURE1PICTURE2" in stripped and b"PICTURE3PICTURE4" in stripped
    assert stripped.count(b"trak") == 1 and b"udta" not in stripped and stripped.count(b"free") == 5
    assert contains_metadata(io.BytesIO(data)) and not contains_metadata(io.BytesIO(stripped))
    assert strip(stripped) == stripped


def test_a_file_without_metadata_is_not_changed():
    data = box(b"ftyp", b"isom") + box(b"mdat", b"PICTURE") + box(b"moov", track(b"vide", [20], [7]))
    assert not contains_metadata(io.BytesIO(data)) and strip(data) == data


def test_fragmented_videos_are_stripped():
    part = box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", box(b"tfhd", bytes(8)), box(b"udta", LOCATION)))
    data = box(b"ftyp", b"isom") + box(b"moov", box(b"udta", LOCATION)) + part + box(b"mdat", b"PICTURE")
    assert LOCATION not in strip(data) and b"PICTURE" in strip(data)


@pytest.mark.parametrize("cut", range(1, 60))
def test_damaged_files_end_and_keep_their_length(cut):
    """Removing metadata from a damaged MP4 file does not run forever and does not change the length of the file.

    It may raise ValueError. The damaged files have tables with wrong lengths, or truncated boxes (blocks of the file).
    """
    data = make_phone_video()
    for broken in (
        data[: len(data) * cut // 60],
        data[: cut * 7] + b"\xff\xff\xff\xff" + data[cut * 7 + 4 :],
        data[: cut * 7] + bytes(4) + data[cut * 7 + 4 :],
    ):
        with suppress(ValueError):
            assert len(strip(broken)) == len(broken)


FTYP = box(b"ftyp", b"isom\x00\x00\x02\x00")
UDTA = box(b"udta", box(b"\xa9xyz", LOCATION))
EMPTY_SAMPLE_TABLE = box(b"stbl", box(b"stsc"), box(b"stsz"), box(b"stco"))
FAR_SAMPLE_TABLE = box(
    b"stbl",
    table(b"stsc", bytes(4), 1, 1, 1, each=3),
    table(b"stsz", bytes(8), 8),
    box(b"co64", struct.pack(">IIQ", 0, 1, 2**64 - 1)),
)
DAMAGED_VIDEOS = {
    "a movie that is cut short": (FTYP + box(b"mdat", bytes(64)) + box(b"moov", UDTA, bytes(20)))[:-3],
    "cut in the middle of the place": (FTYP + box(b"moov", UDTA))[:-3],
    "no box, and then the place": FTYP + box(b"moov") + b"\x00\x00\x00\x01junk" + UDTA,
    "too small a box, and then the place": FTYP + box(b"moov", b"\x00\x00\x00\x07junk", UDTA),
    "no box's head": FTYP + box(b"moov") + LOCATION[:7],
    "a box without an end, not the last": FTYP + box(b"moov", bytes(4) + b"free", UDTA),
    "filling, and then the place": FTYP + box(b"moov") + bytes(8) + UDTA,
    "a sample further off than any file": FTYP
    + box(
        b"moov",
        UDTA,
        box(
            b"trak",
            box(b"mdia", box(b"hdlr", bytes(8) + b"meta" + bytes(12)), box(b"minf", FAR_SAMPLE_TABLE)),
        ),
    ),
    "a broken table": FTYP
    + box(
        b"moov",
        box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + b"meta" + bytes(12)), box(b"minf", EMPTY_SAMPLE_TABLE))),
        UDTA,
    ),
}


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("name", DAMAGED_VIDEOS)
def test_a_damaged_video_becomes_a_download_without_metadata(alice, name):
    data = DAMAGED_VIDEOS[name]
    assert contains_metadata(io.BytesIO(data))
    attachment = create_attachment(alice, data, "film.mp4")
    assert attachment.file.state == "waiting"
    attachments.process_file(attachment.file_id)
    attachment.refresh_from_db()
    file = File.objects.get()
    content = read_stored_file(file)
    assert (attachment.kind, file.state, len(content)) == ("file", "ready", len(data))
    assert LOCATION[:7] not in content and file.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.usefixtures("transactional_db")
def test_a_damaged_video_in_s3_becomes_a_download_without_metadata(alice, monkeypatch):
    attachment = create_attachment(alice, DAMAGED_VIDEOS["a broken table"], "film.mp4")
    before = attachment.file.key
    monkeypatch.setattr(videos, "get_upload_storage", lambda: SimpleNamespace(local_path=lambda _key: None))
    attachments.process_file(attachment.file_id)
    file = File.objects.get()
    content = read_stored_file(file)
    assert file.key != before and file.attachments.get().kind == "file"
    assert LOCATION not in content and file.sha256 == hashlib.sha256(content).hexdigest()


def test_a_truncated_recording_keeps_its_media_data():
    data = FTYP + box(b"mdat", b"PICTURE" * 20)[:-3]
    target = io.BytesIO(data)
    with pytest.raises(ValueError, match="cut short"):
        strip_metadata(target)
    assert target.getvalue() == data


def test_zero_padding_after_the_last_box_is_accepted():
    movie = box(b"moov", track(b"vide", [20], [7]), bytes(4))
    for data in (FTYP + movie, FTYP + movie + bytes(5), FTYP + movie + bytes(100)):
        assert not contains_metadata(io.BytesIO(data)) and strip(data) == data


def test_stripping_a_gif_keeps_its_frames(tmp_path):
    frames = [Image.new("RGB", (40, 40), color) for color in ("red", "green", "blue")]
    frames[0].save(
        tmp_path / "a", "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0, comment=LOCATION
    )
    assert LOCATION in (tmp_path / "a").read_bytes()
    assert strip_image_metadata(tmp_path / "a", tmp_path / "b", "image/gif")
    assert LOCATION not in (tmp_path / "b").read_bytes()
    with Image.open(tmp_path / "a") as before, Image.open(tmp_path / "b") as after:
        assert (after.n_frames, after.info["loop"], after.info["duration"]) == (3, 0, 50)
        for number in range(3):
            before.seek(number)
            after.seek(number)
            assert after.convert("RGB").tobytes() == before.convert("RGB").tobytes()


def app1(place: bytes) -> bytes:
    return b"\xe1" + struct.pack(">H", len(place) + 8) + b"Exif\x00\x00" + place


DAMAGED_IMAGES = {
    "again.jpg": b"\xff\xd8\xff" + app1(LOCATION) + b"\xff\xd8broken\xff",
    "filled.jpg": b"\xff\xd8\xff\xff" + app1(LOCATION) + b"\xff\xda" + b"x" * 30,
    "between.jpg": b"\xff\xd8\xff\xfe\x00\x02" + LOCATION + b"\xff" + app1(LOCATION) + b"\xff\xda" + b"x" * 30,
    "cut.jpg": b"\xff\xd8\xff" + app1(LOCATION)[:-3],
    "cut.png": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 50, b"eXIf") + LOCATION,
    "odd.png": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 4, b"eXIf") + b"four" + b"CRC_" + b"\x00\x00",
    "cut.webp": b"RIFF\x00\x00\x00\x00WEBPEXIF" + struct.pack("<I", 50) + LOCATION,
    "broken.gif": b"GIF89a" + bytes(7) + LOCATION,
    "comment.gif": b"GIF89a" + bytes(7) + b"!\xfe" + bytes([len(LOCATION)]) + LOCATION + b"\x00!\xfe\x05cut",
    "xmp.gif": b"GIF89a" + bytes(7) + b"!\xff\x0bXMP DataXMP" + bytes([len(LOCATION)]) + LOCATION + b"\x00;",
    "behind.gif": b"GIF89a" + bytes(7) + b";" + LOCATION,
}


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("name", DAMAGED_IMAGES)
def test_a_damaged_image_becomes_a_download_without_metadata(alice, name):
    attachment = create_attachment(alice, DAMAGED_IMAGES[name], name)
    attachments.process_file(attachment.file_id)
    attachment.refresh_from_db()
    content = read_stored_file(File.objects.get())
    assert (attachment.kind, attachment.file.state) == ("file", "ready")
    assert LOCATION[:7] not in content and b"four" not in content and DAMAGED_IMAGES[name][:2] == content[:2]


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize(
    ("brand", "name", "kind"),
    [(b"isom", "film.mp4", "video"), (b"qt  ", "IMG_1.MOV", "video"), (b"M4A ", "memo.m4a", "audio")],
)
def test_a_video_is_served_only_after_its_metadata_is_stripped(api, alice, bob, group, brand, name, kind):
    attachment = create_attachment(alice, make_phone_video(brand), name)
    message = send_message(alice, group, attachment)
    shown = message.attachments[0]
    assert (shown.kind, shown.ready, shown.duration) == (kind, False, 5.0)
    assert api(bob).get(shown.url).status_code == 503
    attachments.process_file(attachment.file_id)
    now = selectors.get_message(bob.pk, message.id)
    assert now.attachments[0].ready and now.version > message.version
    content = api(bob).get(shown.url).getvalue()
    assert content == strip(make_phone_video(brand))
    file = File.objects.get()
    assert file.sha256 == hashlib.sha256(content).hexdigest() and read_stored_file(file) == content
    attachments.process_file(attachment.file_id)


@pytest.mark.usefixtures("transactional_db")
def test_a_video_without_metadata_is_ready_at_once(alice):
    data = box(b"ftyp", b"isom") + box(b"mdat", b"PICTURE") + box(b"moov", track(b"vide", [20], [7]))
    assert create_attachment(alice, data, "quiet.mp4").file.state == "ready"


@pytest.mark.usefixtures("transactional_db")
def test_a_video_that_cannot_be_parsed_becomes_a_download(api, alice, bob, group, monkeypatch):
    monkeypatch.setattr(videos, "_strip_in_place", lambda _path: False)
    attachment = create_attachment(alice, make_phone_video(), "film.mp4")
    message = send_message(alice, group, attachment)
    attachments.process_file(attachment.file_id)
    shown = selectors.get_message(bob.pk, message.id).attachments[0]
    assert (shown.kind, shown.ready) == ("file", True)
    assert api(bob).get(shown.url)["Content-Disposition"].startswith("attachment")
