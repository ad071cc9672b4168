"""Model of e-mails that wait to be sent."""

from django.db import models


class QueuedMail(models.Model):
    """An e-mail that waits until a background task sends it (accounts/email/backends.py).

    It may contain a link that gives access to an account. So it is deleted after sending, and no page shows it.
    """

    sender = models.CharField(max_length=320)
    recipients = models.JSONField()
    raw = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
