"""Tests of files from users, who may be attackers: file names, content types, download headers, byte ranges, re-encoded
images, and the measured width, height and duration.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from chat import selectors
from chat.actions import attachments
from chat.attachments import filenames, uploads
from chat.attachments.media import content_types, images
from chat.models import File
from tests.attachments.test_message_files import create_attachment, make_image, send_message

# ── File names ──────────────────────────────────────────────────────────────────────────────────────────────────────
UNSAFE_NAMES = [
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


@pytest.mark.parametrize(("name", "expected"), UNSAFE_NAMES)
def test_file_names_are_sanitised(name, expected):
    assert filenames.clean_filename(name) == expected


def test_a_file_name_keeps_flags_and_is_not_cut_inside_of_an_emoji():
    england = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    assert filenames.clean_filename(f"Fans {england}.png") == f"Fans {england}.png"
    for emoji in (england, "👨\u200d👩\u200d👧", "👍🏽", "🇨🇳", "q\u0323\u0308"):
        for length in range(80, 120):
            stem = filenames.clean_filename("x" * length + 9 * emoji + ".png").removesuffix(".png").lstrip("x")
            assert stem == emoji * stem.count(emoji)


def test_a_long_file_name_is_truncated_before_its_extension():
    for letter in ("a", "字", "📊"):
        name = filenames.clean_filename(letter * 500 + ".tar.gz")
        assert name.endswith(".tar.gz")
        assert len(name) <= 120 and len(name.encode()) <= 255


@pytest.mark.usefixtures("transactional_db")
def test_a_download_has_the_original_file_name(api, alice):
    attachment = create_attachment(alice, name='Übung "练习".txt')
    response = api(alice).get(f"/files/{attachment.pk}/{attachment.name}")
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''%C3%9Cbung%20_%E7%BB%83%E4%B9%A0_.txt"


# ── Content types ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_content_type_is_detected_from_the_content():
    assert content_types.detect_content_type(make_image(), "report.pdf") == "image/png"
    assert content_types.detect_content_type(b"<!DOCTYPE html><script>", "photo.png") == "text/html"
    assert content_types.detect_content_type(b'<?xml version="1.0"?><svg onload="x">', "photo.jpg") == "image/svg+xml"
    assert (
        content_types.detect_content_type(b"MZ\x90\x00", "song.mp3") == "application/vnd.microsoft.portable-executable"
    )
    assert content_types.detect_content_type(b"PK\x03\x04....", "report.docx").endswith("wordprocessingml.document")
    assert content_types.detect_content_type("字".encode() * 3000, "a.txt") == "text/plain"
    assert content_types.detect_content_type(b"\x00\x01\x02", "a.txt") == "application/octet-stream"
    assert content_types.detect_content_type(b"", "a.txt") == "application/octet-stream"


ACTIVE_CONTENT = {
    "page.html": b"<html><script>alert(1)</script>",
    "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "photo.png": b"<script>alert(1)</script>",
    "data.xml": b'<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
    "report.pdf": b"%PDF-1.7 <script>",
    "gif.js": b"GIF89a=1;alert(1)//",  # begins like an image, but is a valid script
}


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("name", ACTIVE_CONTENT)
def test_active_content_is_served_as_a_download(api, alice, name):
    attachment = create_attachment(alice, ACTIVE_CONTENT[name], name)
    attachments.process_file(attachment.file_id)
    response = api(alice).get(f"/files/{attachment.pk}/{name}")
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"] and "script-src" not in response["Content-Security-Policy"]
    assert "html" not in response["Content-Type"] and "xml" not in response["Content-Type"]


@pytest.mark.usefixtures("transactional_db")
def test_files_are_not_cached_by_shared_caches(api, alice):
    attachment = create_attachment(alice)
    response = api(alice).get(f"/files/{attachment.pk}/notes.txt")
    assert response["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "Authorization"} <= {each.strip() for each in response["Vary"].split(",")}


# ── Ranges and ETags ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize(
    ("range_header", "status", "body", "content_range"),
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
def test_byte_ranges(api, alice, range_header, status, body, content_range):
    attachment = create_attachment(alice, b"0123456789")
    response = api(alice).get(f"/files/{attachment.pk}/notes.txt", HTTP_RANGE=range_header)
    assert (response.status_code, response.get("Content-Range")) == (status, content_range)
    assert (response.getvalue() if response.streaming else response.content) == body
    if status != 416:
        assert response["Content-Length"] == str(len(body))


@pytest.mark.usefixtures("transactional_db")
def test_conditional_requests(api, alice):
    path = f"/files/{create_attachment(alice).pk}/notes.txt"
    etag = api(alice).get(path)["ETag"]
    again = api(alice).get(path, HTTP_IF_NONE_MATCH=etag)
    assert (again.status_code, again.content) == (304, b"")
    assert api(alice).get(path, HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE='"another"').status_code == 200
    assert api(alice).get(path, HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE=etag).status_code == 206


# ── Images ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def process_image(user, data: bytes, name: str) -> File:
    attachment = create_attachment(user, data, name)
    attachments.process_file(attachment.file_id)
    return File.objects.get(pk=attachment.file_id)


def read_stored_file(file: File) -> bytes:
    from chat.attachments.storage.base import get_upload_storage

    with get_upload_storage().open_file(file.key) as source:
        return source.read()


def make_image_with_location(kind: str = "JPEG", size=(300, 200)) -> bytes:
    """Returns an image as phones take it: rotated by its EXIF orientation, and with the location in its EXIF data."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "SECRET PLACE"
    exif.get_ifd(0x8825)[1] = "N"
    return make_image(size, kind, exif=exif)


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_re_encoded_images_have_no_metadata(alice, kind):
    data = make_image_with_location(kind)
    assert b"SECRET PLACE" in data
    file = process_image(alice, data, "beach")
    assert (file.state, file.content_type) == ("ready", Image.MIME[kind])
    assert b"SECRET PLACE" not in read_stored_file(file)
    again = Image.open(io.BytesIO(read_stored_file(file)))
    assert not again.getexif() and again.size == (200, 300) == (file.width, file.height)  # the EXIF rotation is applied


