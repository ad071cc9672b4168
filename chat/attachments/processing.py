"""What the worker does before anybody may open a picture or a film that could say where it was taken, and how it tells
of it.

What cannot be drawn or read is a download, as silent as can be made without decoding it. Some are given as they came,
place and all: a HEIC or AVIF that cannot be drawn, and kinds that are never looked at, as TIFF. What may stay in a
broken film and all else is in docs/decisions/uploads.md.

A file that waits is shown by its message, with the size it will have, and not served.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.core.files import File as DjangoFile
from django.core.files.storage import default_storage

from chat import events
from chat.actions.transaction import moderating
from chat.attachments import filenames
from chat.attachments.media import content_types
from chat.attachments.schemas import as_kept, attachment_schema
from chat.attachments.storage.base import remove, shelf
from chat.attachments.uploads import new_key
from chat.models import Attachment, File
from chat.schemas import message_schema
from messenger.core.database import write_transaction

BLOCK = 4 * 1024 * 1024
# Where another kind was made of a picture, its name says so too: a phone's `IMG_1.HEIC` is a JPEG now.
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}


def prepare(file_id: int) -> None:
    """Harmless when it is done twice: what is ready stays as it is."""
    from chat.attachments.media import images, videos

    file = File.objects.filter(pk=file_id, state=File.State.WAITING).first()
    if file is None:
        return
    if file.content_type in content_types.BOXED:
        videos.quieten(file)
    else:
        images.redraw(file)


def fetch(key: str, to: Path) -> None:
    with shelf().read(key) as source, to.open("wb") as copy:
        while block := source.read(BLOCK):
            copy.write(block)


def store(path: Path, extension: str) -> str:
    """Its key."""
    with path.open("rb") as content:
        return default_storage.save(new_key(extension), DjangoFile(content))


def sha256_of(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def change(file: File, *, kind: str = "", **changes: Any) -> None:
    """The row first, then the messages that show it, each in its own conversation's order; last the old bytes."""
    old, file_type = file.key, file.content_type
    with write_transaction():
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
        if row.content_type != file_type:
            for each in row.attachments.all():
                each.name = filenames.with_extension(each.name, _ENDINGS[row.content_type])
                each.save(update_fields=["name"])
    for message_id in row.attachments.filter(message__isnull=False).values_list("message_id", flat=True):
        tell(message_id)
    if row.key != old:
        remove(old)


def tell(message_id: int) -> None:
    """A message's row shows its files as they are now; members hear of it."""
    with moderating(message_id) as (ledger, message):
        attachments = Attachment.objects.filter(message=message).select_related("file").order_by("place")
        files = as_kept([attachment_schema(each) for each in attachments])
        if files == message.files:
            return
        message.files = files
        ledger.save_message(message, "files")
        ledger.tell(events.message_updated(message_schema(message)))
