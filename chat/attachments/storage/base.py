"""Where bytes of uploads are put: on this machine's disk, or in a bucket. See docs/decisions/uploads.md.

writer = shelf.open(upload)         # goes on at upload.offset, whatever lies beyond it
writer.write(data)                  # any number of times
writer.keep()                       # now they survive what comes; then the row may say so
writer.close()                      # what was not kept is as if it had not come; nothing is changed any more

shelf.finish(upload)                # all bytes are there: the storage has a file under upload.key
shelf.give_up(upload)               # nothing of it is left
"""

from __future__ import annotations

import errno
import logging
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from chat.models import Upload
from messenger.core.errors import ApplicationError

log = logging.getLogger(__name__)


class Writer(Protocol):
    slow: bool  # keep() may take longer than bytes let wait for each other

    def write(self, data: bytes) -> None: ...

    def keep(self) -> None: ...

    def close(self) -> None: ...


class Shelf(Protocol):
    def open(self, upload: Upload) -> Writer: ...

    def finish(self, upload: Upload) -> None: ...

    def give_up(self, upload: Upload) -> None: ...

    def make_room(self, size: int) -> None:
        """Raises OSError where there is none."""
        ...

    def read(self, key: str) -> BinaryIO:
        """A file that is kept, to be read by us; any place of it, without fetching all."""
        ...

    def path(self, key: str) -> Path | None:
        """Where it lies on this machine, if it does."""
        ...

    def link(self, key: str, content_type: str, disposition: str) -> str:
        """Where a browser is sent for the bytes, for a few minutes; empty where the server gives them itself."""
        ...


@cache
def shelf() -> Shelf:
    if settings.STORAGE_URL:
        from chat.attachments.storage.s3 import Bucket

        return Bucket()
    from chat.attachments.storage.disk import Disk

    return Disk()


def remove(key: str) -> None:
    default_storage.delete(key)


def no_room(error: BaseException) -> ApplicationError:
    """The disk is full, the bucket hangs or refuses: said so, and nothing else of the site is touched."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    log.error("A file could not be stored: %s", error if full else repr(error)[:300])
    words = _("There is no room for files at the moment.") if full else _("Files cannot be stored at the moment.")
    return ApplicationError("unavailable", words, retry_after=30)
