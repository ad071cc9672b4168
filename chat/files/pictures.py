"""Pictures are served only as they were drawn anew: without metadata (where they were taken!) and without a second
nature. This is the part that the worker does; decode.py is the part that touches the bytes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.files import File as DjangoFile
from django.core.files.storage import default_storage

from chat import events
from chat.actions.ledger import moderating
from chat.files import kinds
from chat.files.plain import without_metadata
from chat.files.shapes import as_kept, attachment_shape
from chat.files.shelf import remove, shelf
from chat.files.uploads import new_key
from chat.models import Attachment, File
from chat.shapes import message_shape
from messenger.live.database import writing

log = logging.getLogger(__name__)
DECODE = Path(__file__).with_name("decode.py")
MOST_BYTES = 64 * 1024 * 1024
SECONDS = 60  # of the clock; decode.py bounds its own CPU time


def redraw(file_id: int) -> None:
    """Harmless when it is done twice: a picture that is ready stays as it is."""
    file = File.objects.filter(pk=file_id, state=File.State.WAITING).first()
    if file is None:
        return
    with tempfile.TemporaryDirectory(prefix="picture-") as name:
        folder = Path(name)
        source = folder / "source"
        _fetch(file.key, source)
        drawn = _drawn(source, folder) if file.size <= MOST_BYTES else None
        if drawn:
            _replace(file, folder, drawn)
        else:
            _as_a_download(file, source, folder)


def _fetch(key: str, to: Path) -> None:
    with shelf().read(key) as source, to.open("wb") as copy:
        while block := source.read(1024 * 1024):
            copy.write(block)


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
        key = _store(folder / each["name"], ".webp")
        thumbnails.append({"key": key, "width": each["width"], "height": each["height"]})
    picture = folder / drawn["name"]
    _change(
        file,
        key=_store(picture, picture.suffix),
        size=picture.stat().st_size,
        sha256=_sha256(picture),
        content_type=drawn["content_type"],
        width=drawn["width"],
        height=drawn["height"],
        thumbnails=thumbnails,
    )


def _as_a_download(file: File, source: Path, folder: Path) -> None:
    """Too large or broken: a file like others, though not with what it says about the place."""
    clean = folder / "clean"
    changes: dict[str, Any] = {"width": None, "height": None}
    if without_metadata(source, clean, file.content_type):
        changes |= {"key": _store(clean, ""), "size": clean.stat().st_size, "sha256": _sha256(clean)}
    _change(file, kind=kinds.kind_of(file.content_type, shown=False), **changes)


def _store(path: Path, extension: str) -> str:
    with path.open("rb") as content:
        return default_storage.save(new_key(extension), DjangoFile(content))


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _change(file: File, *, kind: str = "", **changes: Any) -> None:
    """The row first, then the messages that show it, each in its own conversation's order; last the old bytes."""
    old = file.key
    with writing():
        row = File.objects.select_for_update().filter(pk=file.pk, state=File.State.WAITING).first()
        if row is None:  # buried, or another worker was quicker
            for key in [changes.get("key"), *(each["key"] for each in changes.get("thumbnails", ()))]:
                if key:
                    remove(key)
            return
        for name, value in changes.items():
            setattr(row, name, value)
        row.state = File.State.READY
        row.save()
        if kind:
            row.attachments.update(kind=kind)
    for message_id in row.attachments.filter(message__isnull=False).values_list("message_id", flat=True):
        tell(message_id)
    if row.key != old:
        remove(old)


def tell(message_id: int) -> None:
    """A message's row shows its files as they are now; members hear of it."""
    with moderating(message_id) as (ledger, message):
        attachments = Attachment.objects.filter(message=message).select_related("file").order_by("place")
        files = as_kept([attachment_shape(each) for each in attachments])
        if files == message.files:
            return
        message.files = files
        ledger.save_message(message, "files")
        ledger.tell(events.message_updated(message_shape(message)))
