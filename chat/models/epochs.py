"""Model of the epoch of the database."""

from __future__ import annotations

import uuid

from django.db import models


class DatabaseEpoch(models.Model):
    """An epoch begins when the database is created, and when it is restored from a backup. The newest row is current.

    Versions of conversations of two epochs cannot be compared: after a restore, numbers that clients know are used
    again for other changes. So clients compare the epoch of `welcome`, and read everything afresh if it has changed.
    """

    value = models.UUIDField(default=uuid.uuid4, unique=True)
    began_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.value)
