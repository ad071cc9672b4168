"""Requests, builds and deletes data exports: ZIP files with the data of one user.

Only the user who requested an export can download it.
"""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone

from chat import tasks
from chat.export import files
from chat.export.personal_builder import ExportBuilder
from chat.models import ConversationExport, DataExport
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import not_found


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
        files.delete_exports(DataExport.objects.filter(owner_id=user_id))
        export = DataExport.objects.create(owner_id=user_id, asked_at=timezone.now())
        tasks.build_data_export.enqueue(export.pk)
    return export


def get_ready_export(user_id: int) -> DataExport:
    """Returns the data export of the user. Raises `not_found` if there is none, or if it is unfinished, failed or
    expired.
    """
    export = files.ready_exports(DataExport).filter(owner_id=user_id).first()
    if export is None:
        raise not_found()
    return export


def delete_exports_of(user_id: int) -> None:
    """Deletes all exports that the user has requested, also those of conversations."""
    for model in (DataExport, ConversationExport):
        files.delete_exports(model._default_manager.filter(owner_id=user_id))


def build_export(export_id: int) -> None:
    """Builds the ZIP file of a data export. Only the background task calls it."""
    files.build_export(
        DataExport,
        export_id,
        lambda export, save_progress: ExportBuilder(export.owner, save_progress),
        "account/email/data_export_ready",
        reverse("own_data"),
    )


def clean_up_exports() -> None:
    """Deletes expired exports, and marks exports as failed whose worker has died."""
    for model in (DataExport, ConversationExport):
        files.clean_up(model)
