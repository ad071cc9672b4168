"""Creates uploads, within the limits of the user, the conversation and the storage."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import isfinite
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.attachments import filenames
from chat.attachments.storage.base import get_upload_storage, storage_error
from chat.models import Conversation, File, Upload
from messenger.core import rate_limits
from messenger.core.database import lock_until_commit, write_transaction
from messenger.core.errors import ApplicationError, invalid, not_found, rate_limited

_CREATE_LOCK = 0x75706C64  # number of a database lock, see lock_until_commit
MAX_ALT_LENGTH = 500  # code points


def create_upload(user_id: int, size: int, name: str, **options: Any) -> Upload:
    """Creates an upload for a file of `size` bytes, which the client sends later, and returns the upload.

    `options` are `alt` (text), `sha256` (of the complete file, hexadecimal), `claims` (width, height and duration as
    measured by the client), and `conversation_id` (the conversation whose size limit is checked now). Raises
    `too_large`, `rate_limited`, `not_found`, `invalid` or `unavailable` if the server does not accept the upload.
    """
    rate_limits.require("upload", user_id)
    if size > settings.FILE_LIMIT:
        raise ApplicationError("too_large", _("A file can be at most %s.") % format_megabytes(settings.FILE_LIMIT))
    if conversation_id := options.get("conversation_id"):
        conversation = Conversation.objects.visible_to(user_id).filter(pk=conversation_id).first()
        if conversation is None:
            raise not_found()
        check_conversation_quota(conversation.file_bytes, size)
    sha256 = options.get("sha256", "").lower()
    if sha256 and not (len(sha256) == 64 and set(sha256) <= set("0123456789abcdef")):
        raise invalid(sha256=_("This isn’t a SHA-256 checksum."))
    with write_transaction():
        lock_until_commit(_CREATE_LOCK)  # two uploads that begin together must not both count on the same free space
        _ensure_free_space(size)
        user_uploads = Upload.objects.filter(owner_id=user_id)
        pending_bytes = user_uploads.filter(attachment=None).aggregate(total=Sum("size"))["total"] or 0
        stored_bytes = File.objects.filter(owner_id=user_id).aggregate(total=Sum("size"))["total"] or 0
        if stored_bytes + pending_bytes + size > settings.PERSON_FILES_LIMIT:
            detail = _("Your files can be at most %s in total.") % format_megabytes(settings.PERSON_FILES_LIMIT)
            raise ApplicationError("too_large", detail)
        if user_uploads.filter(Q(attachment=None) | Q(attachment__message=None)).count() >= settings.UPLOADS_AT_ONCE:
            raise rate_limited(60)
        return Upload.objects.create(
            owner_id=user_id,
            name=filenames.clean_filename(name),
            alt=clean_alt_text(options.get("alt", "")),
            size=size,
            sha256=sha256,
            claims={name: value for name, value in options.get("claims", {}).items() if value and isfinite(value)},
            key=new_storage_key(),
            expires_at=expiry_time(),
        )


def _ensure_free_space(size: int) -> None:
    """Raises `unavailable` if the storage has no space for a new upload of `size` bytes.

    Bytes of unfinished uploads that clients have not sent yet count as used space.
    """
    promised = Upload.objects.filter(attachment=None).aggregate(total=Sum(F("size") - F("offset")))["total"] or 0
    try:
        get_upload_storage().ensure_free_space(size + promised)
    except Exception as error:
        raise storage_error(error) from error


def check_conversation_quota(used_bytes: int, additional_bytes: int) -> None:
    """Raises `too_large` if `additional_bytes` more bytes would exceed the size limit for all files of a conversation.

    `used_bytes` is the present size of all its files.
    """
    if used_bytes + additional_bytes > settings.CONVERSATION_FILES_LIMIT:
        detail = _("The files of a conversation can be at most %s in total.")
        raise ApplicationError("too_large", detail % format_megabytes(settings.CONVERSATION_FILES_LIMIT))


def new_storage_key(extension: str = "") -> str:
    name = token_hex(16)
    return f"files/{name[:2]}/{name}{extension}"


def format_megabytes(count: int) -> str:
    """Formats a size limit, given in bytes, as text: for example `64 MB` or `2 GB`."""
    return f"{count // 1024**3} GB" if count >= 1024**3 and count % 1024**3 == 0 else f"{max(count // 1024**2, 1)} MB"


def clean_alt_text(text: str) -> str:
    """Returns an alternative text (description of an image) with each sequence of white space as one space.

    The text is cut to MAX_ALT_LENGTH characters.
    """
    return " ".join(text.replace("\x00", "").encode("utf-8", "ignore").decode().split())[:MAX_ALT_LENGTH]


def expiry_time() -> datetime:
    return timezone.now() + timedelta(hours=settings.UPLOAD_HOURS)
