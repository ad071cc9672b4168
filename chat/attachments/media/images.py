"""Re-encodes uploaded images in the worker (the process for background tasks), so that users never get the original
file.

Original files contain metadata, such as the location, and may also be valid files of another type. The worker does not
decode an image itself: image_subprocess.py does it in a separate process.
"""

from __future__ import annotations

import json
import logging
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from chat.attachments.local_copies import compute_sha256, copy_to_local, store_local_file
from chat.attachments.media import limited_process
from chat.attachments.media.attachment_kinds import get_attachment_kind
from chat.attachments.media.image_metadata import strip_image_metadata
from chat.models import File

log = logging.getLogger(__name__)
MAX_REENCODED_BYTES = 64 * 1024 * 1024
TIMEOUT_SECONDS = 60  # wall clock; image_subprocess.py limits its CPU time itself


def reencode_image(file: File) -> dict[str, Any]:
    """Stores a re-encoded copy of an uploaded image and its thumbnails. Returns the changed fields of the File row.

    An image that is damaged or too large to be re-encoded becomes a plain file, which browsers download.
    """
    with tempfile.TemporaryDirectory(prefix="picture-") as name:
        folder = Path(name)
        source = folder / "source"
        copy_to_local(file.key, source)
        result = _run_subprocess(source, folder) if file.size <= MAX_REENCODED_BYTES else None
        if result:
            return _store_result(folder, result)
        return _convert_to_download(file, source, folder)


def _run_subprocess(source: Path, folder: Path) -> dict[str, Any] | None:
    """Runs image_subprocess.py, which re-encodes the image `source` into `folder`, and returns its JSON output.

    Returns None if the program failed or took longer than TIMEOUT_SECONDS.
    """
    try:
        process = limited_process.run("image_subprocess", str(source), str(folder), timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        log.info("A picture took too long")
        return None
    if process.returncode != 0:
        lines = process.stderr.decode(errors="replace").strip().splitlines()
        log.info("A picture cannot be drawn (%d): %s", process.returncode, lines[-1][:200] if lines else "")
        return None
    return json.loads(process.stdout)


def _store_result(folder: Path, result: dict[str, Any]) -> dict[str, Any]:
    thumbnails = []
    for thumbnail in result["thumbnails"]:
        key = store_local_file(folder / thumbnail["name"], ".webp")
        thumbnails.append({"key": key, "width": thumbnail["width"], "height": thumbnail["height"]})
    image = folder / result["name"]
    return {
        "key": store_local_file(image, image.suffix),
        "size": image.stat().st_size,
        "sha256": compute_sha256(image),
        "content_type": result["content_type"],
        "width": result["width"],
        "height": result["height"],
        "thumbnails": thumbnails,
    }


def _convert_to_download(file: File, source: Path, folder: Path) -> dict[str, Any]:
    """Turns an image that cannot be re-encoded into a plain file, which browsers download. Returns the changed fields
    of the File row.

    Metadata is removed from JPEG, PNG, WebP and GIF. HEIC and AVIF keep it, because only a decoder can find it.
    """
    stripped = folder / "clean"
    kind = get_attachment_kind(file.content_type, inline=False)
    changes: dict[str, Any] = {"kind": kind, "width": None, "height": None}
    if strip_image_metadata(source, stripped, file.content_type):
        changes |= {
            "key": store_local_file(stripped, ""),
            "size": stripped.stat().st_size,
            "sha256": compute_sha256(stripped),
        }
    return changes
