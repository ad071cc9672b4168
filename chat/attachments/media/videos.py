"""Strips metadata from MP4 video and audio in the worker, before anybody may open them."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

from chat.attachments.local_copies import compute_sha256, copy_to_local, store_local_file
from chat.attachments.media import content_types
from chat.attachments.media.mp4_metadata import strip_metadata
from chat.attachments.storage.base import get_upload_storage
from chat.models import File

log = logging.getLogger(__name__)


def strip_video_metadata(file: File) -> dict[str, Any]:
    """Strips metadata and returns the changes of the file's row. A file that cannot be parsed becomes a download.

    On disk the file is changed in place: nobody reads it yet, and a gigabyte need not be copied. In S3 a stripped
    copy is stored under a new key.
    """
    changes: dict[str, Any]
    if path := get_upload_storage().local_path(file.key):
        is_complete = _strip_in_place(path)
        changes = {"sha256": compute_sha256(path)}
    else:
        is_complete, changes = _store_stripped_copy(file)
    if not is_complete:
        kind = content_types.get_attachment_kind(file.content_type, inline=False)
        changes |= {"kind": kind, "width": None, "height": None}
    return changes


def _strip_in_place(path: Path) -> bool:
    """Returns whether the file could be parsed to its end. If not, the metadata found so far is removed anyway."""
    is_complete = True
    with path.open("r+b") as target:
        try:
            strip_metadata(target)
        except ValueError as error:
            log.info("A film cannot be read, so it is a download: %s", error)
            is_complete = False
        target.flush()
        os.fsync(target.fileno())
    return is_complete


def _store_stripped_copy(file: File) -> tuple[bool, dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="film-") as folder:
        copy = Path(folder) / "copy"
        copy_to_local(file.key, copy)
        is_complete = _strip_in_place(copy)
        return is_complete, {"key": store_local_file(copy, ""), "sha256": compute_sha256(copy)}
