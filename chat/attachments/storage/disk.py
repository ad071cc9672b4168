"""Stores uploads on the local disk. Each upload is one file that grows and is renamed when it is complete."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files.storage import default_storage

from chat.models import Upload

# If on, fsync before the response: stored bytes survive a power cut. If off, they survive only a killed process.
FSYNC = True
RESERVED_BYTES = 256 * 1024 * 1024  # disk space that uploads leave free, because text messages need space too


def _ensure_free_space(folder: Path, size: int) -> None:
    """Raises OSError if storing `size` more bytes would leave less than RESERVED_BYTES free on the disk of `folder`."""
    if shutil.disk_usage(folder).free < size + RESERVED_BYTES:
        raise OSError(errno.ENOSPC, "too little is free")


class DiskUploadWriter:
    sync_is_slow = False

    def __init__(self, path: Path, offset: int):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = path.parent
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._file).st_size < offset:
            os.close(self._file)
            raise OSError(f"{path.name} is shorter than its row says")
        os.ftruncate(self._file, offset)  # bytes after the offset were not confirmed to the client
        os.lseek(self._file, offset, os.SEEK_SET)

    def write(self, data: bytes) -> None:
        # Checked again here: since the upload was created, something else may have filled the disk.
        _ensure_free_space(self._folder, len(data))
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def sync(self) -> None:
        if FSYNC:
            os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)

    def close(self) -> None:
        """Closes the file of the upload. Bytes that were written but not synced remain in the file.

        The next writer that opens the file truncates it. It is not truncated here, because the lease (exclusive write
        access for a limited time) of this request may have expired: another request may already have written to the
        same file.
        """
        os.close(self._file)


class DiskUploadStorage:
    def __init__(self) -> None:
        self._folder = settings.DATA_DIR / "uploads"

    def _partial_path(self, upload: Upload) -> Path:
        """Returns the path of the partial file. The bytes of an upload are written to this file until the upload is
        complete.
        """
        return self._folder / upload.key.rpartition("/")[2]

    def local_path(self, key: str) -> Path | None:
        return Path(default_storage.path(key))

    def open_writer(self, upload: Upload) -> DiskUploadWriter:
        return DiskUploadWriter(self._partial_path(upload), upload.offset)

    def complete(self, upload: Upload) -> None:
        """Moves the partial file, which contains all bytes of the upload, to its final path.

        Can be called again after a crash: if the file is at its final path already, nothing is moved.
        """
        final, partial = Path(default_storage.path(upload.key)), self._partial_path(upload)
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not partial.exists() and not final.exists() and upload.size == 0:
            partial.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial.touch(0o600)
        if partial.exists():
            os.replace(partial, final)
        if final.stat().st_size != upload.size:
            raise OSError(f"{final.name} has not the size that it should have")

    def discard(self, upload: Upload) -> None:
        with suppress(FileNotFoundError):
            self._partial_path(upload).unlink()
        if upload.attachment_id is None:
            with suppress(FileNotFoundError):
                Path(default_storage.path(upload.key)).unlink()

    def ensure_free_space(self, size: int) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _ensure_free_space(self._folder, size)

    def open_file(self, key: str) -> BinaryIO:
        return open(default_storage.path(key), "rb")

    def signed_url(self, key: str, content_type: str, disposition: str) -> str:
        return ""
