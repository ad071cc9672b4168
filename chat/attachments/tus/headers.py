"""tus 1.0 in headers: what comes in is read here, what goes out is written here. https://tus.io/protocols/resumable-upload"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from django.conf import settings
from django.utils.http import http_date
from django.utils.translation import gettext as _

from chat.attachments.uploads import CHECKSUMS, UploadRefused
from chat.models import Upload
from messenger.core.errors import ApplicationError, invalid

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,expiration,termination"
PART_TYPE = "application/offset+octet-stream"
ROOT = "/api/v1/uploads/"


def said_of_server() -> dict[str, str]:
    return {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.FILE_LIMIT),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }


def said_of(upload: Upload) -> dict[str, str]:
    """Headers of an upload as it stands. `Upload-Attachment` is ours: what a message names once the file is whole."""
    headers = {
        "Tus-Resumable": VERSION,
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


def address(upload: Upload) -> str:
    return f"{ROOT}{upload.pk}/"


def check_version(headers: Mapping[str, str]) -> None:
    if headers.get("Tus-Resumable") != VERSION:
        raise UploadRefused(412, "invalid", _("This server speaks tus %s.") % VERSION)


def size_of(headers: Mapping[str, str]) -> int:
    if "Upload-Defer-Length" in headers:
        raise invalid(upload_length=_("Say how long the file is."))
    return _number(headers.get("Upload-Length"), "Upload-Length")


def offset_of(headers: Mapping[str, str]) -> int:
    return _number(headers.get("Upload-Offset"), "Upload-Offset")


def _number(text: str | None, header: str) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ApplicationError("invalid", _("%s has to be a number.") % header)
    return int(text)


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """`key base64,key base64`; what is no UTF-8 in it is replaced."""
    found: dict[str, str] = {}
    for pair in headers.get("Upload-Metadata", "").split(","):
        key, _space, value = pair.strip().partition(" ")
        if not key:
            continue
        try:
            found[key] = base64.b64decode(value, validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            raise ApplicationError("invalid", _("Upload-Metadata cannot be read.")) from None
    return found


def checksum_of(headers: Mapping[str, str]) -> tuple[str, bytes] | None:
    """`sha256 base64` as (algorithm, digest)."""
    given = headers.get("Upload-Checksum")
    if given is None:
        return None
    algorithm, _space, value = given.strip().partition(" ")
    if algorithm not in CHECKSUMS:
        raise ApplicationError("invalid", _("Known checksums: %s.") % ", ".join(CHECKSUMS))
    try:
        return algorithm, base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ApplicationError("invalid", _("Upload-Checksum cannot be read.")) from None


def digest_of(headers: Mapping[str, str]) -> str:
    """SHA-256 of the whole in hexadecimal, from `Repr-Digest: sha-256=:base64:` (RFC 9530); empty without one."""
    for each in headers.get("Repr-Digest", "").split(","):
        name, _equals, value = each.strip().partition("=")
        if name.lower() == "sha-256" and value.startswith(":") and value.endswith(":"):
            try:
                digest = base64.b64decode(value[1:-1], validate=True)
            except (binascii.Error, ValueError):
                digest = b""
            if len(digest) != 32:
                raise ApplicationError("invalid", _("Repr-Digest cannot be read."))
            return digest.hex()
    return ""
