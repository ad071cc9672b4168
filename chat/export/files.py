"""Builds, stores and deletes the ZIP files of exports of both kinds. The row of an export has its state.

An export is deleted after RETENTION.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.utils import timezone

from accounts.email.notifications import send_mail_without_request
from chat.export.archive import AccessEnded, ArchiveBuilder, ExportCancelled, StorageFull
from chat.models import Export
from messenger.background import PermanentFailure
from messenger.core.database import write_transaction

log = logging.getLogger(__name__)
RETENTION = timedelta(days=7)
MAX_TRIES = 3
BUILD_TIMEOUT = timedelta(hours=12)  # after this, an unfinished export has failed: its worker is considered dead

ExportType = TypeVar("ExportType", bound=Export)
# Returns the builder of an export. The second argument is called with the progress (see `ArchiveBuilder`).
MakeBuilder = Callable[[Export, Callable[[int, int], bool]], ArchiveBuilder]


def ready_exports(model: type[ExportType]) -> models.QuerySet[ExportType]:
    """Returns the exports that can be downloaded."""
    # The field `owner` is not in the base class, so the condition has no types.
    conditions: dict[str, Any] = {
        "state": Export.State.READY,
        "expires_at__gt": timezone.now(),
        "owner__is_active": True,
    }
    return model._default_manager.filter(**conditions)


def delete_exports(exports: models.QuerySet) -> None:
    """Deletes exports: their rows in the current transaction, and their ZIP files after the commit."""
    for export in exports.select_for_update():
        export.delete()
        if export.key:
            transaction.on_commit(partial(_delete_file, export.key), robust=True)


def build_export(model: type[Export], export_id: int, make_builder: MakeBuilder, template: str, path: str) -> None:
    """Builds the ZIP file of an export, and then sends its owner a mail. Only background tasks call it.

    `template` is the name of the mail, and `path` that of the page with the download. Does nothing if the user has
    replaced or deleted the export. After an error, the task is run again. If the error occurs for the last time
    (MAX_TRIES), if the disk is full, or if the user may not have the export any more, marks the export as failed and
    raises PermanentFailure.
    """
    rows = model._default_manager
    export = rows.filter(pk=export_id, state=Export.State.BUILDING).first()
    if export is None:
        return
    rows.filter(pk=export.pk).update(tries=export.tries + 1, done=0)
    try:
        _build_file(export, make_builder, template, path)
    except ExportCancelled:
        return
    except Exception as error:
        if export.tries + 1 >= MAX_TRIES or isinstance(error, (StorageFull, AccessEnded)):
            rows.filter(pk=export.pk).update(state=Export.State.FAILED)
            raise PermanentFailure("the export could not be built") from error
        raise


def _build_file(export: Export, make_builder: MakeBuilder, template: str, path: str) -> None:
    folder = settings.DATA_DIR / "archives"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # It may exist from an earlier run that was killed; it is overwritten.
    file = folder / f"{export._meta.model_name}-{export.pk}.zip"
    try:
        make_builder(export, partial(_save_progress, export)).write(file)
        size, key = file.stat().st_size, _store_file(file)
        if not _mark_ready(export, size, key, timezone.now() + RETENTION, template, path):
            _delete_file(key)
    finally:
        file.unlink(missing_ok=True)


def _mark_ready(export: Export, size: int, key: str, expires_at: datetime, template: str, path: str) -> bool:
    """Stores that an export is ready, and queues the mail. Returns False if it was replaced or deleted meanwhile."""
    building = type(export)._default_manager.filter(pk=export.pk, state=Export.State.BUILDING)
    with write_transaction():
        if not building.update(state=Export.State.READY, key=key, size=size, expires_at=expires_at):
            return False
        send_mail_without_request(export.owner, template, path, expires_at=expires_at)
    return True


def _save_progress(export: Export, done: int, total: int) -> bool:
    """Saves how much of an export has been written: `done` of `total` steps.

    Returns False if the export was replaced or deleted. In this case, the caller stops writing it.
    """
    with write_transaction():
        return bool(type(export)._default_manager.filter(pk=export.pk).update(done=done, total=total))


def _store_file(path: Path) -> str:
    """Moves the ZIP file of an export to the storage of uploaded files (local disk or S3).

    Returns the new name of the file, which is random and cannot be guessed.
    """
    key = f"archives/{token_hex(24)}.zip"
    if settings.STORAGE_URL:
        with path.open("rb") as source:
            return default_storage.save(key, File(source))
    target = Path(default_storage.path(key))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.replace(path, target)
    return key


def _delete_file(key: str) -> None:
    try:
        default_storage.delete(key)
    except Exception as error:
        log.warning("The file of an export was not deleted: %s", type(error).__name__)


def clean_up(model: type[Export]) -> None:
    """Deletes expired exports, and marks exports as failed that take longer than BUILD_TIMEOUT.

    The background worker that built such an export has probably died.
    """
    now, rows = timezone.now(), model._default_manager
    for pk in list(rows.filter(expires_at__lt=now).values_list("pk", flat=True)):
        with write_transaction():
            delete_exports(rows.filter(pk=pk))
    rows.filter(state=Export.State.BUILDING, asked_at__lt=now - BUILD_TIMEOUT).update(state=Export.State.FAILED)
