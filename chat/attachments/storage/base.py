"""Interface of the upload storages: local disk or S3. See docs/decisions/uploads.md.

writer = storage.open_writer(upload)  # continues at upload.offset; bytes stored after this offset are discarded
writer.write(data)                    # any number of times
writer.sync()                         # makes the written bytes durable; after that, upload.offset may be increased
writer.close()                        # bytes written after the last sync() do not count as stored

storage.complete(upload)              # call when all bytes are stored: makes the file upload.key
storage.discard(upload)               # removes all stored bytes of the upload
"""

from __future__ import annotations

import errno
import logging
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from chat.models import Upload
from messenger.core.errors import ApplicationError

log = logging.getLogger(__name__)


class UploadWriter(Protocol):
    """Writes bytes to the end of one unfinished upload."""

    sync_is_slow: bool  # sync() may take longer than the lease of a request that receives bytes

    def write(self, data: bytes) -> None: ...

    def sync(self) -> None: ...

    def close(self) -> None: ...


class UploadStorage(Protocol):
    def open_writer(self, upload: Upload) -> UploadWriter: ...

    def complete(self, upload: Upload) -> None: ...

    def discard(self, upload: Upload) -> None: ...

    def ensure_free_space(self, size: int) -> None:
        """Raises OSError if the storage has no space for `size` more bytes."""
        ...

    def open_file(self, key: str) -> BinaryIO:
        """Opens a stored file for reading. Seeking to a later position does not load the skipped bytes."""
        ...

    def local_path(self, key: str) -> Path | None:
        """Returns the path of a stored file on this machine. Returns None if uploaded files are stored in S3."""
        ...

    def signed_url(self, key: str, content_type: str, disposition: str) -> str:
        """Returns a signed S3 URL from which a browser can download the stored file for a few minutes.

        Returns "" if uploaded files are stored on the local disk, because Django sends them then.
        """
        ...


@cache
def get_upload_storage() -> UploadStorage:
    """Returns the storage of uploaded files: S3 if the setting STORAGE_URL is set, otherwise the local disk."""
    if settings.STORAGE_URL:
        from chat.attachments.storage.s3 import S3UploadStorage

        return S3UploadStorage()
    from chat.attachments.storage.disk import DiskUploadStorage

    return DiskUploadStorage()


def delete_stored_file(key: str) -> None:
    default_storage.delete(key)


def storage_error(error: BaseException) -> ApplicationError:
    """Logs a failure of the storage of files (disk full, S3 unreachable) and returns the 503 error for the client.

    Only requests that need files fail. Text messages can still be sent, because they are stored in the database.
    """
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    log.error("A file could not be stored: %s", error if is_full else repr(error)[:300])
    detail = _("There’s no space for files right now.") if is_full else _("Files can’t be saved right now.")
    return ApplicationError("unavailable", detail, retry_after=30)
