"""Tests of the lease of an upload (a lock that expires): only one request at a time can write bytes to the upload.

Bytes that the server has acknowledged are never lost.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from chat.attachments import uploads
from chat.attachments.uploads import IncomingPart, UploadError, receiving
from chat.models import Upload
from tests.attachments.conftest import make_bytes

pytestmark = pytest.mark.usefixtures("transactional_db")


def send_part(user, upload, offset: int, data: bytes, checksum: tuple[str, bytes] | None = None) -> Upload:
    incoming = IncomingPart(user.pk, upload.pk, offset, checksum)
    try:
        incoming.write(data)
        return incoming.finish()
    finally:
        incoming.close()


def expire_lease(upload) -> None:
    Upload.objects.filter(pk=upload.pk).update(writer_until=timezone.now() - timedelta(seconds=1))


def test_the_next_part_may_follow_at_once_after_an_acknowledged_one(alice):
    """The lease of an upload (a lock that expires) is released before the server acknowledges a part of the file.

    So the client can send the next part at once, even if the server is killed right after the acknowledgement.
    """
    data = make_bytes(3000)
    upload = uploads.create_upload(alice.pk, len(data), "a.bin")
    first = IncomingPart(alice.pk, upload.pk, 0)
    first.write(data[:1000])
    first.finish()  # no `close` follows, as if the server was killed
    assert Upload.objects.get(pk=upload.pk).writer == ""
    assert send_part(alice, upload, 1000, data[1000:]).attachment is not None


def test_a_request_with_an_expired_lease_does_not_damage_its_successor(alice):
    data = make_bytes(4000)
    upload = uploads.create_upload(alice.pk, len(data), "a.bin")
    late = IncomingPart(alice.pk, upload.pk, 0)
    late.write(data[:1000])
    expire_lease(upload)
    send_part(alice, upload, 0, data[:3000])
    with pytest.raises(UploadError) as error:
        late.commit_partial()
    assert error.value.status == 423
    late.close()
    completed = send_part(alice, upload, 3000, data[3000:])
    assert completed.attachment is not None
    assert completed.attachment.file.sha256 == hashlib.sha256(data).hexdigest()
    assert Path(default_storage.path(completed.attachment.file.key)).read_bytes() == data


def test_an_upload_can_be_completed_soon_after_a_crash_at_its_end(alice, monkeypatch):
    """If the server crashes while it completes an upload, the upload's lease (a lock that expires) ends within a
    minute.

    After that, the client completes the upload with a request without bytes.
    """
    data = make_bytes(1000)
    upload = uploads.create_upload(alice.pk, len(data), "a.bin")
    incoming = IncomingPart(alice.pk, upload.pk, 0)
    incoming.write(data)

    def fail(*_args):
        raise SystemExit

    monkeypatch.setattr(receiving, "complete_upload", fail)
    with pytest.raises(SystemExit):
        incoming.finish()
    monkeypatch.undo()
    row = Upload.objects.get(pk=upload.pk)
    assert row.offset == len(data)
    assert row.writer_until < timezone.now() + timedelta(seconds=60)
    expire_lease(upload)
    again = IncomingPart(alice.pk, upload.pk, len(data))
    assert again.finish().attachment is not None
    again.close()


def test_a_part_with_a_wrong_checksum_leaves_no_bytes(alice):
    data = make_bytes(2000)
    upload = uploads.create_upload(alice.pk, len(data), "a.bin")
    send_part(alice, upload, 0, data[:1000])
    with pytest.raises(UploadError) as error:
        send_part(alice, upload, 1000, b"!" * 900, ("sha256", hashlib.sha256(b"other").digest()))
    assert error.value.status == 460
    completed = send_part(alice, upload, 1000, data[1000:]).attachment
    assert completed is not None and Path(default_storage.path(completed.file.key)).read_bytes() == data
