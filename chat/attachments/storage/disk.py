"""Uploads on this machine's disk: one file that grows, renamed when it is whole."""

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

# What is said to be there is there after a power cut too. Switched off, it survives a killed server all the same.
FSYNC = True
RESERVE = 256 * 1024 * 1024  # bytes of the disk that are left for texts: a full disk would stop them too


class DiskWriter:
    slow = False

    def __init__(self, path: Path, offset: int):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._file).st_size < offset:
            os.close(self._file)
            raise OSError(f"{path.name} is shorter than its row says")
        os.ftruncate(self._file, offset)  # what lies beyond was never promised
        os.lseek(self._file, offset, os.SEEK_SET)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def keep(self) -> None:
        if FSYNC:
            os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)

    def close(self) -> None:
        """What was not kept stays until the next one opens the file, and cuts it off.

        Not here: whoever closes late, when its lease has run out, would cut off what others have kept meanwhile.
        """
        os.close(self._file)


class Disk:
    def __init__(self) -> None:
        self._folder = settings.DATA_DIR / "uploads"

    def _going(self, upload: Upload) -> Path:
        return self._folder / upload.key.rpartition("/")[2]

    def path(self, key: str) -> Path | None:
        return Path(default_storage.path(key))

    def open(self, upload: Upload) -> DiskWriter:
        return DiskWriter(self._going(upload), upload.offset)

    def finish(self, upload: Upload) -> None:
        """Safe to repeat: after a crash the file may have its new name already."""
        there, here = Path(default_storage.path(upload.key)), self._going(upload)
        there.parent.mkdir(parents=True, exist_ok=True)
        if not here.exists() and not there.exists() and upload.size == 0:
            here.parent.mkdir(parents=True, exist_ok=True)
            here.touch(0o600)
        if here.exists():
            os.replace(here, there)
        if there.stat().st_size != upload.size:
            raise OSError(f"{there.name} has not the size that it should have")

    def give_up(self, upload: Upload) -> None:
        with suppress(FileNotFoundError):
            self._going(upload).unlink()
        if upload.attachment_id is None:
            with suppress(FileNotFoundError):
                Path(default_storage.path(upload.key)).unlink()

    def make_room(self, size: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < size + RESERVE:
            raise OSError(errno.ENOSPC, "too little is free")

    def read(self, key: str) -> BinaryIO:
        return open(default_storage.path(key), "rb")

    def link(self, key: str, content_type: str, disposition: str) -> str:
        return ""
