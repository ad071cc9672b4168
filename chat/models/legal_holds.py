"""Models of legal holds: of which conversations nothing may be removed, and copies of what was deleted under a hold."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chat.models.conversations import Conversation
from chat.models.messages import Message


class LegalHold(models.Model):
    """Preserves one conversation, or all conversations in which a person is or was, until it is released.

    Retention removes nothing there, and what people delete themselves is kept as a `HeldCopy`.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("person")
    )
    conversation = models.ForeignKey(
        Conversation, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("conversation")
    )
    reason = models.CharField(_("reason"), max_length=500)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("done by")
    )
    placed_at = models.DateTimeField(_("placed at"))
    released_at = models.DateTimeField(_("released at"), null=True)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None, conversation__isnull=False) | Q(user__isnull=False, conversation=None),
                name="hold_on_a_person_or_a_conversation",
            ),
            models.UniqueConstraint(fields=["user"], condition=Q(released_at=None), name="one_hold_on_a_person"),
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(released_at=None), name="one_hold_on_a_conversation"
            ),
        ]

    def __str__(self) -> str:
        return _("Legal hold %(id)s") % {"id": self.pk}


class HeldCopy(models.Model):
    """What a message contained when it was deleted for good under a legal hold. Its attachments are kept, too.

    Only staff with the permission to view legal holds see it. It is deleted after the last hold on its conversation has
    been released.
    """

    message = models.OneToOneField(Message, models.CASCADE, related_name="held_copy", verbose_name=_("message"))
    body = models.TextField(_("text"))
    revisions = models.JSONField(default=list)  # earlier texts, oldest first
    files = models.JSONField(default=list)  # as `Message.files`
    removed_at = models.DateTimeField(_("deleted at"))

    class Meta:
        verbose_name = _("message deleted under legal hold")
        verbose_name_plural = _("messages deleted under legal hold")

    def __str__(self) -> str:
        return str(self.message_id)
