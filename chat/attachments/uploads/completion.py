"""Makes an attachment of an upload whose bytes have all arrived."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from chat import tasks
from chat.attachments.media import content_types
from chat.attachments.media.attachment_kinds import get_attachment_kind
from chat.attachments.media.inspection import inspect_media
from chat.attachments.storage.base import get_upload_storage, storage_error
from chat.attachments.uploads.errors import UploadError
from chat.attachments.uploads.records import delete_upload
from chat.models import Attachment, File, Upload
from messenger.core.database import write_transaction


def complete_upload(upload: Upload, file_hash: Any, extend_lease: Callable[[], None]) -> None:
    """Creates a File and an Attachment from an upload whose bytes are all stored. Can be called again after a crash.

    Calls `extend_lease` between slow steps, so that no other request writes to the upload. Raises UploadError with
    status 460 if the SHA-256 of the file differs from the one that the client declared.
    """
    try:
        get_upload_storage().complete(upload)
        with get_upload_storage().open_file(upload.key) as source:
            if file_hash is None:
                file_hash = hashlib.sha256()
                for block in iter(lambda: source.read(1024 * 1024), b""):
                    file_hash.update(block)
                    extend_lease()
            extend_lease()
            source.seek(0)
            content_type = content_types.detect_content_type(source.read(content_types.HEAD_BYTES), upload.name)
            measurement, needs_processing = inspect_media(source, content_type, upload.claims)
    except Exception as error:
        raise storage_error(error) from error
    digest = file_hash.hexdigest()
    if upload.sha256 and upload.sha256 != digest:
        delete_upload(upload)
        raise UploadError(460, "invalid", _("The SHA-256 of the whole file doesn’t match; upload it again."))
    with write_transaction():
        file = File.objects.create(
            key=upload.key,
            owner_id=upload.owner_id,
            size=upload.size,
            sha256=digest,
            content_type=content_type,
            state=File.State.WAITING if needs_processing else File.State.READY,
            **measurement._asdict(),
        )
        upload.sha256 = digest
        upload.attachment = Attachment.objects.create(
            file=file,
            owner_id=upload.owner_id,
            kind=get_attachment_kind(content_type),
            name=upload.name,
            alt=Upload.objects.values_list("alt", flat=True).get(pk=upload.pk),
            created_at=timezone.now(),
        )
        upload.parts = {}
        upload.save(update_fields=["attachment", "sha256", "parts"])
        if needs_processing:
            tasks.prepare_file.enqueue(file.pk)
