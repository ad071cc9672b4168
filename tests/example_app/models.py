"""The model of the example app."""

from django.conf import settings
from django.db import models


class Notice(models.Model):
    """A message that a user is to be notified of."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    message_id = models.BigIntegerField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"Message {self.message_id} for {self.user}"
