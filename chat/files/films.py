"""What films and recordings say about themselves is taken out by the worker, before anybody may open them."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

from chat.files import kinds
from chat.files.ready import change, fetch, sha256_of, store
from chat.files.shelf import shelf
from chat.files.silence import silence
from chat.models import File

log = logging.getLogger(__name__)


def quieten(file: File) -> None:
    """On disk in its place: nobody reads it yet, and a gigabyte is not copied. In a bucket it is written anew."""
    changes: dict[str, Any]
    try:
        if path := shelf().path(file.key):
            _in_place(path)
            changes = {"sha256": sha256_of(path)}
        else:
            changes = _anew(file)
    except ValueError as error:
        log.info("A film cannot be read, so it is a download: %s", error)
        changes = {"kind": kinds.kind_of(file.content_type, shown=False), "width": None, "height": None}
    change(file, **changes)


def _in_place(path: Path) -> None:
    with path.open("r+b") as target:
        silence(target)
        target.flush()
        os.fsync(target.fileno())


def _anew(file: File) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="film-") as folder:
        copy = Path(folder) / "copy"
        fetch(file.key, copy)
        _in_place(copy)
        return {"key": store(copy, ""), "sha256": sha256_of(copy)}
