"""Detects the content type of a file from its first bytes. The content type that the client sends is ignored.

Only files with a type in INLINE_TYPES (images, audio, video) are displayed in the browser. Files of all other types are
downloaded, for example SVG and HTML, which may contain scripts.
"""

from __future__ import annotations

from chat.attachments.filenames import get_extension

HEAD_BYTES = 4096  # number of first bytes that detect_content_type needs

# Images of these types are re-encoded. HEIC becomes JPEG, because few browsers support HEIC.
IMAGE_TYPES = {"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heic"}
AUDIO_TYPES = {"audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/flac", "audio/webm", "audio/aac"}
VIDEO_TYPES = {"video/mp4", "video/webm", "video/ogg", "video/quicktime"}
INLINE_TYPES = IMAGE_TYPES | AUDIO_TYPES | VIDEO_TYPES
MP4_TYPES = {"video/mp4", "video/quicktime", "audio/mp4"}  # mp4_metadata.py removes metadata from these types

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"(\xb5/\xfd", "application/zstd"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"{\\rtf", "application/rtf"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
)
_BRANDS = {  # major brand of the `ftyp` box: content type; other brands are video/mp4
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim", b"heis"), "image/heic"),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P "), "audio/mp4"),
    b"qt  ": "video/quicktime",
}
# More exact types for downloads: {detected subtype: {extension: content type}}. The browser displays none of them.
_BY_EXTENSION = {
    "zip": {
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt": "application/vnd.oasis.opendocument.text",
        "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "odp": "application/vnd.oasis.opendocument.presentation",
        "epub": "application/epub+zip",
        "apk": "application/vnd.android.package-archive",
        "jar": "application/java-archive",
    },
    "x-ole-storage": {
        "doc": "application/msword",
        "xls": "application/vnd.ms-excel",
        "ppt": "application/vnd.ms-powerpoint",
        "msg": "application/vnd.ms-outlook",
    },
    "plain": {"csv": "text/csv", "md": "text/markdown", "json": "application/json"},
}
_MARKUP = (b"<!doctype html", b"<html", b"<script", b"<body", b"<head", b"<iframe", b"<svg", b"<?xml")


def detect_content_type(head: bytes, name: str) -> str:
    """Returns the content type of a file. `head` is its first HEAD_BYTES bytes.

    Types that the browser displays are detected from `head` alone. The file name `name` only selects a more exact type
    for a file that is downloaded, for example docx instead of zip.
    """
    content_type = _by_signature(head)
    return _BY_EXTENSION.get(content_type.partition("/")[2], {}).get(get_extension(name), content_type)


def _by_signature(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12], "application/octet-stream")
    if head[:4] == b"\x1aE\xdf\xa3" and b"webm" in head[:64]:
        return "video/webm" if b"V_" in head else "audio/webm"  # `V_` begins the codec id of a video track
    if head[:4] == b"OggS":
        return "video/ogg" if b"theora" in head[:128] else "audio/ogg"
    for signature, content_type in _SIGNATURES:
        if head.startswith(signature):
            return content_type
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] & 0xF0 not in (0, 0xF0):
        return "audio/mpeg"
    return _detect_text(head)


def _detect_text(head: bytes) -> str:
    if not head or b"\x00" in head or not _is_utf8(head):
        return "application/octet-stream"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in start[:1024]:
        return "image/svg+xml"
    if start.startswith(_MARKUP):
        return "application/xml" if start.startswith(b"<?xml") else "text/html"
    return "text/plain"


def _is_utf8(head: bytes) -> bool:
    """Returns whether `head`, the beginning of a file, is UTF-8 text. Its last character may be incomplete."""
    for cut in range(4):
        try:
            head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False
