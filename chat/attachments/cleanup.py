"""Deletes files that no attachment uses, expired uploads and other leftovers of uploads. Background tasks call these
functions.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chat.attachments import uploads
from chat.attachments.storage.base import delete_stored_file
from chat.models import Attachment, File, Upload
from chat.selectors.legal_holds import held_conversations
from messenger.core.database import write_transaction

log = logging.getLogger(__name__)
BATCH_SIZE = 200
# Functions that return ids of attachments that are not sent yet and must be kept. Apps above chat add them in
# `AppConfig.ready`.
needed_unsent: list[Callable[[], Iterable[int]]] = []
GRACE_PERIOD = timedelta(minutes=5)  # protects a new file whose attachment is just being created


def delete_orphaned_files(older_than: timedelta = timedelta(0)) -> int:
    """Deletes files that no attachment uses, and returns how many were deleted.

    Files that were stored less than `older_than` ago are kept. One transaction deletes the bytes of a file and then its
    database row. If the server crashes in between, the row remains and the next run deletes it. A user who forwards the
    file at the same moment waits for the lock of the row and then gets an error.
    """
    count = 0
    orphaned = File.objects.filter(attachments=None, created_at__lte=timezone.now() - older_than)
    for pk in orphaned.values_list("pk", flat=True)[:BATCH_SIZE]:
        with write_transaction():
            file = File.objects.select_for_update().filter(pk=pk).first()
            if file is None or file.attachments.exists():
                continue
            for key in (file.key, *(thumbnail["key"] for thumbnail in file.thumbnails)):
                delete_stored_file(key)
            file.delete()
            count += 1
    return count


def clean_up() -> None:
    """Deletes expired uploads, files of deleted conversations, and uploaded files not sent within UNSENT_HOURS.

    If the task that processes an uploaded file was lost, it is enqueued again.
    """
    now = timezone.now()
    for upload in Upload.objects.filter(attachment=None, expires_at__lt=now)[:BATCH_SIZE]:
        uploads.delete_upload(upload)
    unsent = Attachment.objects.filter(message=None, created_at__lt=now - timedelta(hours=settings.UNSENT_HOURS))
    unsent = unsent.exclude(pk__in=[pk for list_ids in needed_unsent for pk in list_ids()])
    for upload in Upload.objects.filter(attachment__in=unsent)[:BATCH_SIZE]:
        uploads.delete_upload(upload)
    with write_transaction():
        unsent.delete()
        Upload.objects.filter(attachment__message__isnull=False, created_at__lt=now - timedelta(days=1)).delete()
        deleted_groups = Attachment.objects.filter(conversation__deleted_at__lt=now - timedelta(days=1))
        deleted_groups.exclude(conversation__in=held_conversations()).delete()
    delete_orphaned_files(GRACE_PERIOD)
    _enqueue_lost_processing()
    if not settings.STORAGE_URL:
        _delete_orphaned_partial_files(settings.DATA_DIR / "uploads")


def _enqueue_lost_processing() -> None:
    """Enqueues the processing task again for each uploaded file that has been waiting for 15 minutes to be processed.

    After this time the first task is considered lost, for example because the worker was killed.
    """
    from chat.tasks import prepare_file

    waiting = Q(state=File.State.WAITING, created_at__lt=timezone.now() - timedelta(minutes=15))
    for pk in File.objects.filter(waiting).values_list("pk", flat=True)[:BATCH_SIZE]:
        prepare_file.enqueue(pk)


def _delete_orphaned_partial_files(folder: Path) -> None:
    """Deletes partial files (with the bytes of unfinished uploads) in `folder` that have no row in the database.

    Only files older than an hour are deleted. Such a file remains if the server is killed after deleting the row of an
    upload and before deleting its bytes.
    """
    if not folder.is_dir():
        return
    used = {key.rpartition("/")[2] for key in Upload.objects.filter(attachment=None).values_list("key", flat=True)}
    for path in folder.iterdir():
        if path.name not in used and path.stat().st_mtime < time.time() - 3600:
            path.unlink(missing_ok=True)
