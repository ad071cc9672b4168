"""Requests, builds and deletes data exports: ZIP files with the data of one user.

Only the user who requested an export can download it. It is deleted after RETENTION.
"""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from secrets import token_hex

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.email.notifications import send_mail_without_request
from chat import tasks
from chat.export.builder import ExportBuilder, ExportCancelled, StorageFull
from chat.models import DataExport
from messenger.background import PermanentFailure
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import not_found

log = logging.getLogger(__name__)
RETENTION = timedelta(days=7)
MAX_TRIES = 3
BUILD_TIMEOUT = timedelta(hours=12)  # after this, an unfinished export has failed: its worker is considered dead


def get_export(user_id: int) -> DataExport | None:
    return DataExport.objects.filter(owner_id=user_id).first()


def request_export(user_id: int) -> DataExport:
    """Starts a new data export of the user, which replaces the user's earlier export.

    If an export of the user is being built at this time, returns that export instead. Raises `rate_limited` if the user
    has requested too many exports.
    """
    current = get_export(user_id)
    if current and current.state == DataExport.State.BUILDING:
        return current
    rate_limits.require("archive", user_id)
    with write_transaction():
        delete_export(user_id)
        export = DataExport.objects.create(owner_id=user_id, asked_at=timezone.now())
        tasks.build_data_export.enqueue(export.pk)
    return export


def get_ready_export(user_id: int) -> DataExport:
    """Returns the data export of the user. Raises `not_found` if there is none, or if it is unfinished, failed or
    expired.
    """
    export = DataExport.objects.filter(
        owner_id=user_id, state=DataExport.State.READY, expires_at__gt=timezone.now(), owner__is_active=True
    ).first()
    if export is None:
        raise not_found()
    return export


def delete_export(user_id: int) -> None:
    """Deletes the data export of a user: its row in the current transaction, and its ZIP file after the commit."""
    for export in DataExport.objects.select_for_update().filter(owner_id=user_id):
        export.delete()
        if export.key:
            transaction.on_commit(partial(_delete_file, export.key), robust=True)


def build_export(export_id: int) -> None:
    """Builds the ZIP file of a data export. Only the background task calls it.

    Does nothing if the user has replaced or deleted the export. After an error, the task is run again. If the error
    occurs for the last time (MAX_TRIES), or if the disk is full, marks the export as failed and raises
    PermanentFailure.
    """
    export = DataExport.objects.filter(pk=export_id, state=DataExport.State.BUILDING).select_related("owner").first()
    if export is None:
        return
    DataExport.objects.filter(pk=export.pk).update(tries=export.tries + 1, done=0)
    try:
        _build_file(export)
    except ExportCancelled:
        return
    except Exception as error:
        if export.tries + 1 >= MAX_TRIES or isinstance(error, StorageFull):
            DataExport.objects.filter(pk=export.pk).update(state=DataExport.State.FAILED)
            raise PermanentFailure("the data export could not be built") from error
        raise


def _build_file(export: DataExport) -> None:
    folder = settings.DATA_DIR / "archives"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{export.pk}.zip"  # may exist from an earlier run that was killed; it is overwritten
    try:
        ExportBuilder(export.owner, partial(_save_progress, export.pk)).write(path)
        size, key = path.stat().st_size, _store_file(path)
        now = timezone.now()
        changes = {"state": DataExport.State.READY, "key": key, "size": size, "expires_at": now + RETENTION}
        with write_transaction():
            updated = DataExport.objects.filter(pk=export.pk, state=DataExport.State.BUILDING).update(**changes)
            if updated:
                send_mail_without_request(
                    export.owner, "account/email/data_export_ready", reverse("own_data"), expires_at=now + RETENTION
                )
        if not updated:  # replaced or deleted in the meantime
            _delete_file(key)
    finally:
        path.unlink(missing_ok=True)


def _save_progress(export_id: int, done: int, total: int) -> bool:
    """Saves how much of a data export has been written: `done` of `total` steps.

    Returns False if the export was replaced or deleted. In this case, the caller stops writing it.
    """
    with write_transaction():
        return bool(DataExport.objects.filter(pk=export_id).update(done=done, total=total))


def _store_file(path: Path) -> str:
    """Moves the ZIP file of a data export to the storage of uploaded files (local disk or S3).

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
        log.warning("The file of a data export was not deleted: %s", type(error).__name__)


def clean_up_exports() -> None:
    """Deletes expired data exports, and marks exports as failed that take longer than BUILD_TIMEOUT.

    The background worker that built such an export has probably died.
    """
    now = timezone.now()
    for owner_id in list(DataExport.objects.filter(expires_at__lt=now).values_list("owner_id", flat=True)):
        with write_transaction():
            delete_export(owner_id)
    unfinished = DataExport.objects.filter(state=DataExport.State.BUILDING, asked_at__lt=now - BUILD_TIMEOUT)
    unfinished.update(state=DataExport.State.FAILED)
