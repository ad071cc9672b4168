"""Receives the bytes of uploads, one part of a file for each request.

A part with a checksum counts only if it is complete and correct. Without a checksum, every stored byte counts. The
offset in the database row of the upload is increased only after the bytes are safe on disk or in S3, so the offset is
correct after any crash.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable
from datetime import timedelta
from secrets import token_hex
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.attachments.storage.base import get_upload_storage, storage_error
from chat.attachments.uploads import running_hashes
from chat.attachments.uploads.completion import complete_upload
from chat.attachments.uploads.creation import create_upload, expiry_time
from chat.attachments.uploads.errors import UploadError, locked_error
from chat.attachments.uploads.records import delete_upload, get_upload
from chat.models import Attachment, Upload
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError

CHECKSUMS = ("sha1", "sha256")
# Parts without a checksum are committed in blocks of so many bytes; a crash loses at most one block.
COMMIT_BYTES = 8 * 1024 * 1024
LEASE_SECONDS = 5.0  # how long a request may write to the upload alone, until it must renew this lease
RENEW_SECONDS = 2.0  # age of the lease at which it is renewed
FINISH_LEASE_SECONDS = 40.0  # lease for slow steps that receive no bytes; longer than the timeout of an S3 request


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
        self._file_hash = running_hashes.pop(self.upload)
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
        complete_upload(self.upload, self._file_hash, self._extend_lease_to_finish)
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
            running_hashes.put(self.upload, self._file_hash)
        self._renew_lease(offset=self.upload.offset, parts=self.upload.parts, expires_at=expiry_time(), writer="")

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
                running_hashes.put(self.upload, self._file_hash)
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
        self._renew_lease(offset=self.upload.offset, parts=self.upload.parts, expires_at=expiry_time())

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
