"""Re-encodes images in the worker. Originals are not served: they contain metadata, such as the location, and may be
valid files of another type as well.

This module runs in the worker; `image_subprocess.py`, a separate process, decodes the bytes.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from chat.attachments.local_copies import compute_sha256, copy_to_local, store_local_file
from chat.attachments.media import content_types
from chat.attachments.media.image_metadata import strip_image_metadata
from chat.models import File

log = logging.getLogger(__name__)
SUBPROCESS_SCRIPT = Path(__file__).with_name("image_subprocess.py")
MAX_REENCODED_BYTES = 64 * 1024 * 1024
TIMEOUT_SECONDS = 60  # wall clock; image_subprocess.py limits its CPU time itself


def reencode_image(file: File) -> dict[str, Any]:
    """Stores a re-encoded copy of the image and its thumbnails. Returns the changes of the file's row.

    An image that is too large or damaged becomes a download.
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
    """Returns the JSON output of image_subprocess.py; None if it failed for any reason."""
    command = [sys.executable, "-I", str(SUBPROCESS_SCRIPT), str(source), str(folder)]
    try:
        process = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
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
    """Makes a plain file of an image that cannot be re-encoded, without its metadata if the type allows it.

    HEIC and AVIF keep their metadata: its position is known only after decoding the file.
    """
    stripped = folder / "clean"
    kind = content_types.get_attachment_kind(file.content_type, inline=False)
    changes: dict[str, Any] = {"kind": kind, "width": None, "height": None}
    if strip_image_metadata(source, stripped, file.content_type):
        changes |= {
            "key": store_local_file(stripped, ""),
            "size": stripped.stat().st_size,
            "sha256": compute_sha256(stripped),
        }
    return changes
