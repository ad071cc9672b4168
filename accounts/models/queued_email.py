"""Mail that waits to go out."""

from django.db import models


class QueuedMail(models.Model):
    """See accounts/email/backend.py. It may hold a link that opens an account, so it is deleted as it is sent, and shown
    nowhere."""

    sender = models.CharField(max_length=320)
    recipients = models.JSONField()
    raw = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
