"""Models of files: `Upload` (being uploaded), `File` (completely uploaded), `Attachment` (a file in a message)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


def generate_upload_id() -> str:
    """Returns a random id of 192 bits for a new upload.

    Other users must not be able to guess the id, because it is part of the URL of the upload.
    """
    return secrets.token_urlsafe(24)


class File(models.Model):
    """A completely uploaded file in the storage.

    Several attachments (files in messages) can use the same file, for example after a message is forwarded. A file that
    no attachment uses is deleted.
    """

    class State(models.TextChoices):
        WAITING = "waiting"  # an image or video that cannot be downloaded yet, because it still has its metadata
        READY = "ready"

    key = models.CharField(max_length=200, unique=True)  # name in the storage
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="files")
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    content_type = models.CharField(max_length=100)  # detected from the content
    state = models.CharField(max_length=7, choices=State, default=State.READY)
    width = models.IntegerField(null=True)  # pixels, as displayed (after rotation)
    height = models.IntegerField(null=True)
    duration = models.FloatField(null=True)  # seconds
    thumbnails = models.JSONField(default=list)  # [{"key", "width", "height"}], smallest first
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        indexes = [
            models.Index(fields=["created_at"], name="files_waiting", condition=models.Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return self.key


class Attachment(models.Model):
    """A file in a message. Before the message is sent, `message` is null.

    Only the user who uploaded the file can see it before that. An attachment that is not sent is deleted after a day.
    """

    class Kind(models.TextChoices):
        IMAGE = "image", _("Photos")
        VIDEO = "video", _("Videos")
        AUDIO = "audio", _("Audio")
        FILE = "file", _("Files")

    file = models.ForeignKey(File, models.PROTECT, related_name="attachments")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    message = models.ForeignKey("chat.Message", models.CASCADE, null=True, related_name="attachments")
    conversation = models.ForeignKey("chat.Conversation", models.CASCADE, null=True, related_name="+", db_index=False)
    place = models.SmallIntegerField(default=0)  # position within the message, from 0
    kind = models.CharField(max_length=5, choices=Kind)
    name = models.CharField(max_length=200)
    alt = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        indexes = [
            models.Index(fields=["conversation", "kind", "id"], name="files_of_a_conversation"),
            models.Index(fields=["created_at"], name="files_not_sent", condition=models.Q(message__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def unsent_until(self) -> datetime:
        """The time when the attachment is deleted if it was not sent."""
        return self.created_at + timedelta(hours=settings.UNSENT_HOURS)


class Upload(models.Model):
    """A file that is being uploaded in parts.

    `offset` is the number of bytes that are stored safely: they are not lost if the web server crashes.
    """

    id = models.CharField(primary_key=True, max_length=43, default=generate_upload_id)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=200)
    alt = models.CharField(max_length=500, blank=True)
    size = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)  # of the whole file, if the client announced it
    claims = models.JSONField(
        default=dict
    )  # {"width", "height", "duration"} from the client, used where we cannot measure
    key = models.CharField(max_length=200, unique=True)
    parts = models.JSONField(default=dict)  # state of the storage backend for this upload
    writer = models.CharField(max_length=16, blank=True)  # id of the request that may write, until `writer_until`
    writer_until = models.DateTimeField(null=True)
    attachment = models.OneToOneField(Attachment, models.CASCADE, null=True, related_name="upload")  # set once complete
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
