"""Files: on their way (`Upload`), kept (`File`), and where they are shown (`Attachment`)."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


def unguessable() -> str:
    return secrets.token_urlsafe(24)


class File(models.Model):
    """Bytes that are wholly there, kept once however often they are shown. What nobody shows any more is buried."""

    class State(models.TextChoices):
        WAITING = "waiting"  # a picture or a film that may still say where it was taken: it is not served
        READY = "ready"

    key = models.CharField(max_length=200, unique=True)  # its name in the storage
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="files")
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    content_type = models.CharField(max_length=100)  # by what is in it
    state = models.CharField(max_length=7, choices=State, default=State.READY)
    width = models.IntegerField(null=True)  # pixels, as it is shown
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
    """A file as one message shows it. Without a message it is its owner's alone, and swept after a day."""

    class Kind(models.TextChoices):
        IMAGE = "image", _("Pictures")
        VIDEO = "video", _("Videos")
        AUDIO = "audio", _("Sound")
        FILE = "file", _("Files")

    file = models.ForeignKey(File, models.PROTECT, related_name="attachments")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    message = models.ForeignKey("chat.Message", models.CASCADE, null=True, related_name="attachments")
    conversation = models.ForeignKey("chat.Conversation", models.CASCADE, null=True, related_name="+", db_index=False)
    place = models.SmallIntegerField(default=0)  # among those of its message
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


class Upload(models.Model):
    """A file on its way. `offset` counts the bytes that are safely there: it is true after any accident."""

    id = models.CharField(primary_key=True, max_length=43, default=unguessable)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=200)
    alt = models.CharField(max_length=500, blank=True)
    size = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)  # of the whole, where the client said so beforehand
    claims = models.JSONField(default=dict)  # {"width", "height", "duration"}: believed where we cannot measure
    key = models.CharField(max_length=200, unique=True)
    parts = models.JSONField(default=dict)  # what the storage has to remember of it
    writer = models.CharField(max_length=16, blank=True)  # the request that writes now, until `writer_until`
    writer_until = models.DateTimeField(null=True)
    attachment = models.OneToOneField(Attachment, models.CASCADE, null=True, related_name="upload")  # when it is whole
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
