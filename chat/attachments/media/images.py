"""Pictures are served only as they were drawn anew: without metadata (where they were taken!) and without a second
nature. This is the part that the worker does; decode.py is the part that touches the bytes.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from chat.attachments.media import content_types
from chat.attachments.media.image_metadata import without_metadata
from chat.attachments.processing import change, fetch, sha256_of, store
from chat.models import File

log = logging.getLogger(__name__)
DECODE = Path(__file__).with_name("image_subprocess.py")
MOST_BYTES = 64 * 1024 * 1024
SECONDS = 60  # of the clock; decode.py bounds its own CPU time


def redraw(file: File) -> None:
    with tempfile.TemporaryDirectory(prefix="picture-") as name:
        folder = Path(name)
        source = folder / "source"
        fetch(file.key, source)
        drawn = _drawn(source, folder) if file.size <= MOST_BYTES else None
        if drawn:
            _replace(file, folder, drawn)
        else:
            _as_a_download(file, source, folder)


def _drawn(source: Path, folder: Path) -> dict[str, Any] | None:
    """None where it cannot be drawn, for whatever reason."""
    command = [sys.executable, "-I", str(DECODE), str(source), str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        log.info("A picture took too long")
        return None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        log.info("A picture cannot be drawn (%d): %s", done.returncode, words[-1][:200] if words else "")
        return None
    return json.loads(done.stdout)


def _replace(file: File, folder: Path, drawn: dict[str, Any]) -> None:
    thumbnails = []
    for each in drawn["thumbnails"]:
        key = store(folder / each["name"], ".webp")
        thumbnails.append({"key": key, "width": each["width"], "height": each["height"]})
    picture = folder / drawn["name"]
    change(
        file,
        key=store(picture, picture.suffix),
        size=picture.stat().st_size,
        sha256=sha256_of(picture),
        content_type=drawn["content_type"],
        width=drawn["width"],
        height=drawn["height"],
        thumbnails=thumbnails,
    )


def _as_a_download(file: File, source: Path, folder: Path) -> None:
    """Too large or broken: a file like others, though not with what it says about the place. HEIC and AVIF are given
    as they came: where theirs stands cannot be known without reading all of it.
    """
    clean = folder / "clean"
    changes: dict[str, Any] = {"width": None, "height": None}
    if without_metadata(source, clean, file.content_type):
        changes |= {"key": store(clean, ""), "size": clean.stat().st_size, "sha256": sha256_of(clean)}
    change(file, kind=content_types.kind_of(file.content_type, shown=False), **changes)
