"""Model of suspensions: why and until when an account is suspended, and the appeal of its owner."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Suspension(models.Model):
    """One suspension of an account. The rows of ended suspensions stay, as the history of a person for moderators.

    The owner may appeal once for each suspension. The answer of the moderators is shown to the owner.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="suspensions")
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(_("reason"), max_length=500, blank=True)  # the owner of the account sees it
    started_at = models.DateTimeField(_("suspended at"))
    until = models.DateTimeField(_("until"), null=True)  # null: for good
    ended_at = models.DateTimeField(_("ended at"), null=True)
    appeal = models.TextField(_("appeal"), blank=True)
    appealed_at = models.DateTimeField(_("appealed at"), null=True)
    answer = models.CharField(_("answer"), max_length=500, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True)

    class Meta:
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=models.Q(ended_at=None), name="one_suspension_each")
        ]
        indexes = [
            models.Index(fields=["until"], condition=models.Q(ended_at=None), name="suspension_end"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.started_at:%Y-%m-%d}"
