"""Adds entries to the audit log and seals them (adds them to the chain)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import models, transaction
from django.utils import timezone

from audit import chain
from audit.acts import ACTS
from audit.models import AuditEntry, ChainHead
from messenger.core.client_ip import get_current_ip
from messenger.core.database import write_transaction
from messenger.core.timestamps import format_timestamp

_ADMIN_ACTIONS = {ADDITION: "admin.add", CHANGE: "admin.change", DELETION: "admin.delete"}


def record(
    action: str,
    actor_id: int | None,
    target: models.Model | None = None,
    *,
    conversation_id: int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Adds an entry to the audit log in the current transaction. `action` is a name from `audit.acts`.

    `actor_id` is the user who acts, or None for the site itself. `before` and `after` hold the changed values by field
    name, as JSON values. Pass no names of users: entries stay when an account is deleted.
    """
    assert action in ACTS, action
    AuditEntry.objects.create(
        created_at=timezone.now(),
        actor_id=actor_id,
        address=get_current_ip(),
        action=action,
        target_type=target._meta.label_lower if target else "",
        target_id=str(target.pk) if target else "",
        conversation_id=conversation_id,
        before=before or {},
        after=after or {},
        reason=reason,
    )
    transaction.on_commit(seal, robust=True)


def record_admin_log_entry(sender: type[LogEntry], instance: LogEntry, created: bool, **_kwargs: Any) -> None:
    """Copies an entry of Django's admin log, which the forms of the admin write. It can be changed, the copy cannot.

    The names of changed fields are kept, but not the text of the entry, which contains names of users.
    """
    if created:
        changed = [name for part in _change_messages(instance) for name in part.get("changed", {}).get("fields", ())]
        content_type = instance.content_type
        AuditEntry.objects.create(
            created_at=instance.action_time,
            actor_id=instance.user_id,
            address=get_current_ip(),
            action=_ADMIN_ACTIONS[instance.action_flag],
            target_type=f"{content_type.app_label}.{content_type.model}" if content_type else "",
            target_id=instance.object_id or "",
            after={"fields": changed} if changed else {},
        )
        transaction.on_commit(seal, robust=True)


def _change_messages(entry: LogEntry) -> list[dict[str, Any]]:
    try:
        parts = json.loads(entry.change_message)
    except ValueError:
        return []
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def seal() -> int:
    """Adds all committed entries that are not in the chain yet to its end. Returns how many.

    Each action calls it after its commit, and a periodic task calls it for entries of processes that were killed.
    """
    if not AuditEntry.objects.filter(number=None).exists():
        return 0
    with write_transaction():
        ChainHead.objects.get_or_create(pk=1)
        head = ChainHead.objects.select_for_update().get(pk=1)
        entries = list(AuditEntry.objects.filter(number=None).order_by("pk"))
        for entry in entries:
            head.number += 1
            head.digest = entry.digest = chain.compute_digest(head.digest, head.number, entry)
            entry.number = head.number
            models.QuerySet.update(
                AuditEntry.objects.filter(pk=entry.pk, number=None), number=entry.number, digest=entry.digest
            )
        head.save(update_fields=["number", "digest"])
    return len(entries)


def publish_head() -> chain.Head | None:
    """Appends the newest number and digest of the chain to the file AUDIT_HEADS, unless the file has them already."""
    seal()
    head = ChainHead.objects.first()
    if not settings.AUDIT_HEADS or head is None or head.number == head.published_number:
        return None
    published = chain.Head(head.number, head.digest, format_timestamp(timezone.now()))
    path = Path(settings.AUDIT_HEADS)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with open(descriptor, "a", encoding="utf-8") as file:
        file.write(chain.format_head(published) + "\n")
        file.flush()
        os.fsync(file.fileno())
    ChainHead.objects.filter(pk=head.pk).update(published_number=head.number)
    return published
