"""What becomes of files that nobody shows any more, and of uploads that nobody finished."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chat.attachments import uploads
from chat.attachments.storage.base import remove
from chat.models import Attachment, File, Upload
from messenger.core.database import write_transaction

log = logging.getLogger(__name__)
AT_ONCE = 200
GRACE = timedelta(minutes=5)  # for a file that is being shown just now


def bury(older_than: timedelta = timedelta(0)) -> int:
    """Remove files without an attachment: bytes first, then the row, in one transaction.

    Somebody who forwards the file meanwhile waits for the row's lock and then finds it gone. A crash in between leaves
    a row without bytes and without attachments, which the next round takes.
    """
    buried = 0
    gone = File.objects.filter(attachments=None, created_at__lte=timezone.now() - older_than)
    for pk in gone.values_list("pk", flat=True)[:AT_ONCE]:
        with write_transaction():
            file = File.objects.select_for_update().filter(pk=pk).first()
            if file is None or file.attachments.exists():
                continue
            for key in (file.key, *(each["key"] for each in file.thumbnails)):
                remove(key)
            file.delete()
            buried += 1
    return buried


def sweep() -> None:
    """Uploads and files whose time is over; files that wait although their job was lost; deleted groups' files."""
    now = timezone.now()
    for row in Upload.objects.filter(attachment=None, expires_at__lt=now)[:AT_ONCE]:
        uploads.drop(row)
    unsent = Attachment.objects.filter(message=None, created_at__lt=now - timedelta(hours=settings.UNSENT_HOURS))
    for row in Upload.objects.filter(attachment__in=unsent)[:AT_ONCE]:
        uploads.drop(row)
    with write_transaction():
        unsent.delete()
        Upload.objects.filter(attachment__message__isnull=False, created_at__lt=now - timedelta(days=1)).delete()
        Attachment.objects.filter(conversation__deleted_at__lt=now - timedelta(days=1)).delete()
    bury(GRACE)
    _prepare_forgotten()
    if not settings.STORAGE_URL:
        _sweep_folder(settings.DATA_DIR / "uploads")


def _prepare_forgotten() -> None:
    from chat.tasks import prepare_file

    long_ago = timezone.now() - timedelta(minutes=15)
    waiting = Q(state=File.State.WAITING, created_at__lt=long_ago)
    for pk in File.objects.filter(waiting).values_list("pk", flat=True)[:AT_ONCE]:
        prepare_file.enqueue(pk)


def _sweep_folder(folder: Path) -> None:
    """Bytes that no row names: a server was killed between the two."""
    if not folder.is_dir():
        return
    known = {key.rpartition("/")[2] for key in Upload.objects.filter(attachment=None).values_list("key", flat=True)}
    for path in folder.iterdir():
        if path.name not in known and path.stat().st_mtime < time.time() - 3600:
            path.unlink(missing_ok=True)