@pytest.mark.usefixtures("transactional_db")
def test_image_size_is_known_before_processing(alice):
    file = create_attachment(alice, make_image_with_location(), "beach.jpg").file
    assert (file.state, file.width, file.height) == ("waiting", 200, 300)


@pytest.mark.usefixtures("transactional_db")
def test_bytes_after_an_image_are_removed(alice):
    file = process_image(alice, make_image() + b"PK\x03\x04<script>alert(1)</script>", "two.png")
    assert b"<script>" not in read_stored_file(file)


def make_decompression_bomb(width: int, height: int) -> bytes:
    """Returns a small PNG whose header claims the given, usually enormous, dimensions."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * 10_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.usefixtures("transactional_db")
def test_an_image_with_too_many_pixels_becomes_a_download(api, alice, bob, group):
    attachment = create_attachment(alice, make_decompression_bomb(60_000, 60_000), "big.png")
    message = send_message(alice, group, attachment)
    attachments.process_file(attachment.file_id)
    attachment.refresh_from_db()
    assert (attachment.kind, attachment.file.state, attachment.file.width) == ("file", "ready", None)
    response = api(bob).get(message.attachments[0].url)
    assert response.status_code == 200 and response["Content-Disposition"].startswith("attachment")


@pytest.mark.usefixtures("transactional_db")
def test_an_animation_with_too_many_frames_becomes_a_still_image(alice):
    frames = [Image.new("P", (40, 40), number % 250) for number in range(10_000)]
    output = io.BytesIO()
    frames[0].save(output, "GIF", save_all=True, append_images=frames[1:], duration=20)
    file = process_image(alice, output.getvalue(), "many.gif")
    assert file.state == "ready"
    assert len(read_stored_file(file)) < 10_000 and file.content_type == "image/png"


@pytest.mark.usefixtures("transactional_db")
def test_a_short_animation_stays_animated(alice):
    frames = [Image.new("RGB", (40, 40), color) for color in ("red", "green", "blue")]
    output = io.BytesIO()
    frames[0].save(output, "GIF", save_all=True, append_images=frames[1:], duration=[50, 60, 70], comment=b"SECRET")
    file = process_image(alice, output.getvalue(), "moves.gif")
    again = Image.open(io.BytesIO(read_stored_file(file)))
    assert (again.n_frames, again.info["duration"], b"SECRET" in read_stored_file(file)) == (3, 50, False)


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_animations_stay_animated(alice, kind):
    frames = [Image.new("RGBA", (40, 40), color) for color in ("red", "green", "blue")]
    output = io.BytesIO()
    frames[0].save(output, kind, save_all=True, append_images=frames[1:], duration=50, lossless=True)
    file = process_image(alice, output.getvalue(), "moves")
    again = Image.open(io.BytesIO(read_stored_file(file)))
    assert (again.format, again.n_frames, file.content_type) == (kind, 3, Image.MIME[kind])
    again.seek(1)
    red, green, blue = again.convert("RGB").getpixel((20, 20))
    assert green > 100 and red < 30 and blue < 30


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize(
    ("kind", "size", "kept"),
    [
        ("PNG", (1080, 20_000), (1080, 20_000)),  # a screenshot of a long page stays readable
        ("JPEG", (1200, 15_000), (1200, 15_000)),
        ("PNG", (9000, 700), (9000, 700)),
        ("JPEG", (8000, 6000), (4096, 3072)),  # a photo is larger than any screen
        ("WEBP", (800, 16_000), (800, 16_000)),
    ],
)
def test_large_images_are_scaled_down_only_if_both_sides_are_large(alice, kind, size, kept):
    file = process_image(alice, make_image(size, kind), "large")
    assert (file.width, file.height) == kept
    assert Image.open(io.BytesIO(read_stored_file(file))).size == kept
    smallest = min(file.thumbnails[-1]["width"], file.thumbnails[-1]["height"])
    assert smallest >= 200


@pytest.mark.usefixtures("transactional_db")
def test_a_damaged_image_becomes_a_download(alice):
    file = process_image(alice, make_image((900, 900), "JPEG")[:500], "broken.jpg")
    assert (file.state, file.thumbnails, file.attachments.get().kind) == ("ready", [], "file")


@pytest.mark.usefixtures("transactional_db")
def test_an_image_too_large_to_re_encode_has_no_metadata(alice, monkeypatch):
    monkeypatch.setattr(images, "MAX_REENCODED_BYTES", 10)
    for kind in ("JPEG", "PNG", "WEBP"):
        data = make_image_with_location(kind)
        file = process_image(alice, data, "large")
        assert file.attachments.get().kind == "file"
        assert b"SECRET PLACE" not in read_stored_file(file)
        assert Image.open(io.BytesIO(read_stored_file(file))).size == (300, 200)


@pytest.mark.usefixtures("transactional_db")
def test_heic_becomes_jpeg_without_metadata(api, alice, bob, group):
    data = (Path(__file__).parent / "beach.heic").read_bytes()  # 96 by 64 pixels, rotated by 90 degrees
    assert b"SECRET PLACE" in data and b"SECRET XMP" in data
    attachment = create_attachment(alice, data, "IMG_0001.HEIC")
    assert (attachment.file.state, attachment.file.width, attachment.file.height) == ("waiting", 64, 96)
    message = send_message(alice, group, attachment)
    assert api(bob).get(message.attachments[0].url).status_code == 503
    attachments.process_file(attachment.file_id)
    shown = selectors.get_message(bob.pk, message.id).attachments[0]
    assert (shown.kind, shown.name, shown.content_type) == ("image", "IMG_0001.jpg", "image/jpeg")
    response = api(bob).get(shown.url)
    again = Image.open(io.BytesIO(response.getvalue()))
    assert (again.format, again.size, response["Content-Type"]) == ("JPEG", (64, 96), "image/jpeg")
    assert not again.getexif() and b"SECRET" not in read_stored_file(File.objects.get())


@pytest.mark.usefixtures("transactional_db")
def test_processing_twice_changes_nothing(alice):
    attachment = create_attachment(alice, make_image(), "a.png")
    attachments.process_file(attachment.file_id)
    key = File.objects.get(pk=attachment.file_id).key
    attachments.process_file(attachment.file_id)
    assert File.objects.get(pk=attachment.file_id).key == key


# ── Measurements ────────────────────────────────────────────────────────────────────────────────────────────────────
def make_wav(seconds: float) -> bytes:
    import wave as waves

    output = io.BytesIO()
    with waves.open(output, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\x00\x00" * int(8000 * seconds))
    return output.getvalue()


def make_mp4(width: int, height: int, seconds: int) -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", len(body) + 8, kind) + body

    head = box(b"mvhd", bytes(12) + struct.pack(">II", 1000, seconds * 1000) + bytes(80))
    matrix = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    track = box(b"tkhd", bytes(40) + matrix + struct.pack(">II", width << 16, height << 16))
    moov = box(b"moov", head + box(b"trak", track))
    return box(b"ftyp", b"isom\x00\x00\x02\x00") + box(b"mdat", bytes(100)) + moov


@pytest.mark.usefixtures("transactional_db")
def test_audio_and_video_are_measured(alice):
    sound = create_attachment(alice, make_wav(2.5), "voice.wav")
    assert (sound.kind, sound.file.duration) == ("audio", 2.5)
    moving = create_attachment(alice, make_mp4(1280, 720, 42), "film.mp4")
    measured = (moving.kind, moving.file.width, moving.file.height, moving.file.duration)
    assert measured == ("video", 1280, 720, 42.0)


@pytest.mark.usefixtures("transactional_db")
def test_client_claims_are_used_within_limits(alice):
    data = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + bytes(50)

    def measure(**claims):
        upload = uploads.create_upload(alice.pk, len(data), "voice.webm", claims=claims)
        incoming = uploads.IncomingPart(alice.pk, upload.pk, 0)
        incoming.write(data)
        file = incoming.finish().attachment.file
        incoming.close()
        return file.content_type, file.width, file.duration

    assert measure(duration=3.25) == ("audio/webm", None, 3.25)
    assert measure(duration=float("nan"), width=100) == ("audio/webm", None, None)
    assert measure(duration=10**12) == ("audio/webm", None, None)
