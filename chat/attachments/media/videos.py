"""What films and recordings say about themselves is taken out by the worker, before anybody may open them."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

from chat.attachments.media import content_types
from chat.attachments.media.mp4_metadata import silence
from chat.attachments.processing import change, fetch, sha256_of, store
from chat.attachments.storage.base import shelf
from chat.models import File

log = logging.getLogger(__name__)


def quieten(file: File) -> None:
    """On disk in its place: nobody reads it yet, and a gigabyte is not copied. In a bucket it is written anew."""
    changes: dict[str, Any]
    if path := shelf().path(file.key):
        whole = _in_place(path)
        changes = {"sha256": sha256_of(path)}
    else:
        whole, changes = _anew(file)
    if not whole:
        changes |= {"kind": content_types.kind_of(file.content_type, shown=False), "width": None, "height": None}
    change(file, **changes)


def _in_place(path: Path) -> bool:
    """Whether it could be read to its end. If not, what was found in it is out all the same."""
    whole = True
    with path.open("r+b") as target:
        try:
            silence(target)
        except ValueError as error:
            log.info("A film cannot be read, so it is a download: %s", error)
            whole = False
        target.flush()
        os.fsync(target.fileno())
    return whole


def _anew(file: File) -> tuple[bool, dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="film-") as folder:
        copy = Path(folder) / "copy"
        fetch(file.key, copy)
        whole = _in_place(copy)
        return whole, {"key": store(copy, ""), "sha256": sha256_of(copy)}
