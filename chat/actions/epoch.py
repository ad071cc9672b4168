"""Begins a new epoch of the database, after it was restored from a backup."""

from __future__ import annotations

from chat.models import DatabaseEpoch
from messenger.core.database import write_transaction


def renew_epoch() -> str:
    """Begins a new epoch and returns it. Clients that connect after it read everything afresh.

    To be called after a backup was restored, before the servers start.
    """
    with write_transaction():
        return str(DatabaseEpoch.objects.create())
