"""Films and recordings do not say where they were taken, and play as they did."""

from __future__ import annotations

import hashlib
import io
import struct
from contextlib import suppress
from types import SimpleNamespace

import pytest
from PIL import Image

from chat import selectors
from chat.attachments import processing
from chat.attachments.media import videos
from chat.attachments.media.image_metadata import without_metadata
from chat.attachments.media.mp4_metadata import silence, tells
from chat.models import File
from tests.attachments.test_message_files import give, send
from tests.attachments.test_untrusted_files import stored

PLACE = b"+48.8584+002.2945/"


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def wide(kind: bytes, body: bytes) -> bytes:
    """With a length of 64 bits."""
    return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body


def table(kind: bytes, head: bytes, *numbers: int, each: int = 1) -> bytes:
    return box(kind, head, struct.pack(f">{len(numbers) + 1}I", len(numbers) // each, *numbers))


def track(handler: bytes, chunks: list[int], sizes: list[int], *more: bytes) -> bytes:
    """Two samples in each chunk."""
    stbl = box(
        b"stbl",
        table(b"stsc", bytes(4), 1, 2, 1, each=3),
        table(b"stsz", bytes(8), *sizes),
        table(b"stco", bytes(4), *chunks),
    )
    media = box(b"mdia", box(b"hdlr", bytes(8) + handler + bytes(12)), box(b"minf", stbl))
    return box(b"trak", box(b"tkhd", bytes(84)), media, *more)


def phone(brand: bytes = b"isom") -> bytes:
    """As a phone writes it: a picture, and the way second by second beside it; the place in three more ways."""
    head = box(b"ftyp", brand + b"\x00\x00\x02\x00")
    at = len(head) + 8
    samples = b"PICTURE1PICTURE2" + b"WAYaWAYb" + b"PICTURE3PICTURE4" + b"WAYcWAYd"
    movie = box(
        b"moov",
        box(b"mvhd", bytes(12) + struct.pack(">II", 1000, 5000) + bytes(80)),
        track(b"vide", [at, at + 24], [8, 8, 8, 8], box(b"udta", box(b"\xa9nam", b"home"))),
        track(b"meta", [at + 16, at + 40], [4, 4, 4, 4]),
        box(b"meta", box(b"keys", b"com.apple.quicktime.location.ISO6709"), PLACE),
        wide(b"udta", box(b"\xa9xyz", PLACE)),
    )
    return head + box(b"mdat", samples) + movie + box(b"uuid", bytes(16) + b"<x:xmpmeta>" + PLACE)


def silenced(data: bytes) -> bytes:
    target = io.BytesIO(data)
    silence(target)
    return target.getvalue()


def test_every_word_about_the_place_is_gone_and_nothing_has_moved():
    data = phone()
    quiet = silenced(data)
    assert len(quiet) == len(data)
    for said in (PLACE, b"location", b"home", b"xmpmeta", b"WAY"):
        assert said in data and said not in quiet
    assert b"PICTURE1PICTURE2" in quiet and b"PICTURE3PICTURE4" in quiet
    assert quiet.count(b"trak") == 1 and b"udta" not in quiet and quiet.count(b"free") == 5
    assert tells(io.BytesIO(data)) and not tells(io.BytesIO(quiet))
    assert silenced(quiet) == quiet


def test_what_says_nothing_is_not_touched():
    data = box(b"ftyp", b"isom") + box(b"mdat", b"PICTURE") + box(b"moov", track(b"vide", [20], [7]))
    assert not tells(io.BytesIO(data)) and silenced(data) == data


def test_films_in_fragments_too():
    part = box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", box(b"tfhd", bytes(8)), box(b"udta", PLACE)))
    data = box(b"ftyp", b"isom") + box(b"moov", box(b"udta", PLACE)) + part + box(b"mdat", b"PICTURE")
    assert PLACE not in silenced(data) and b"PICTURE" in silenced(data)


@pytest.mark.parametrize("cut", range(1, 60))
def test_whatever_is_cut_off_or_wrong_neither_loops_nor_grows(cut):
    """Tables that lie about their length, boxes that end too soon: it is refused or left, and its length stays."""
    data = phone()
    for broken in (
        data[: len(data) * cut // 60],
        data[: cut * 7] + b"\xff\xff\xff\xff" + data[cut * 7 + 4 :],
        data[: cut * 7] + bytes(4) + data[cut * 7 + 4 :],
    ):
        with suppress(ValueError):
            assert len(silenced(broken)) == len(broken)


HEAD = box(b"ftyp", b"isom\x00\x00\x02\x00")
UDTA = box(b"udta", box(b"\xa9xyz", PLACE))
TABLE = box(b"stbl", box(b"stsc"), box(b"stsz"), box(b"stco"))
FAR = box(
    b"stbl",
    table(b"stsc", bytes(4), 1, 1, 1, each=3),
    table(b"stsz", bytes(8), 8),
    box(b"co64", struct.pack(">IIQ", 0, 1, 2**64 - 1)),
)
BROKEN = {
    "a movie that is cut short": (HEAD + box(b"mdat", bytes(64)) + box(b"moov", UDTA, bytes(20)))[:-3],
    "cut in the middle of the place": (HEAD + box(b"moov", UDTA))[:-3],
    "no box, and then the place": HEAD + box(b"moov") + b"\x00\x00\x00\x01junk" + UDTA,
    "too small a box, and then the place": HEAD + box(b"moov", b"\x00\x00\x00\x07junk", UDTA),
    "no box's head": HEAD + box(b"moov") + PLACE[:7],
    "a box without an end, not the last": HEAD + box(b"moov", bytes(4) + b"free", UDTA),
    "filling, and then the place": HEAD + box(b"moov") + bytes(8) + UDTA,
    "a sample further off than any file": HEAD
    + box(
        b"moov",
        UDTA,
        box(
            b"trak",
            box(b"mdia", box(b"hdlr", bytes(8) + b"meta" + bytes(12)), box(b"minf", FAR)),
        ),
    ),
    "a broken table": HEAD
    + box(b"moov", box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + b"meta" + bytes(12)), box(b"minf", TABLE))), UDTA),
}


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_a_download_that_does_not_tell_either(api, alice, what):
    data = BROKEN[what]
    assert tells(io.BytesIO(data))
    attachment = give(alice, data, "film.mp4")
    assert attachment.file.state == "waiting"
    processing.prepare(attachment.file_id)
    attachment.refresh_from_db()
    file = File.objects.get()
    given = stored(file)
    assert (attachment.kind, file.state, len(given)) == ("file", "ready", len(data))
    assert PLACE[:7] not in given and file.sha256 == hashlib.sha256(given).hexdigest()


