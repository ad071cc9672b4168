"""Asking for one's archive, and what becomes of it. Nobody but its owner sees it; after some days it is gone."""

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
from django.utils import timezone

from chat import tasks
from chat.export.builder import Builder, NobodyWaits, NoRoom
from chat.models import Archive
from messenger.background import GiveUp
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import not_found, rate_limited

log = logging.getLogger(__name__)
KEPT = timedelta(days=7)
TRIES = 3
LOST = timedelta(hours=12)  # nobody is building any more
ASKS, ASKS_PER_SECOND = 3, 3 / 86400  # of one person: it reads all that they can read


def of(user_id: int) -> Archive | None:
    return Archive.objects.filter(owner_id=user_id).first()


def ask(user_id: int) -> Archive:
    """Build it, anew where there is one. While one is being built, that one is the answer."""
    going_on = of(user_id)
    if going_on and going_on.state == Archive.State.BUILDING:
        return going_on
    if wait := rate_limits.acquire(f"archive.{user_id}", ASKS, ASKS_PER_SECOND):
        raise rate_limited(wait)
    with write_transaction():
        drop_of(user_id)
        archive = Archive.objects.create(owner_id=user_id, asked_at=timezone.now())
        tasks.build_archive.enqueue(archive.pk)
    return archive


def ready(user_id: int) -> Archive:
    archive = Archive.objects.filter(
        owner_id=user_id, state=Archive.State.READY, expires_at__gt=timezone.now(), owner__is_active=True
    ).first()
    if archive is None:
        raise not_found()
    return archive


def drop_of(user_id: int) -> None:
    """The row goes with the transaction under way, and then the bytes."""
    for archive in Archive.objects.select_for_update().filter(owner_id=user_id):
        archive.delete()
        if archive.key:
            transaction.on_commit(partial(_remove, archive.key), robust=True)


def build(archive_id: int) -> None:
    """The worker's part. Harmless where it was asked for anew meanwhile: the row is another then, or gone."""
    archive = Archive.objects.filter(pk=archive_id, state=Archive.State.BUILDING).select_related("owner").first()
    if archive is None:
        return
    Archive.objects.filter(pk=archive.pk).update(tries=archive.tries + 1, done=0)
    try:
        _build(archive)
    except NobodyWaits:
        return
    except Exception as error:
        if archive.tries + 1 >= TRIES or isinstance(error, NoRoom):
            Archive.objects.filter(pk=archive.pk).update(state=Archive.State.FAILED)
            raise GiveUp("the archive could not be built") from error
        raise


def _build(archive: Archive) -> None:
    folder = settings.DATA_DIR / "archives"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{archive.pk}.zip"  # of a try that was killed too: it is written from the beginning
    try:
        Builder(archive.owner, partial(_note, archive.pk)).write(path)
        size, key = path.stat().st_size, _keep(path)
        now = timezone.now()
        changes = {"state": Archive.State.READY, "key": key, "size": size, "expires_at": now + KEPT}
        with write_transaction():
            kept = Archive.objects.filter(pk=archive.pk, state=Archive.State.BUILDING).update(**changes)
        if not kept:
            _remove(key)
    finally:
        path.unlink(missing_ok=True)


def _note(archive_id: int, done: int, total: int) -> bool:
    """How far it is. False: nobody waits for it any more."""
    with write_transaction():
        return bool(Archive.objects.filter(pk=archive_id).update(done=done, total=total))


def _keep(path: Path) -> str:
    """Under a name that nobody guesses, where the other files are."""
    key = f"archives/{token_hex(24)}.zip"
    if settings.STORAGE_URL:
        with path.open("rb") as source:
            return default_storage.save(key, File(source))
    there = Path(default_storage.path(key))
    there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.replace(path, there)
    return key


def _remove(key: str) -> None:
    try:
        default_storage.delete(key)
    except Exception as error:
        log.warning("An archive was not removed: %s", type(error).__name__)


def sweep() -> None:
    """Those whose days are over, and those whose worker never came back."""
    now = timezone.now()
    for owner_id in list(Archive.objects.filter(expires_at__lt=now).values_list("owner_id", flat=True)):
        with write_transaction():
            drop_of(owner_id)
    lost = Archive.objects.filter(state=Archive.State.BUILDING, asked_at__lt=now - LOST)
    lost.update(state=Archive.State.FAILED)
