"""What a file is, what it is called, and what becomes of pictures: nothing that comes in is believed."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from chat import selectors
from chat.attachments import filenames, processing, uploads
from chat.attachments.media import content_types, images
from chat.models import File
from tests.attachments.test_message_files import give, picture, send

# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────
NASTY = [
    ("../../etc/passwd", "passwd"),
    ("C:\\Users\\bob\\evil.exe", "evil.exe"),
    ("a\r\nSet-Cookie: x=y.png", "a Set-Cookie_ x=y.png"),
    ("holiday\u202egnp.exe", "holidaygnp.exe"),
    ("con", "_con"),
    ("LPT1.txt", "_LPT1.txt"),
    ('a<b>:"|?*.txt', "a_b______.txt"),
    ("....", "file"),
    ("", "file"),
    ("\u200d", "file"),
    ("nul\x00l.txt", "null.txt"),
    (".hidden", "hidden"),
    ("  spaces   and\ttabs .txt", "spaces and tabs.txt"),
    ("Lebenslauf (3).tar.gz", "Lebenslauf (3).tar.gz"),
    ("年度报告 📊.pdf", "年度报告 📊.pdf"),
    ("\ud800.txt", "txt"),
]


@pytest.mark.parametrize(("given", "kept"), NASTY)
def test_names_are_kept_for_people_and_harmless_for_systems(given, kept):
    assert filenames.clean(given) == kept


def test_a_name_of_500_characters_is_cut_before_its_extension():
    for letter in ("a", "字", "📊"):
        name = filenames.clean(letter * 500 + ".tar.gz")
        assert name.endswith(".tar.gz")
        assert len(name) <= 120 and len(name.encode()) <= 255


@pytest.mark.usefixtures("transactional_db")
def test_a_name_comes_back_as_it_was_in_the_download(api, alice):
    attachment = give(alice, name='Übung "练习".txt')
    answer = api(alice).get(f"/files/{attachment.pk}/{attachment.name}")
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''%C3%9Cbung%20_%E7%BB%83%E4%B9%A0_.txt"


# ── Types ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_type_is_that_of_the_content_and_not_of_the_name():
    assert content_types.content_type(picture(), "report.pdf") == "image/png"
    assert content_types.content_type(b"<!DOCTYPE html><script>", "photo.png") == "text/html"
    assert content_types.content_type(b'<?xml version="1.0"?><svg onload="x">', "photo.jpg") == "image/svg+xml"
    assert content_types.content_type(b"MZ\x90\x00", "song.mp3") == "application/vnd.microsoft.portable-executable"
    assert content_types.content_type(b"PK\x03\x04....", "report.docx").endswith("wordprocessingml.document")
    assert content_types.content_type("字".encode() * 3000, "a.txt") == "text/plain"
    assert content_types.content_type(b"\x00\x01\x02", "a.txt") == "application/octet-stream"
    assert content_types.content_type(b"", "a.txt") == "application/octet-stream"


DANGEROUS = {
    "page.html": b"<html><script>alert(1)</script>",
    "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "photo.png": b"<script>alert(1)</script>",
    "data.xml": b'<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
    "report.pdf": b"%PDF-1.7 <script>",
    "gif.js": b"GIF89a=1;alert(1)//",  # a picture by its first bytes, a script by the rest
}


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("name", DANGEROUS)
def test_what_could_run_is_only_ever_a_download(api, alice, name):
    attachment = give(alice, DANGEROUS[name], name)
    processing.prepare(attachment.file_id)
    answer = api(alice).get(f"/files/{attachment.pk}/{name}")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"] and "script-src" not in answer["Content-Security-Policy"]
    assert "html" not in answer["Content-Type"] and "xml" not in answer["Content-Type"]


@pytest.mark.usefixtures("transactional_db")
def test_private_files_are_no_caches_business(api, alice):
    attachment = give(alice)
    answer = api(alice).get(f"/files/{attachment.pk}/notes.txt")
    assert answer["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "Authorization"} <= {each.strip() for each in answer["Vary"].split(",")}


# ── Ranges and ETags ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=5-100", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=5-2", 416, b"", "bytes */10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_a_film_is_wound_forward_by_ranges(api, alice, asked, status, body, content_range):
    attachment = give(alice, b"0123456789")
    answer = api(alice).get(f"/files/{attachment.pk}/notes.txt", HTTP_RANGE=asked)
    assert (answer.status_code, answer.get("Content-Range")) == (status, content_range)
    assert (answer.getvalue() if answer.streaming else answer.content) == body
    if status != 416:
        assert answer["Content-Length"] == str(len(body))


@pytest.mark.usefixtures("transactional_db")
def test_who_has_it_already_is_told_so(api, alice):
    path = f"/files/{give(alice).pk}/notes.txt"
    etag = api(alice).get(path)["ETag"]
    again = api(alice).get(path, HTTP_IF_NONE_MATCH=etag)
    assert (again.status_code, again.content) == (304, b"")
    assert api(alice).get(path, HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE='"another"').status_code == 200
    assert api(alice).get(path, HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE=etag).status_code == 206


# ── Pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────
def redrawn(user, data: bytes, name: str) -> File:
    attachment = give(user, data, name)
    processing.prepare(attachment.file_id)
    return File.objects.get(pk=attachment.file_id)


def stored(file: File) -> bytes:
    from chat.attachments.storage.base import shelf

    with shelf().read(file.key) as source:
        return source.read()


def with_place(kind: str = "JPEG", size=(300, 200)) -> bytes:
    """As a phone writes it: turned, and with the place where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "SECRET PLACE"
    exif.get_ifd(0x8825)[1] = "N"
    return picture(size, kind, exif=exif)


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_says_where_a_picture_was_taken(alice, kind):
    data = with_place(kind)
    assert b"SECRET PLACE" in data
    file = redrawn(alice, data, "beach")
    assert (file.state, file.content_type) == ("ready", Image.MIME[kind])
    assert b"SECRET PLACE" not in stored(file)
    again = Image.open(io.BytesIO(stored(file)))
    assert not again.getexif() and again.size == (200, 300) == (file.width, file.height)  # and it stands upright


