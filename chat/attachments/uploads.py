"""Resumable uploads: creates an upload, receives its bytes, completes it as an attachment, or cancels it.

The API, tus/receiver.py and page forms use these functions. A client sends a file in parts, one request for each part.
A part with a checksum counts only if it is complete and correct. Without a checksum, every stored byte counts. The
offset in the database row of the upload is increased only after the bytes are safe on disk or in S3, so the offset is
correct after any crash.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from math import isfinite
from secrets import token_hex
from threading import Lock
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from chat import tasks
from chat.attachments import filenames
from chat.attachments.media import content_types
from chat.attachments.media.attachment_kinds import get_attachment_kind
from chat.attachments.media.inspection import inspect_media
from chat.attachments.storage.base import get_upload_storage, storage_error
from chat.models import Attachment, Conversation, File, Upload
from messenger.core import rate_limits
from messenger.core.database import lock_until_commit, write_transaction
from messenger.core.errors import ApplicationError, invalid, not_found, rate_limited

CHECKSUMS = ("sha1", "sha256")
COMMIT_BYTES = (
    8 * 1024 * 1024
)  # parts without a checksum are committed in blocks of so many bytes; a crash loses at most one block
LEASE_SECONDS = 5.0  # how long a request may write to the upload alone, until it must renew this lease
RENEW_SECONDS = 2.0  # age of the lease at which it is renewed
FINISH_LEASE_SECONDS = 40.0  # lease for slow steps that receive no bytes; longer than the timeout of an S3 request
_CREATE_LOCK = 0x75706C64  # number of a database lock, see lock_until_commit
MAX_ALT_LENGTH = 500  # code points


class UploadError(ApplicationError):
    """An error with one of the status codes of the tus protocol: 409, 410, 412, 423 or 460."""

    def __init__(self, status: int, code: str, detail: str):
        super().__init__(code, detail)
        self._status = status

    @property
    def status(self) -> int:
        return self._status


# ── Creating, cancelling ────────────────────────────────────────────────────────────────────────────────────────────
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
            expires_at=_expiry(),
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


def _expiry() -> datetime:
    return timezone.now() + timedelta(hours=settings.UPLOAD_HOURS)


def get_upload(user_id: int, upload_id: str) -> Upload:
    """Returns an upload of the user `user_id`.

    Raises `not_found` if there is no such upload, or if it belongs to another user.
    """
    upload = Upload.objects.filter(pk=upload_id, owner_id=user_id).select_related("attachment__file").first()
    if upload is None:
        raise not_found()
    return upload


def cancel_upload(user_id: int, upload_id: str) -> None:
    """Deletes an upload with its bytes.

    Raises UploadError with status 410 if the uploaded file was already sent, because it belongs to a message then.
    """
    upload = get_upload(user_id, upload_id)
    if upload.attachment is not None and upload.attachment.message_id is not None:
        raise UploadError(410, "conflict", _("This file was already sent."))
    delete_upload(upload)


def delete_upload(upload: Upload) -> None:
    """Deletes an upload: first its database row and its unsent attachment, then its bytes in the storage.

    If the server crashes in between, a cleanup task deletes the remaining bytes later.
    """
    with write_transaction():
        locked_upload = Upload.objects.select_for_update().filter(pk=upload.pk).select_related(None).first()
        if locked_upload is None:
            return
        attachment_id = locked_upload.attachment_id
        locked_upload.delete()
        if attachment_id:
            Attachment.objects.filter(pk=attachment_id, message=None).delete()
    try:
        get_upload_storage().discard(upload)
    except Exception as error:
        storage_error(error)  # only to write it to the log
    tasks.delete_orphaned_files.enqueue()


def set_alt_text(user_id: int, upload_id: str, alt: str) -> Upload:
    """Sets the alternative text (description of the image) of an upload.

    Raises UploadError with status 409 if the uploaded file was already sent in a message.
    """
    with write_transaction():
        upload = get_upload(user_id, upload_id)
        if upload.attachment is not None and upload.attachment.message_id is not None:
            raise UploadError(409, "conflict", _("This file was already sent."))
        upload.alt = clean_alt_text(alt)
        upload.save(update_fields=["alt"])
        if upload.attachment is not None:
            upload.attachment.alt = upload.alt
            upload.attachment.save(update_fields=["alt"])
        return upload


# ── Receiving bytes ─────────────────────────────────────────────────────────────────────────────────────────────────
_hash_cache: OrderedDict[str, tuple[int, Any]] = OrderedDict()  # upload id: (bytes hashed so far, running SHA-256)
_hash_cache_lock = Lock()
MAX_CACHED_HASHES = 200


class IncomingPart:
    """One request that sends a part of a file to an upload. Its methods run in threads, but never two at the same time.

    Only one request may write to an upload at a time. Therefore the request holds a lease (exclusive write access for a
    limited time), which is stored in the row of the upload: `writer`, `writer_until`.
    """

    def __init__(self, user_id: int, upload_id: str, offset: int, checksum: tuple[str, bytes] | None = None):
        """Acquires the lease of the upload (exclusive write access for a limited time).

        `checksum` is (algorithm, digest) of the bytes of this part. Raises `not_found` if the user has no such upload.
        Raises UploadError with status 409 if the number of stored bytes is not `offset`, 423 if another request holds
        the lease.
        """
        self._token = token_hex(8)
        now = timezone.now()
        own_upload = Upload.objects.filter(pk=upload_id, owner_id=user_id)
        unlocked = own_upload.filter(Q(writer="") | Q(writer_until__lt=now), offset=offset, attachment=None)
        with write_transaction():
            is_acquired = unlocked.update(writer=self._token, writer_until=now + timedelta(seconds=LEASE_SECONDS))
        self.upload = get_upload(user_id, upload_id)
        if not is_acquired:
            if self.upload.offset != offset:
                raise UploadError(409, "conflict", _("The upload is at byte %d.") % self.upload.offset)
            if self.upload.attachment_id is None:
                raise locked_error()
            self._writer = None  # the upload is complete: an empty part changes nothing
            return
        self._lease_ends = time.monotonic() + LEASE_SECONDS
        self._checksum = checksum
        self._part_hash = hashlib.new(checksum[0]) if checksum else None
        self._uncommitted = 0  # bytes written since the last commit
        self._file_hash = _pop_cached_hash(self.upload)
        try:
            self._writer = get_upload_storage().open_writer(self.upload)
        except Exception as error:
            self._release_lease()
            raise storage_error(error) from error

    def write(self, data: bytes) -> None:
        """Stores bytes at the end of the upload.

        Raises `too_large` if the upload would get longer than the size declared by the client. Raises UploadError with
        status 423 if another request has taken over the lease (exclusive write access for a limited time).
        """
        if self._writer is None or self.upload.offset + self._uncommitted + len(data) > self.upload.size:
            raise ApplicationError("too_large", _("More bytes were sent than declared."))
        if time.monotonic() > self._lease_ends - (LEASE_SECONDS - RENEW_SECONDS):
            self._renew_lease()
        if self._part_hash is not None:
            self._part_hash.update(data)
        if self._file_hash is not None:
            self._file_hash.update(data)
        try:
            self._writer.write(data)
        except Exception as error:
            raise storage_error(error) from error
        self._uncommitted += len(data)
        if self._part_hash is None and self._uncommitted >= COMMIT_BYTES:
            self._commit()

    def finish(self) -> Upload:
        """Stores the last bytes of this part safely, and increases the offset (number of stored bytes) of the upload.

        Call it after the whole request body has arrived. If this was the last part, completes the upload. Raises
        UploadError with status 460 if the checksum of the part or the SHA-256 of the whole file is wrong.
        """
        if self._writer is None:
            return self.upload
        if self._checksum and self._part_hash and not hmac.compare_digest(self._part_hash.digest(), self._checksum[1]):
            raise UploadError(460, "invalid", _("The checksum doesn’t match; send this part again."))
        is_last = self.upload.offset + self._uncommitted == self.upload.size
        if not is_last:
            self._commit_and_release()
            return self.upload
        if self._uncommitted:
            self._commit()
        self._extend_lease_to_finish()
        _complete_upload(self.upload, self._file_hash, self._extend_lease_to_finish)
        return self.upload

    def _extend_lease_to_finish(self) -> None:
        """Extends the lease (exclusive write access) before slow steps in which no bytes arrive from the client.

        Such steps are completing an S3 multipart upload and reading a large file back to hash it. The lease is extended
        only by FINISH_LEASE_SECONDS, so a server that crashes does not lock the upload for long.
        """
        if time.monotonic() > self._lease_ends - FINISH_LEASE_SECONDS + RENEW_SECONDS:
            self._renew_lease(seconds=FINISH_LEASE_SECONDS)

    def _commit_and_release(self) -> None:
        """Saves the new offset of the upload and releases the lease (exclusive write access) in one UPDATE.

        So the client can send the next part right after it gets the response, even if this server is killed at this
        moment. The writer is closed before the UPDATE, because another request may write after it.
        """
        assert self._writer is not None
        if self._uncommitted:
            self._sync()
        writer, self._writer = self._writer, None
        writer.close()
        self.upload.offset += self._uncommitted
        self._uncommitted = 0
        if self._file_hash is not None:
            _cache_hash(self.upload, self._file_hash)
        self._renew_lease(offset=self.upload.offset, parts=self.upload.parts, expires_at=_expiry(), writer="")

    def commit_partial(self) -> None:
        """Saves the bytes of this part that arrived before the connection broke.

        Does nothing if the part has a checksum, because such a part must be complete.
        """
        if self._writer is not None and self._part_hash is None and self._uncommitted:
            self._commit()

    def close(self) -> None:
        if self._writer is None:
            return
        try:
            self._writer.close()
        finally:
            if not self._uncommitted and self._file_hash is not None and self.upload.attachment_id is None:
                _cache_hash(self.upload, self._file_hash)
            self._release_lease()

    def _sync(self) -> None:
        assert self._writer is not None
        if self._writer.sync_is_slow:
            self._renew_lease(seconds=FINISH_LEASE_SECONDS)
        try:
            self._writer.sync()
        except Exception as error:
            raise storage_error(error) from error

    def _commit(self) -> None:
        """Makes the written bytes durable on disk or in S3, then increases the offset in the row of the upload."""
        self._sync()
        self.upload.offset += self._uncommitted
        self._uncommitted = 0
        self._renew_lease(offset=self.upload.offset, parts=self.upload.parts, expires_at=_expiry())

    def _renew_lease(self, seconds: float = LEASE_SECONDS, **fields: Any) -> None:
        """Extends the lease (exclusive write access) of this request and saves `fields` in the row of the upload.

        Raises UploadError with status 423 if another request has taken over the lease.
        """
        lease_ends = timezone.now() + timedelta(seconds=seconds)
        with write_transaction():
            is_held = Upload.objects.filter(pk=self.upload.pk, writer=self._token).update(
                writer_until=lease_ends, **fields
            )
        if not is_held:
            raise locked_error()
        self._lease_ends = time.monotonic() + seconds

    def _release_lease(self) -> None:
        with write_transaction():
            Upload.objects.filter(pk=self.upload.pk, writer=self._token).update(writer="", writer_until=None)


def locked_error() -> UploadError:
    return UploadError(423, "conflict", _("Another request is uploading this file."))


def _pop_cached_hash(upload: Upload) -> Any:
    """Returns the hashlib object that has hashed the bytes of an upload stored so far, and removes it from the cache.

    Returns None if this server process has not received all of these bytes. In this case, the whole file is read again
    and hashed when the upload is completed.
    """
    if upload.offset == 0:
        return hashlib.sha256()
    with _hash_cache_lock:
        offset, running_hash = _hash_cache.pop(upload.pk, (0, None))
    return running_hash if offset == upload.offset else None


def _cache_hash(upload: Upload, running_hash: Any) -> None:
    with _hash_cache_lock:
        _hash_cache[upload.pk] = upload.offset, running_hash
        while len(_hash_cache) > MAX_CACHED_HASHES:
            _hash_cache.popitem(last=False)


# ── Completing ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _complete_upload(upload: Upload, file_hash: Any, extend_lease: Callable[[], None]) -> None:
    """Creates a File and an Attachment from an upload whose bytes are all stored. Can be called again after a crash.

    Calls `extend_lease` between slow steps, so that no other request writes to the upload. Raises UploadError with
    status 460 if the SHA-256 of the file differs from the one that the client declared.
    """
    try:
        get_upload_storage().complete(upload)
        with get_upload_storage().open_file(upload.key) as source:
            if file_hash is None:
                file_hash = hashlib.sha256()
                for block in iter(lambda: source.read(1024 * 1024), b""):
                    file_hash.update(block)
                    extend_lease()
            extend_lease()
            source.seek(0)
            content_type = content_types.detect_content_type(source.read(content_types.HEAD_BYTES), upload.name)
            measurement, needs_processing = inspect_media(source, content_type, upload.claims)
    except Exception as error:
        raise storage_error(error) from error
    digest = file_hash.hexdigest()
    if upload.sha256 and upload.sha256 != digest:
        delete_upload(upload)
        raise UploadError(460, "invalid", _("The SHA-256 of the whole file doesn’t match; upload it again."))
    with write_transaction():
        file = File.objects.create(
            key=upload.key,
            owner_id=upload.owner_id,
            size=upload.size,
            sha256=digest,
            content_type=content_type,
            state=File.State.WAITING if needs_processing else File.State.READY,
            **measurement._asdict(),
        )
        upload.sha256 = digest
        upload.attachment = Attachment.objects.create(
            file=file,
            owner_id=upload.owner_id,
            kind=get_attachment_kind(content_type),
            name=upload.name,
            alt=Upload.objects.values_list("alt", flat=True).get(pk=upload.pk),
            created_at=timezone.now(),
        )
        upload.parts = {}
        upload.save(update_fields=["attachment", "sha256", "parts"])
        if needs_processing:
            tasks.prepare_file.enqueue(file.pk)


def set_expected_sha256(user_id: int, upload_id: str, sha256: str) -> None:
    """Sets the SHA-256 that the complete file of an upload must have.

    The client may send it with any part of the file, even with the last one.
    """
    Upload.objects.filter(pk=upload_id, owner_id=user_id, attachment=None).update(sha256=sha256)


def complete_empty_upload(upload: Upload) -> Upload:
    """Completes an upload of zero bytes, for which the client sends no request with bytes."""
    part = IncomingPart(upload.owner_id, upload.pk, 0)
    try:
        return part.finish()
    finally:
        part.close()


def store_upload(user_id: int, name: str, size: int, blocks: Iterable[bytes]) -> Attachment:
    """Stores a file that was posted with an HTML form, as one complete upload. Returns the attachment of the upload."""
    upload = create_upload(user_id, size, name)
    try:
        part = IncomingPart(user_id, upload.pk, 0)
        try:
            for block in blocks:
                part.write(block)
            part.finish()
        finally:
            part.close()
        assert part.upload.attachment is not None
    except Exception:
        delete_upload(upload)
        raise
    return part.upload.attachment


def list_owned_attachments(user_id: int) -> QuerySet[Attachment]:
    """Returns all attachments whose files the user has uploaded, oldest first. The files are loaded with them."""
    return (
        Attachment.objects.filter(file__owner_id=user_id, owner_id=F("file__owner_id"))
        .select_related("file")
        .order_by("pk")
    )
