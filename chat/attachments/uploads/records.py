"""Reads, changes and deletes uploads and the attachments that they became."""

from __future__ import annotations

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from chat import tasks
from chat.attachments.storage.base import get_upload_storage, storage_error
from chat.attachments.uploads.creation import clean_alt_text
from chat.attachments.uploads.errors import UploadError
from chat.models import Attachment, Upload
from messenger.core.database import write_transaction
from messenger.core.errors import not_found


def get_upload(user_id: int, upload_id: str) -> Upload:
    """Returns an upload of the user `user_id`.

    Raises `not_found` if there is no such upload, or if it belongs to another user.
    """
    upload = Upload.objects.filter(pk=upload_id, owner_id=user_id).select_related("attachment__file").first()
    if upload is None:
        raise not_found()
    return upload


def cancel_upload(user_id: int, upload_id: str) -> None:
    """Deletes an upload with its bytes.

    Raises UploadError with status 410 if the uploaded file was already sent, because it belongs to a message then.
    """
    upload = get_upload(user_id, upload_id)
    if upload.attachment is not None and upload.attachment.message_id is not None:
        raise UploadError(410, "conflict", _("This file was already sent."))
    delete_upload(upload)


def delete_upload(upload: Upload) -> None:
    """Deletes an upload: first its database row and its unsent attachment, then its bytes in the storage.

    If the server crashes in between, a cleanup task deletes the remaining bytes later.
    """
    with write_transaction():
        locked_upload = Upload.objects.select_for_update().filter(pk=upload.pk).select_related(None).first()
        if locked_upload is None:
            return
        attachment_id = locked_upload.attachment_id
        locked_upload.delete()
        if attachment_id:
            Attachment.objects.filter(pk=attachment_id, message=None).delete()
    try:
        get_upload_storage().discard(upload)
    except Exception as error:
        storage_error(error)  # only to write it to the log
    tasks.delete_orphaned_files.enqueue()


def set_alt_text(user_id: int, upload_id: str, alt: str) -> Upload:
    """Sets the alternative text (description of the image) of an upload.

    Raises UploadError with status 409 if the uploaded file was already sent in a message.
    """
    with write_transaction():
        upload = get_upload(user_id, upload_id)
        if upload.attachment is not None and upload.attachment.message_id is not None:
            raise UploadError(409, "conflict", _("This file was already sent."))
        upload.alt = clean_alt_text(alt)
        upload.save(update_fields=["alt"])
        if upload.attachment is not None:
            upload.attachment.alt = upload.alt
            upload.attachment.save(update_fields=["alt"])
        return upload


def set_expected_sha256(user_id: int, upload_id: str, sha256: str) -> None:
    """Sets the SHA-256 that the complete file of an upload must have.

    The client may send it with any part of the file, even with the last one.
    """
    Upload.objects.filter(pk=upload_id, owner_id=user_id, attachment=None).update(sha256=sha256)


def list_owned_attachments(user_id: int) -> QuerySet[Attachment]:
    """Returns all attachments whose files the user has uploaded, oldest first. The files are loaded with them."""
    return (
        Attachment.objects.filter(file__owner_id=user_id, owner_id=F("file__owner_id"))
        .select_related("file")
        .order_by("pk")
    )
