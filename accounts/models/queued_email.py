"""E-mails that wait to be sent."""

from django.db import models


class QueuedMail(models.Model):
    """An e-mail in the queue of accounts/email/backends.py.

    It may contain a link that gives access to an account. So it is deleted after sending and shown nowhere.
    """

    sender = models.CharField(max_length=320)
    recipients = models.JSONField()
    raw = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
