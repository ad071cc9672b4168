"""Models of exports: of the personal data of a user, and of a whole conversation."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.models.conversations import Conversation


class Export(models.Model):
    """An export as a file for its `owner`. It is either being built, or ready for download until `expires_at`, or
    failed. See chat/export.
    """

    class State(models.TextChoices):
        BUILDING = "building", _("in preparation")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")

    owner: models.ForeignKey
    state = models.CharField(_("status"), max_length=8, choices=State, default=State.BUILDING)
    asked_at = models.DateTimeField(_("requested at"))
    tries = models.IntegerField(default=0)
    done = models.BigIntegerField(default=0)  # messages and files so far, of `total`
    total = models.BigIntegerField(default=0)
    key = models.CharField(max_length=200, blank=True)  # name of the file in the storage, once the export is ready
    size = models.BigIntegerField(_("size"), default=0)
    expires_at = models.DateTimeField(_("available until"), null=True, db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.owner_id}: {self.state}"  # type: ignore[attr-defined]

    @property
    def percent(self) -> int:
        return min(100 * self.done // self.total, 99) if self.total else 0


class DataExport(Export):
    """The export of a user's personal data, at most one per user."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")


class ConversationExport(Export):
    """The export of a conversation, for its owner or an admin, or for staff (`for_staff`) who have given a reason.

    Each of them has at most one of a conversation, and of each of both kinds.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("requested by")
    )
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+", verbose_name=_("conversation"))
    for_staff = models.BooleanField(default=False)
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("export of a conversation")
        verbose_name_plural = _("exports of conversations")
        constraints = [
            models.UniqueConstraint(fields=["owner", "conversation", "for_staff"], name="one_export_of_a_conversation")
        ]

    def __str__(self) -> str:
        return _("Export %(id)s") % {"id": self.pk}