@pytest.mark.usefixtures("transactional_db")
def test_nor_does_it_tell_out_of_a_bucket(alice, monkeypatch):
    attachment = give(alice, BROKEN["a broken table"], "film.mp4")
    before = attachment.file.key
    monkeypatch.setattr(videos, "shelf", lambda: SimpleNamespace(path=lambda _key: None))
    processing.prepare(attachment.file_id)
    file = File.objects.get()
    given = stored(file)
    assert file.key != before and file.attachments.get().kind == "file"
    assert PLACE not in given and file.sha256 == hashlib.sha256(given).hexdigest()


def test_a_recording_that_was_cut_keeps_what_was_recorded():
    data = HEAD + box(b"mdat", b"PICTURE" * 20)[:-3]
    target = io.BytesIO(data)
    with pytest.raises(ValueError, match="cut short"):
        silence(target)
    assert target.getvalue() == data


def test_filling_behind_the_last_box_is_no_harm():
    movie = box(b"moov", track(b"vide", [20], [7]), bytes(4))
    for data in (HEAD + movie, HEAD + movie + bytes(5), HEAD + movie + bytes(100)):
        assert not tells(io.BytesIO(data)) and silenced(data) == data


def test_a_broken_gif_goes_on_moving_and_is_whole_where_it_is_whole(tmp_path):
    frames = [Image.new("RGB", (40, 40), color) for color in ("red", "green", "blue")]
    frames[0].save(tmp_path / "a", "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0, comment=PLACE)
    assert PLACE in (tmp_path / "a").read_bytes()
    assert without_metadata(tmp_path / "a", tmp_path / "b", "image/gif")
    assert PLACE not in (tmp_path / "b").read_bytes()
    with Image.open(tmp_path / "a") as before, Image.open(tmp_path / "b") as after:
        assert (after.n_frames, after.info["loop"], after.info["duration"]) == (3, 0, 50)
        for number in range(3):
            before.seek(number)
            after.seek(number)
            assert after.convert("RGB").tobytes() == before.convert("RGB").tobytes()


def app1(place: bytes) -> bytes:
    return b"\xe1" + struct.pack(">H", len(place) + 8) + b"Exif\x00\x00" + place


PICTURES = {
    "again.jpg": b"\xff\xd8\xff" + app1(PLACE) + b"\xff\xd8broken\xff",
    "filled.jpg": b"\xff\xd8\xff\xff" + app1(PLACE) + b"\xff\xda" + b"x" * 30,
    "between.jpg": b"\xff\xd8\xff\xfe\x00\x02" + PLACE + b"\xff" + app1(PLACE) + b"\xff\xda" + b"x" * 30,
    "cut.jpg": b"\xff\xd8\xff" + app1(PLACE)[:-3],
    "cut.png": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 50, b"eXIf") + PLACE,
    "odd.png": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 4, b"eXIf") + b"four" + b"CRC_" + b"\x00\x00",
    "cut.webp": b"RIFF\x00\x00\x00\x00WEBPEXIF" + struct.pack("<I", 50) + PLACE,
    "broken.gif": b"GIF89a" + bytes(7) + PLACE,
    "comment.gif": b"GIF89a" + bytes(7) + b"!\xfe" + bytes([len(PLACE)]) + PLACE + b"\x00!\xfe\x05cut",
    "xmp.gif": b"GIF89a" + bytes(7) + b"!\xff\x0bXMP DataXMP" + bytes([len(PLACE)]) + PLACE + b"\x00;",
    "behind.gif": b"GIF89a" + bytes(7) + b";" + PLACE,
}


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("name", PICTURES)
def test_nor_does_a_broken_picture(alice, name):
    attachment = give(alice, PICTURES[name], name)
    processing.prepare(attachment.file_id)
    attachment.refresh_from_db()
    given = stored(File.objects.get())
    assert (attachment.kind, attachment.file.state) == ("file", "ready")
    assert PLACE[:7] not in given and b"four" not in given and PICTURES[name][:2] == given[:2]


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize(
    ("brand", "name", "kind"),
    [(b"isom", "film.mp4", "video"), (b"qt  ", "IMG_1.MOV", "video"), (b"M4A ", "memo.m4a", "audio")],
)
def test_nobody_gets_it_before_it_is_quiet_and_then_everybody(api, alice, bob, room, brand, name, kind):
    attachment = give(alice, phone(brand), name)
    message = send(alice, room, attachment)
    shown = message.attachments[0]
    assert (shown.kind, shown.ready, shown.duration) == (kind, False, 5.0)
    assert api(bob).get(shown.url).status_code == 503
    processing.prepare(attachment.file_id)
    now = selectors.get_message(bob.pk, message.id)
    assert now.attachments[0].ready and now.version > message.version
    given = api(bob).get(shown.url).getvalue()
    assert given == silenced(phone(brand))
    file = File.objects.get()
    assert file.sha256 == hashlib.sha256(given).hexdigest() and stored(file) == given
    processing.prepare(attachment.file_id)


@pytest.mark.usefixtures("transactional_db")
def test_what_says_nothing_is_there_at_once(alice):
    data = box(b"ftyp", b"isom") + box(b"mdat", b"PICTURE") + box(b"moov", track(b"vide", [20], [7]))
    assert give(alice, data, "quiet.mp4").file.state == "ready"


@pytest.mark.usefixtures("transactional_db")
def test_what_cannot_be_read_is_a_download(api, alice, bob, room, monkeypatch):
    def cannot(_target):
        raise ValueError("cut short")

    monkeypatch.setattr(videos, "silence", cannot)
    attachment = give(alice, phone(), "film.mp4")
    message = send(alice, room, attachment)
    processing.prepare(attachment.file_id)
    shown = selectors.get_message(bob.pk, message.id).attachments[0]
    assert (shown.kind, shown.ready) == ("file", True)
    assert api(bob).get(shown.url)["Content-Disposition"].startswith("attachment")
