"""Lists, copies and writes all stored files of the site, on the disk or in S3."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from django.core.files.storage import default_storage


def list_names(folder: str = "") -> Iterator[str]:
    """Yields the names of all stored files below a folder of the storage."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from sorted(posixpath.join(folder, name) for name in files if name)
    for name in sorted(folders):
        if name:
            yield from list_names(posixpath.join(folder, name))


def has_files() -> bool:
    return next(list_names(), None) is not None
