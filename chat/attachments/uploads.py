"""Uploads: beginning one, taking in its bytes, making a file of it, giving it up. Doors: tus.py, receiver.py, forms.

A part that comes with a checksum counts when it is whole and right; without one, every byte that was kept counts.
The row's offset moves only after the bytes are safe, so it is true after any accident.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import timedelta
from math import isfinite
from secrets import token_hex
from threading import Lock
from typing import Any

from django.conf import settings
from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from chat import tasks
from chat.attachments import filenames
from chat.attachments.media import content_types
from chat.attachments.media.dimensions import measures
from chat.attachments.media.mp4_metadata import tells
from chat.attachments.storage.base import no_room, shelf
from chat.models import Attachment, Conversation, File, Upload
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError, invalid, not_found, rate_limited

CHECKSUMS = ("sha1", "sha256")
BLOCK = 8 * 1024 * 1024  # bytes after which what came without a checksum is kept: as much may have to come again
LEASE = 5.0  # seconds for which a request that brings bytes keeps others off
RENEW = 2.0
FINISHING = 40.0  # seconds for a step that no bytes renew: longer than a bucket is given to answer
ALT = 500  # code points
BEGINS, BEGINS_PER_SECOND = 60, 1.0


class UploadRefused(ApplicationError):
    """With a status of its own, as tus has them: 410, 412, 423, 460."""

    def __init__(self, status: int, code: str, detail: str):
        super().__init__(code, detail)
        self._status = status

    @property
    def status(self) -> int:
        return self._status


# ── Beginning ────────────────────────────────────────────────────────────────────────────────────────────────────
def begin(user_id: int, size: int, name: str, **about: Any) -> Upload:
    """`about`: alt, sha256 of the whole, conversation_id it is for, claims. Refuses what can never be kept."""
    if wait := rate_limits.acquire(f"upload.{user_id}", BEGINS, BEGINS_PER_SECOND):
        raise rate_limited(wait)
    if size > settings.FILE_LIMIT:
        raise ApplicationError("too_large", _("A file may have at most %s.") % megabytes(settings.FILE_LIMIT))
    if conversation_id := about.get("conversation_id"):
        conversation = Conversation.objects.visible_to(user_id).filter(pk=conversation_id).first()
        if conversation is None:
            raise not_found()
        check_conversation(conversation.file_bytes, size)
    sha256 = about.get("sha256", "").lower()
    if sha256 and not (len(sha256) == 64 and set(sha256) <= set("0123456789abcdef")):
        raise invalid(sha256=_("This is no SHA-256."))
    try:
        shelf().make_room(size)
    except Exception as error:
        raise no_room(error) from error
    with write_transaction():
        going_on = Upload.objects.filter(owner_id=user_id)
        waiting = going_on.filter(attachment=None).aggregate(total=Sum("size"))["total"] or 0
        kept = File.objects.filter(owner_id=user_id).aggregate(total=Sum("size"))["total"] or 0
        if kept + waiting + size > settings.PERSON_FILES_LIMIT:
            words = _("Your files may have at most %s together.") % megabytes(settings.PERSON_FILES_LIMIT)
            raise ApplicationError("too_large", words)
        if going_on.filter(Q(attachment=None) | Q(attachment__message=None)).count() >= settings.UPLOADS_AT_ONCE:
            raise rate_limited(60)
        return Upload.objects.create(
            owner_id=user_id,
            name=filenames.clean(name),
            alt=clean_alt(about.get("alt", "")),
            size=size,
            sha256=sha256,
            claims={name: value for name, value in about.get("claims", {}).items() if value and isfinite(value)},
            key=new_key(),
            expires_at=_expiry(),
        )


def check_conversation(held: int, more: int) -> None:
    if held + more > settings.CONVERSATION_FILES_LIMIT:
        words = _("The files of a conversation may have at most %s together.")
        raise ApplicationError("too_large", words % megabytes(settings.CONVERSATION_FILES_LIMIT))


def new_key(extension: str = "") -> str:
    name = token_hex(16)
    return f"files/{name[:2]}/{name}{extension}"


def megabytes(count: int) -> str:
    return f"{count // 1024**3} GB" if count >= 1024**3 and count % 1024**3 == 0 else f"{max(count // 1024**2, 1)} MB"


def clean_alt(text: str) -> str:
    """One line; of what is too long the beginning."""
    return " ".join(text.replace("\x00", "").encode("utf-8", "ignore").decode().split())[:ALT]


def _expiry():
    return timezone.now() + timedelta(hours=settings.UPLOAD_HOURS)


def look(user_id: int, upload_id: str) -> Upload:
    """One's own. Everybody else's is not there."""
    row = Upload.objects.filter(pk=upload_id, owner_id=user_id).select_related("attachment__file").first()
    if row is None:
        raise not_found()
    return row


def give_up(user_id: int, upload_id: str) -> None:
    """Nothing of it is left. What was sent belongs to its message, and stays."""
    row = look(user_id, upload_id)
    if row.attachment is not None and row.attachment.message_id is not None:
        raise UploadRefused(410, "conflict", _("This file was sent already."))
    drop(row)


def drop(row: Upload) -> None:
    """The rows first: bytes that no row names are harmless, and swept with their folder."""
    with write_transaction():
        locked = Upload.objects.select_for_update().filter(pk=row.pk).select_related(None).first()
        if locked is None:
            return
        attachment_id = locked.attachment_id
        locked.delete()
        if attachment_id:
            Attachment.objects.filter(pk=attachment_id, message=None).delete()
    try:
        shelf().give_up(row)
    except Exception as error:
        no_room(error)  # said in the log
    tasks.bury_files.enqueue()


def describe(user_id: int, upload_id: str, alt: str) -> Upload:
    """Alternative text, while it is not sent."""
    with write_transaction():
        row = look(user_id, upload_id)
        if row.attachment is not None and row.attachment.message_id is not None:
            raise UploadRefused(409, "conflict", _("This file was sent already."))
        row.alt = clean_alt(alt)
        row.save(update_fields=["alt"])
        if row.attachment is not None:
            row.attachment.alt = row.alt
            row.attachment.save(update_fields=["alt"])
        return row


# ── Taking in ────────────────────────────────────────────────────────────────────────────────────────────────────
_hashes: OrderedDict[str, tuple[int, Any]] = OrderedDict()  # upload id: bytes so far, and their running SHA-256
_hashes_lock = Lock()
HASHES = 200


class Incoming:
    """One request that brings bytes. From threads; one at a time."""

    def __init__(self, user_id: int, upload_id: str, offset: int, checksum: tuple[str, bytes] | None = None):
        """Raises not_found, 409 where the offset is another, 423 where another request is at it."""
        self._token = token_hex(8)
        now = timezone.now()
        mine = Upload.objects.filter(pk=upload_id, owner_id=user_id)
        free = mine.filter(Q(writer="") | Q(writer_until__lt=now), offset=offset, attachment=None)
        with write_transaction():
            got = free.update(writer=self._token, writer_until=now + timedelta(seconds=LEASE))
        self.upload = look(user_id, upload_id)
        if not got:
            if self.upload.offset != offset:
                raise UploadRefused(409, "conflict", _("The upload stands at byte %d.") % self.upload.offset)
            if self.upload.attachment_id is None:
                raise locked()
            self._writer = None  # all there already: an empty part changes nothing
            return
        self._until = time.monotonic() + LEASE
        self._checksum = checksum
        self._part = hashlib.new(checksum[0]) if checksum else None
        self._came = 0  # bytes that are written and not kept
        self._whole = _running_hash(self.upload)
        try:
            self._writer = shelf().open(self.upload)
        except Exception as error:
            self._release()
            raise no_room(error) from error

    def take(self, data: bytes) -> None:
        if self._writer is None or self.upload.offset + self._came + len(data) > self.upload.size:
            raise ApplicationError("too_large", _("These are more bytes than were declared."))
        if time.monotonic() > self._until - (LEASE - RENEW):
            self._renew()
        if self._part is not None:
            self._part.update(data)
        if self._whole is not None:
            self._whole.update(data)
        try:
            self._writer.write(data)
        except Exception as error:
            raise no_room(error) from error
        self._came += len(data)
        if self._part is None and self._came >= BLOCK:
            self._keep()

    def finish(self) -> Upload:
        """All of the request is here. The last one makes a file of it."""
        if self._writer is None:
            return self.upload
        if self._checksum and self._part and not hmac.compare_digest(self._part.digest(), self._checksum[1]):
            raise UploadRefused(460, "invalid", _("The checksum does not fit; send this part again."))
        whole = self.upload.offset + self._came == self.upload.size
        if not whole:
            self._end()
            return self.upload
        if self._came:
            self._keep()
        self._finishing()
        _complete(self.upload, self._whole, self._finishing)
        return self.upload

    def _finishing(self) -> None:
        """Closing a file in a bucket and reading a large one back takes longer than bytes do, and no bytes renew the
        lease; yet a killed server must not leave one that nobody waits for.
        """
        if time.monotonic() > self._until - FINISHING + RENEW:
            self._renew(seconds=FINISHING)

    def _end(self) -> None:
        """What came is kept, and whoever hears so may send on at once, were this server killed a moment later.

        The lease goes with the same change of the row, so nothing of ours may touch the file after it.
        """
        assert self._writer is not None
        if self._came:
            self._sync()
        writer, self._writer = self._writer, None
        writer.close()
        self.upload.offset += self._came
        self._came = 0
        if self._whole is not None:
            _keep_hash(self.upload, self._whole)
        self._renew(offset=self.upload.offset, parts=self.upload.parts, expires_at=_expiry(), writer="")

    def cut(self) -> None:
        """The line broke. Without a checksum, what came counts."""
        if self._writer is not None and self._part is None and self._came:
            self._keep()

    def close(self) -> None:
        if self._writer is None:
            return
        try:
            self._writer.close()
        finally:
            if not self._came and self._whole is not None and self.upload.attachment_id is None:
                _keep_hash(self.upload, self._whole)
            self._release()

    def _sync(self) -> None:
        assert self._writer is not None
        if self._writer.slow:
            self._renew(seconds=FINISHING)
        try:
            self._writer.keep()
        except Exception as error:
            raise no_room(error) from error

    def _keep(self) -> None:
        self._sync()
        self.upload.offset += self._came
        self._came = 0
        self._renew(offset=self.upload.offset, parts=self.upload.parts, expires_at=_expiry())

    def _renew(self, seconds: float = LEASE, **fields: Any) -> None:
        until = timezone.now() + timedelta(seconds=seconds)
        with write_transaction():
            held = Upload.objects.filter(pk=self.upload.pk, writer=self._token).update(writer_until=until, **fields)
        if not held:
            raise locked()
        self._until = time.monotonic() + seconds

    def _release(self) -> None:
        with write_transaction():
            Upload.objects.filter(pk=self.upload.pk, writer=self._token).update(writer="", writer_until=None)


def locked() -> UploadRefused:
    return UploadRefused(423, "conflict", _("Another request is sending to this upload."))


def _running_hash(upload: Upload) -> Any:
    """The SHA-256 of what is there, where this process has seen all of it; None where it has to be read again."""
    if upload.offset == 0:
        return hashlib.sha256()
    with _hashes_lock:
        offset, running = _hashes.pop(upload.pk, (0, None))
    return running if offset == upload.offset else None


def _keep_hash(upload: Upload, running: Any) -> None:
    with _hashes_lock:
        _hashes[upload.pk] = upload.offset, running
        while len(_hashes) > HASHES:
            _hashes.popitem(last=False)


# ── Whole ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _complete(upload: Upload, running: Any, breathe: Callable[[], None]) -> None:
    """All bytes are there: a file, and an attachment that waits for its message. Safe to repeat after a crash.

    `breathe` is called between its steps.
    """
    try:
        shelf().finish(upload)
        with shelf().read(upload.key) as source:
            if running is None:
                running = hashlib.sha256()
                for block in iter(lambda: source.read(1024 * 1024), b""):
                    running.update(block)
                    breathe()
            breathe()
            source.seek(0)
            content_type = content_types.content_type(source.read(content_types.HEAD), upload.name)
            found = measures(source, content_type, upload.claims)
            waits = content_type in content_types.PICTURES or (content_type in content_types.BOXED and tells(source))
    except Exception as error:
        raise no_room(error) from error
    digest = running.hexdigest()
    if upload.sha256 and upload.sha256 != digest:
        drop(upload)
        raise UploadRefused(460, "invalid", _("The SHA-256 of the whole does not fit; begin again."))
    with write_transaction():
        file = File.objects.create(
            key=upload.key,
            owner_id=upload.owner_id,
            size=upload.size,
            sha256=digest,
            content_type=content_type,
            state=File.State.WAITING if waits else File.State.READY,
            **found._asdict(),
        )
        upload.sha256 = digest
        upload.attachment = Attachment.objects.create(
            file=file,
            owner_id=upload.owner_id,
            kind=content_types.kind_of(content_type),
            name=upload.name,
            alt=Upload.objects.values_list("alt", flat=True).get(pk=upload.pk),
            created_at=timezone.now(),
        )
        upload.parts = {}
        upload.save(update_fields=["attachment", "sha256", "parts"])
        if waits:
            tasks.prepare_file.enqueue(file.pk)


def declare(user_id: int, upload_id: str, sha256: str) -> None:
    """What the whole has to be, said with the last part."""
    Upload.objects.filter(pk=upload_id, owner_id=user_id, attachment=None).update(sha256=sha256)


def take_nothing(upload: Upload) -> Upload:
    """A file of no bytes is whole as soon as it is begun."""
    incoming = Incoming(upload.owner_id, upload.pk, 0)
    try:
        return incoming.finish()
    finally:
        incoming.close()


def store_whole(user_id: int, name: str, size: int, blocks: Iterable[bytes]) -> Attachment:
    """A file that came with a form, in one go."""
    upload = begin(user_id, size, name)
    try:
        incoming = Incoming(user_id, upload.pk, 0)
        try:
            for block in blocks:
                incoming.take(block)
            incoming.finish()
        finally:
            incoming.close()
        assert incoming.upload.attachment is not None
    except Exception:
        drop(upload)
        raise
    return incoming.upload.attachment


def of_owner(user_id: int):
    """Kept files of a person, for their data download: (file, attachment) as attachments, oldest first."""
    return (
        Attachment.objects.filter(file__owner_id=user_id, owner_id=F("file__owner_id"))
        .select_related("file")
        .order_by("pk")
    )
