"""Interface of the upload storages: local disk or S3. See docs/decisions/uploads.md.

writer = storage.open_writer(upload)  # continues at upload.offset; bytes stored beyond it are discarded
writer.write(data)                    # any number of times
writer.sync()                         # the bytes written so far are durable; now the row's offset may move
writer.close()                        # bytes that were not synced do not count; nothing is changed after this

storage.complete(upload)              # all bytes are stored: makes a file of them under upload.key
storage.discard(upload)               # removes everything that is stored of the upload
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
    """Appends bytes to one upload."""

    sync_is_slow: bool  # sync() may take longer than the lease of a request that receives bytes

    def write(self, data: bytes) -> None: ...

    def sync(self) -> None: ...

    def close(self) -> None: ...


class UploadStorage(Protocol):
    def open_writer(self, upload: Upload) -> UploadWriter: ...

    def complete(self, upload: Upload) -> None: ...

    def discard(self, upload: Upload) -> None: ...

    def ensure_free_space(self, size: int) -> None:
        """Raises OSError if there is no space for `size` more bytes."""
        ...

    def open_file(self, key: str) -> BinaryIO:
        """Opens a stored file for reading. Seeking does not fetch the bytes in between."""
        ...

    def local_path(self, key: str) -> Path | None:
        """Returns the path of a stored file on this machine; None if the storage is remote."""
        ...

    def signed_url(self, key: str, content_type: str, disposition: str) -> str:
        """Returns a short-lived URL from which a browser can download the file; empty if this server sends it."""
        ...


@cache
def get_upload_storage() -> UploadStorage:
    """Returns the storage that the settings select: S3 if STORAGE_URL is set, else the local disk."""
    if settings.STORAGE_URL:
        from chat.attachments.storage.s3 import S3UploadStorage

        return S3UploadStorage()
    from chat.attachments.storage.disk import DiskUploadStorage

    return DiskUploadStorage()


def delete_stored_file(key: str) -> None:
    default_storage.delete(key)


def storage_error(error: BaseException) -> ApplicationError:
    """Logs a failure of the storage (disk full, bucket unreachable) and returns the 503 error for the client.

    Only files are affected: sending text goes on.
    """
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    log.error("A file could not be stored: %s", error if is_full else repr(error)[:300])
    detail = _("There’s no space for files right now.") if is_full else _("Files can’t be saved right now.")
    return ApplicationError("unavailable", detail, retry_after=30)
