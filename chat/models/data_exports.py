"""Model of the export of a user's personal data."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class DataExport(models.Model):
    """The export of a user's personal data as a file, at most one per user. See chat/export.

    An export is either being built, or ready for download until `expires_at`, or failed.
    """

    class State(models.TextChoices):
        BUILDING = "building"
        READY = "ready"
        FAILED = "failed"

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.BUILDING)
    asked_at = models.DateTimeField()
    tries = models.IntegerField(default=0)
    done = models.BigIntegerField(default=0)  # messages and files so far, of `total`
    total = models.BigIntegerField(default=0)
    key = models.CharField(max_length=200, blank=True)  # name of the file in the storage, once the export is ready
    size = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.owner_id}: {self.state}"

    @property
    def percent(self) -> int:
        return min(100 * self.done // self.total, 99) if self.total else 0
