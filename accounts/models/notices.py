"""Model of notices: what the moderators tell one user, shown on every page until the user has read it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Notice(models.Model):
    """A warning, the beginning or end of a mute, or what came of a report. `User.notice_count` counts the unread ones.

    The rows stay after they were read, as the history of a person for moderators.
    """

    class Kind(models.TextChoices):
        WARNING = "warning", _("Warning")
        MUTED = "muted", _("Muted")
        PAUSED = "paused", _("Muted by the site: too many messages")
        UNMUTED = "unmuted", _("Mute ended")
        REPORT_ACTED = "report_acted", _("Report: moderators have acted")
        REPORT_DISMISSED = "report_dismissed", _("Report: dismissed")

    # What came of reports: shown calmly, and all of one kind together.
    REPORT_KINDS = (Kind.REPORT_ACTED, Kind.REPORT_DISMISSED)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    text = models.CharField(_("reason"), max_length=500, blank=True)  # the reason that the moderator has given
    until = models.DateTimeField(_("until"), null=True)  # of a mute
    created_at = models.DateTimeField(_("time"))
    acknowledged_at = models.DateTimeField(_("read at"), null=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)  # a warning that moderators have taken back

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [
            models.Index(
                fields=["user", "id"],
                condition=models.Q(acknowledged_at=None, withdrawn_at=None),
                name="notice_unread",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.user_id}"
