"""Copies files from the storage of uploads (local disk or S3) to local files and back, so that the worker can process
them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.core.files import File as DjangoFile
from django.core.files.storage import default_storage

from chat.attachments.storage.base import get_upload_storage
from chat.attachments.uploads import new_storage_key

COPY_BLOCK_BYTES = 4 * 1024 * 1024


def copy_to_local(key: str, target: Path) -> None:
    """Copies the file that is stored under `key` (on local disk or in S3) to the local path `target`."""
    with get_upload_storage().open_file(key) as source, target.open("wb") as copy:
        while block := source.read(COPY_BLOCK_BYTES):
            copy.write(block)


def store_local_file(path: Path, extension: str) -> str:
    """Stores a local file in the storage of uploads (local disk or S3) under a new random key, and returns this key."""
    with path.open("rb") as content:
        return default_storage.save(new_storage_key(extension), DjangoFile(content))


def compute_sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
