"""Parses request headers and builds response headers of the upload protocol tus 1.0
(https://tus.io/protocols/resumable-upload).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from django.conf import settings
from django.utils.http import http_date
from django.utils.translation import gettext as _

from chat.attachments.uploads import CHECKSUMS, UploadError
from chat.models import Upload
from messenger.core.errors import ApplicationError, invalid

TUS_VERSION = "1.0.0"
TUS_EXTENSIONS = "creation,checksum,expiration,termination"
PART_CONTENT_TYPE = "application/offset+octet-stream"
UPLOADS_PATH = "/api/v1/uploads/"


def server_headers() -> dict[str, str]:
    """Returns the response headers that tell a client which features of the upload protocol tus this server supports.

    They are the response to an OPTIONS request.
    """
    return {
        "Tus-Resumable": TUS_VERSION,
        "Tus-Version": TUS_VERSION,
        "Tus-Extension": TUS_EXTENSIONS,
        "Tus-Max-Size": str(settings.FILE_LIMIT),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }


def upload_headers(upload: Upload) -> dict[str, str]:
    """Returns the response headers that describe the state of an upload: its size and the number of bytes stored so
    far.

    When the upload is complete, the header `Upload-Attachment` is added, which is not part of tus. It contains the
    attachment id with which the file can be sent in a message.
    """
    headers = {
        "Tus-Resumable": TUS_VERSION,
        "Upload-Offset": str(upload.offset),
        "Upload-Length": str(upload.size),
        "Cache-Control": "no-store",
    }
    if upload.attachment_id is None:
        headers["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    else:
        headers["Upload-Attachment"] = str(upload.attachment_id)
        headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(upload.sha256)).decode()}:"
    return headers


def upload_url(upload: Upload) -> str:
    return f"{UPLOADS_PATH}{upload.pk}/"


def check_version(headers: Mapping[str, str]) -> None:
    """Raises UploadError with status 412 if the request's version of the upload protocol tus is not TUS_VERSION."""
    if headers.get("Tus-Resumable") != TUS_VERSION:
        raise UploadError(412, "invalid", _("This server supports tus %s.") % TUS_VERSION)


def parse_upload_length(headers: Mapping[str, str]) -> int:
    if "Upload-Defer-Length" in headers:
        raise invalid(upload_length=_("Give the length of the file."))
    return _parse_number(headers.get("Upload-Length"), "Upload-Length")


def parse_upload_offset(headers: Mapping[str, str]) -> int:
    return _parse_number(headers.get("Upload-Offset"), "Upload-Offset")


def _parse_number(text: str | None, header: str) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ApplicationError("invalid", _("%s must be a number.") % header)
    return int(text)


def parse_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Parses the header `Upload-Metadata: key base64,key base64` into a dict.

    Bytes in a decoded value that are not valid UTF-8 are replaced by U+FFFD.
    """
    metadata: dict[str, str] = {}
    for pair in headers.get("Upload-Metadata", "").split(","):
        key, _space, value = pair.strip().partition(" ")
        if not key:
            continue
        try:
            metadata[key] = base64.b64decode(value, validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            raise ApplicationError("invalid", _("Upload-Metadata is invalid.")) from None
    return metadata


def parse_checksum(headers: Mapping[str, str]) -> tuple[str, bytes] | None:
    """Parses the header `Upload-Checksum: sha256 base64` into (algorithm, digest).

    Returns None if the header is missing.
    """
    header = headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _space, value = header.strip().partition(" ")
    if algorithm not in CHECKSUMS:
        raise ApplicationError("invalid", _("Supported checksums: %s.") % ", ".join(CHECKSUMS))
    try:
        return algorithm, base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ApplicationError("invalid", _("Upload-Checksum is invalid.")) from None


def parse_digest(headers: Mapping[str, str]) -> str:
    """Returns the SHA-256 of the complete file as hexadecimal text, from the header `Repr-Digest: sha-256=:base64:`
    (RFC 9530).

    Returns an empty string if the header is missing.
    """
    for item in headers.get("Repr-Digest", "").split(","):
        name, _equals, value = item.strip().partition("=")
        if name.lower() == "sha-256" and value.startswith(":") and value.endswith(":"):
            try:
                digest = base64.b64decode(value[1:-1], validate=True)
            except (binascii.Error, ValueError):
                digest = b""
            if len(digest) != 32:
                raise ApplicationError("invalid", _("Repr-Digest is invalid."))
            return digest.hex()
    return ""
