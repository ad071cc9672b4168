"""Tests of users' avatars: size limits, re-encoding without metadata, access for signed-in users only."""

import struct
import subprocess
import sys
import zlib
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts import avatars
from accounts.models import User


def picture(kind="PNG", size=(300, 200), mode="RGB", **options) -> bytes:
    written = BytesIO()
    Image.new(mode, size, "red").save(written, kind, **options)
    return written.getvalue()


def png_of(width: int, height: int) -> bytes:
    """Returns a PNG file whose header claims this width and height, although the file has almost no pixel data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def app(make_api, alice):
    return make_api(alice)


def put(app, content: bytes, name="me.png", content_type="image/png"):
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

    upload = SimpleUploadedFile(name, content, content_type)
    body = encode_multipart(BOUNDARY, {"avatar": upload})
    return app.put("/api/v1/me/avatar/", body, content_type=MULTIPART_CONTENT)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_avatar_is_reencoded_square_and_small(app, alice, kind):
    answer = put(app, picture(kind))
    assert answer.status_code == 200, answer.json()
    url = answer.json()["avatar_url"]
    served = app.get(url)
    assert served.status_code == 200 and served["Content-Type"] == "image/webp"
    drawn = Image.open(BytesIO(served.getvalue()))
    assert (drawn.format, drawn.size) == ("WEBP", (256, 256))


def test_metadata_of_the_file_is_removed(app, alice):
    exif = Image.Exif()
    exif[0x010E] = "52.5200 N 13.4050 E"
    content = picture("JPEG", exif=exif.tobytes()) + b"<script>alert(1)</script>"
    served = app.get(put(app, content, name="../../<b>.svg").json()["avatar_url"]).getvalue()
    assert b"52.52" not in served and b"script" not in served and b"EXIF" not in served


def test_the_exif_orientation_is_applied(app):
    image = Image.new("RGB", (200, 100), "red")
    image.paste("blue", (0, 0, 100, 100))  # left half
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° to the right
    written = BytesIO()
    image.save(written, "JPEG", exif=exif.tobytes())
    served = app.get(put(app, written.getvalue()).json()["avatar_url"]).getvalue()
    drawn = Image.open(BytesIO(served)).convert("RGB")
    assert drawn.getpixel((128, 60))[2] > 150 and drawn.getpixel((128, 196))[0] > 150  # blue above red


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a/*<script>*/",
        picture()[:100],
        png_of(30_000, 30_000),
        png_of(2**31 - 1, 2**31 - 1),
        png_of(6_400, 6_400),
        png_of(4_001, 4_001),
        picture("WEBP", (2_300, 2_300)),
        picture("JPEG", (4_100, 4_000), progressive=True),
        picture("JPEG", (30_000, 600)),  # too narrow for the reduced decoding of JPEG
        png_of(0, 0),
        picture("TIFF"),
        picture("BMP"),
        picture("PDF") if "PDF" in Image.SAVE else b"%PDF",
    ],
    ids=range(16),
)
def test_an_invalid_image_or_decompression_bomb_is_a_field_error(app, alice, content):
    answer = put(app, content)
    assert answer.status_code == 400, answer.content
    assert answer.json()["code"] == "invalid" and list(answer.json()["fields"]) == ["avatar"]
    alice.refresh_from_db()
    assert not alice.avatar


def test_a_large_photo_is_accepted(app):
    assert put(app, picture("JPEG", (7_000, 5_000))).status_code == 200


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_pixel_mode_is_accepted_at_any_size(mode):
    for size in ((1, 1), (3, 700), (257, 1_100), (1_025, 1_111)):
        written = BytesIO()
        Image.new(mode, size).save(written, "PNG")
        drawn = Image.open(avatars.make_avatar(written, 1))
        assert drawn.size == (256, 256)


def test_the_image_is_cropped_to_its_middle():
    image = Image.new("RGBA", (3_000, 1_000), (0, 0, 0, 0))
    image.paste("red", (1_000, 0, 2_000, 500))
    image.paste("blue", (1_000, 500, 2_000, 1_000))
    written = BytesIO()
    image.save(written, "PNG")
    drawn = Image.open(avatars.make_avatar(written, 1)).convert("RGB")
    corners = [drawn.getpixel(at) for at in ((3, 3), (252, 3), (3, 252), (252, 252))]
    assert [("red", "blue")[pixel[2] > 150] for pixel in corners] == ["red", "red", "blue", "blue"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize(
    ("kind", "size", "mode", "options"),
    [
        ("PNG", (4_000, 4_000), "RGBA", {}),
        ("GIF", (4_000, 4_000), "P", {}),
        ("WEBP", (2_500, 2_000), "RGBA", {"lossless": True}),
        ("JPEG", (7_300, 5_400), "RGB", {}),
        ("JPEG", (4_000, 4_000), "RGB", {"progressive": True, "subsampling": 0}),
    ],
)
def test_a_decompression_bomb_uses_little_memory(kind, size, mode, options):
    """Making an avatar from the largest accepted image needs less than 110 MiB.

    A separate process makes the avatar, because the peak memory of the test process includes earlier tests.
    """
    script = """
