"""Who may bring bytes to an upload, and until when: what was acknowledged is nobody else's to lose."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from chat.attachments import uploads
from chat.attachments.uploads import Incoming, UploadRefused
from chat.models import Upload
from tests.attachments.conftest import noise

pytestmark = pytest.mark.usefixtures("transactional_db")


def bring(person, upload, offset: int, data: bytes, checksum: tuple[str, bytes] | None = None) -> Upload:
    incoming = Incoming(person.pk, upload.pk, offset, checksum)
    try:
        incoming.take(data)
        return incoming.finish()
    finally:
        incoming.close()


def lose_the_lease(upload) -> None:
    Upload.objects.filter(pk=upload.pk).update(writer_until=timezone.now() - timedelta(seconds=1))


def test_whoever_was_told_that_a_part_is_there_may_send_the_next_at_once(alice):
    """Also where the server is killed between its answer and its next breath."""
    data = noise(3000)
    upload = uploads.begin(alice.pk, len(data), "a.bin")
    first = Incoming(alice.pk, upload.pk, 0)
    first.take(data[:1000])
    first.finish()  # and never closed: it was killed
    assert Upload.objects.get(pk=upload.pk).writer == ""
    assert bring(alice, upload, 1000, data[1000:]).attachment is not None


def test_a_request_that_ends_late_takes_nothing_from_the_one_after_it(alice):
    data = noise(4000)
    upload = uploads.begin(alice.pk, len(data), "a.bin")
    late = Incoming(alice.pk, upload.pk, 0)
    late.take(data[:1000])
    lose_the_lease(upload)
    bring(alice, upload, 0, data[:3000])
    with pytest.raises(UploadRefused) as refused:
        late.cut()
    assert refused.value.status == 423
    late.close()
    whole = bring(alice, upload, 3000, data[3000:])
    assert whole.attachment is not None
    assert whole.attachment.file.sha256 == hashlib.sha256(data).hexdigest()
    assert Path(default_storage.path(whole.attachment.file.key)).read_bytes() == data


def test_a_server_that_is_killed_at_the_very_end_is_not_waited_for(alice, monkeypatch):
    """All bytes came, and it died making a file of them: within a minute an empty last part may be sent again."""
    data = noise(1000)
    upload = uploads.begin(alice.pk, len(data), "a.bin")
    incoming = Incoming(alice.pk, upload.pk, 0)
    incoming.take(data)

    def die(*_args):
        raise SystemExit

    monkeypatch.setattr(uploads, "_complete", die)
    with pytest.raises(SystemExit):
        incoming.finish()
    monkeypatch.undo()
    row = Upload.objects.get(pk=upload.pk)
    assert row.offset == len(data)
    assert row.writer_until < timezone.now() + timedelta(seconds=60)
    lose_the_lease(upload)
    again = Incoming(alice.pk, upload.pk, len(data))
    assert again.finish().attachment is not None
    again.close()


def test_a_part_that_was_wrong_leaves_no_trace_in_the_file(alice):
    data = noise(2000)
    upload = uploads.begin(alice.pk, len(data), "a.bin")
    bring(alice, upload, 0, data[:1000])
    with pytest.raises(UploadRefused) as refused:
        bring(alice, upload, 1000, b"!" * 900, ("sha256", hashlib.sha256(b"other").digest()))
    assert refused.value.status == 460
    whole = bring(alice, upload, 1000, data[1000:]).attachment
    assert whole is not None and Path(default_storage.path(whole.file.key)).read_bytes() == data