@pytest.mark.usefixtures("transactional_db")
def test_the_size_of_a_picture_is_known_before_it_is_redrawn(alice):
    file = give(alice, with_place(), "beach.jpg").file
    assert (file.state, file.width, file.height) == ("waiting", 200, 300)


@pytest.mark.usefixtures("transactional_db")
def test_what_hangs_behind_a_picture_is_cut_off(alice):
    file = redrawn(alice, picture() + b"PK\x03\x04<script>alert(1)</script>", "two.png")
    assert b"<script>" not in stored(file)


def bomb(width: int, height: int) -> bytes:
    """A small PNG that says it is enormous."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * 10_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.usefixtures("transactional_db")
def test_sixty_thousand_by_sixty_thousand_pixels_are_a_file_like_others(api, alice, bob, room):
    attachment = give(alice, bomb(60_000, 60_000), "big.png")
    message = send(alice, room, attachment)
    processing.prepare(attachment.file_id)
    attachment.refresh_from_db()
    assert (attachment.kind, attachment.file.state, attachment.file.width) == ("file", "ready", None)
    answer = api(bob).get(message.attachments[0].url)
    assert answer.status_code == 200 and answer["Content-Disposition"].startswith("attachment")


@pytest.mark.usefixtures("transactional_db")
def test_ten_thousand_frames_are_shown_as_the_first(alice):
    frames = [Image.new("P", (40, 40), number % 250) for number in range(10_000)]
    written = io.BytesIO()
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:], duration=20)
    file = redrawn(alice, written.getvalue(), "many.gif")
    assert file.state == "ready"
    assert len(stored(file)) < 10_000 and file.content_type == "image/png"


@pytest.mark.usefixtures("transactional_db")
def test_a_few_frames_go_on_moving(alice):
    frames = [Image.new("RGB", (40, 40), color) for color in ("red", "green", "blue")]
    written = io.BytesIO()
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:], duration=[50, 60, 70], comment=b"SECRET")
    file = redrawn(alice, written.getvalue(), "moves.gif")
    again = Image.open(io.BytesIO(stored(file)))
    assert (again.n_frames, again.info["duration"], b"SECRET" in stored(file)) == (3, 50, False)


@pytest.mark.usefixtures("transactional_db")
def test_a_broken_picture_is_a_file_like_others(alice):
    file = redrawn(alice, picture((900, 900), "JPEG")[:500], "broken.jpg")
    assert (file.state, file.thumbnails, file.attachments.get().kind) == ("ready", [], "file")


@pytest.mark.usefixtures("transactional_db")
def test_a_picture_too_large_to_redraw_still_does_not_say_where_it_was_taken(alice, monkeypatch):
    monkeypatch.setattr(images, "MOST_BYTES", 10)
    for kind in ("JPEG", "PNG", "WEBP"):
        data = with_place(kind)
        file = redrawn(alice, data, "large")
        assert file.attachments.get().kind == "file"
        assert b"SECRET PLACE" not in stored(file)
        assert Image.open(io.BytesIO(stored(file))).size == (300, 200)


@pytest.mark.usefixtures("transactional_db")
def test_a_phones_heic_becomes_a_jpeg_that_everybody_sees_and_does_not_say_where_it_was_taken(api, alice, bob, room):
    data = (Path(__file__).parent / "beach.heic").read_bytes()  # 96 by 64, turned by a quarter
    assert b"SECRET PLACE" in data and b"SECRET XMP" in data
    attachment = give(alice, data, "IMG_0001.HEIC")
    assert (attachment.file.state, attachment.file.width, attachment.file.height) == ("waiting", 64, 96)
    message = send(alice, room, attachment)
    assert api(bob).get(message.attachments[0].url).status_code == 503
    processing.prepare(attachment.file_id)
    shown = selectors.get_message(bob.pk, message.id).attachments[0]
    assert (shown.kind, shown.name, shown.content_type) == ("image", "IMG_0001.jpg", "image/jpeg")
    answer = api(bob).get(shown.url)
    again = Image.open(io.BytesIO(answer.getvalue()))
    assert (again.format, again.size, answer["Content-Type"]) == ("JPEG", (64, 96), "image/jpeg")
    assert not again.getexif() and b"SECRET" not in stored(File.objects.get())


@pytest.mark.usefixtures("transactional_db")
def test_redrawing_twice_is_harmless(alice):
    attachment = give(alice, picture(), "a.png")
    processing.prepare(attachment.file_id)
    key = File.objects.get(pk=attachment.file_id).key
    processing.prepare(attachment.file_id)
    assert File.objects.get(pk=attachment.file_id).key == key


# ── Measures ─────────────────────────────────────────────────────────────────────────────────────────────────────
def wave(seconds: float) -> bytes:
    import wave as waves

    written = io.BytesIO()
    with waves.open(written, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\x00\x00" * int(8000 * seconds))
    return written.getvalue()


def film(width: int, height: int, seconds: int) -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", len(body) + 8, kind) + body

    head = box(b"mvhd", bytes(12) + struct.pack(">II", 1000, seconds * 1000) + bytes(80))
    matrix = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    track = box(b"tkhd", bytes(40) + matrix + struct.pack(">II", width << 16, height << 16))
    moov = box(b"moov", head + box(b"trak", track))
    return box(b"ftyp", b"isom\x00\x00\x02\x00") + box(b"mdat", bytes(100)) + moov


@pytest.mark.usefixtures("transactional_db")
def test_recordings_and_films_say_how_long_they_are(alice):
    sound = give(alice, wave(2.5), "voice.wav")
    assert (sound.kind, sound.file.duration) == ("audio", 2.5)
    moving = give(alice, film(1280, 720, 42), "film.mp4")
    measured = (moving.kind, moving.file.width, moving.file.height, moving.file.duration)
    assert measured == ("video", 1280, 720, 42.0)


@pytest.mark.usefixtures("transactional_db")
def test_what_cannot_be_measured_is_believed_within_bounds(alice):
    data = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + bytes(50)

    def told(**claims):
        upload = uploads.begin(alice.pk, len(data), "voice.webm", claims=claims)
        incoming = uploads.Incoming(alice.pk, upload.pk, 0)
        incoming.take(data)
        file = incoming.finish().attachment.file
        incoming.close()
        return file.content_type, file.width, file.duration

    assert told(duration=3.25) == ("audio/webm", None, 3.25)
    assert told(duration=float("nan"), width=100) == ("audio/webm", None, None)
    assert told(duration=10**12) == ("audio/webm", None, None)