import io, re, django
django.setup()
from accounts import avatars
content = io.BytesIO(open(0, "rb").read())
most = lambda: int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
before = most()
avatars.make_avatar(content, 1)
print(most() - before)
"""
    bomb = picture(kind, size, mode, **options)
    ran = subprocess.run([sys.executable, "-c", script], input=bomb, capture_output=True, timeout=60, check=True)
    assert 500 < int(ran.stdout) < 110 * 1024  # KiB


def test_images_are_decoded_one_at_a_time(app, alice, monkeypatch):
    monkeypatch.setattr(avatars, "LOCK_TIMEOUT", 0.05)
    with avatars._decoder_lock:
        answer = put(app, picture())
    assert answer.status_code == 503 and answer.json()["code"] == "unavailable"
    assert put(app, b"nonsense").status_code == 400
    assert put(app, picture()).status_code == 200


def test_avatar_changes_are_rate_limited(app, rate_limits_on):
    answers = [put(app, picture()) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert int(answers[5]["Retry-After"]) > 30


def test_a_file_over_the_size_limit_is_413(app):
    answer = put(app, picture() + b"\0" * (9 * 1024 * 1024))
    assert answer.status_code == 413 and answer.json()["code"] == "too_large"


def test_a_missing_file_is_a_field_error(app):
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

    answer = app.put(
        "/api/v1/me/avatar/", encode_multipart(BOUNDARY, {"avatar": "text"}), content_type=MULTIPART_CONTENT
    )
    assert answer.status_code == 400 and list(answer.json()["fields"]) == ["avatar"]
    assert app.put("/api/v1/me/avatar/", {}, content_type="application/json").status_code == 415


def test_a_new_avatar_has_a_new_url_and_the_old_file_is_deleted(published_events, app, alice):
    first = put(app, picture()).json()["avatar_url"]
    second = put(app, picture(size=(50, 50))).json()["avatar_url"]
    assert first != second
    assert app.get(first).status_code == 404
    storage = User._meta.get_field("avatar").storage
    assert not storage.exists("avatars/" + first.rsplit("/", 1)[-1])
    assert app.delete("/api/v1/me/avatar/").json()["avatar_url"] is None
    assert not storage.exists("avatars/" + second.rsplit("/", 1)[-1])
    assert len(published_events.for_user(alice)) == 3


def test_avatars_require_sign_in_and_are_cacheable(app, alice, bob, client):
    url = put(app, picture()).json()["avatar_url"]
    assert client.get(url).status_code == 401
    client.force_login(bob)
    served = client.get(url)
    assert served.status_code == 200
    assert served["Cache-Control"] == "private, max-age=31536000, immutable"
    assert served["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/avatars/1/../../secret_key", "/avatars/1/x.webp", "/avatars/99999999999999999999/x", "/avatars/1/%00"]
)
def test_guessed_avatar_paths_are_404(app, path):
    assert app.get(path).status_code == 404


def test_a_path_with_nul_makes_no_query(app, postgres_db):
    assert app.get("/avatars/1/%00").status_code == 404


def test_the_page_uploads_and_removes_the_avatar(alice):
    client = Client()
    client.force_login(alice)
    form = {"username": "alice", "theme": "system"}
    client.post("/settings/", {**form, "picture": SimpleUploadedFile("a.png", picture())})
    alice.refresh_from_db()
    assert alice.avatar
    answer = client.post("/settings/", {**form, "picture": SimpleUploadedFile("a.png", b"nonsense")})
    assert answer.status_code == 422 and "picture" in answer.context["form"].errors
    client.post("/settings/", {**form, "remove_picture": "on"})
    alice.refresh_from_db()
    assert not alice.avatar
