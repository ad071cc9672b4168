"""Removes metadata, such as the location, from MP4 video and audio.

The worker (the process for background tasks) uses this module before any user can open the file.
"""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from chat.attachments.local_copies import compute_sha256, copy_to_local, store_local_file
from chat.attachments.media import limited_process
from chat.attachments.media.attachment_kinds import get_attachment_kind
from chat.attachments.storage.base import get_upload_storage
from chat.models import File

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 180  # wall clock; strip_subprocess.py limits its CPU time itself


def strip_video_metadata(file: File) -> dict[str, Any]:
    """Removes metadata from an uploaded video or audio file. Returns the changed fields of the File row.

    A file that cannot be parsed becomes a plain file, which browsers download. On the local disk the file is changed in
    place, which is safe because no user can open it yet. In S3, a copy without metadata is stored under a new key.
    """
    changes: dict[str, Any]
    if path := get_upload_storage().local_path(file.key):
        is_complete = _strip_in_place(path)
        changes = {"sha256": compute_sha256(path)}
    else:
        is_complete, changes = _store_stripped_copy(file)
    if not is_complete:
        kind = get_attachment_kind(file.content_type, inline=False)
        changes |= {"kind": kind, "width": None, "height": None}
    return changes


def _strip_in_place(path: Path) -> bool:
    """Removes metadata from the video or audio file at `path`, in place.

    Returns False if the file is damaged or takes too long to parse. In a damaged file, the metadata that was found is
    removed anyway.
    """
    try:
        process = limited_process.run("strip_subprocess", str(path), timeout=TIMEOUT_SECONDS)
        is_complete = process.returncode == 0
        reason = process.stderr.decode(errors="replace").strip()[-200:]
    except subprocess.TimeoutExpired:
        is_complete, reason = False, "it took too long"
    if not is_complete:
        log.info("A film cannot be read, so it is a download: %s", reason)
    with path.open("r+b") as target:
        os.fsync(target.fileno())
    return is_complete


def _store_stripped_copy(file: File) -> tuple[bool, dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="film-") as folder:
        copy = Path(folder) / "copy"
        copy_to_local(file.key, copy)
        is_complete = _strip_in_place(copy)
        return is_complete, {"key": store_local_file(copy, ""), "sha256": compute_sha256(copy)}
