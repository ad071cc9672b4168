"""Models of reports: what users have reported to the moderators, merged into one case for each message or person."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from chat.models.messages import Message


class ReportKind(models.TextChoices):
    """What a user says is wrong with a message or person."""

    SPAM = "spam", _("Spam or advertising")
    SCAM = "scam", _("Fraud or scam")
    HARASSMENT = "harassment", _("Harassment or bullying")
    HATE = "hate", _("Hate")
    SEXUAL = "sexual", _("Sexual content")
    VIOLENCE = "violence", _("Violence or threats")
    SELF_HARM = "self_harm", _("Suicide or self-harm")
    PRIVACY = "privacy", _("Private information")
    OTHER = "other", _("Something else")


class Gravity(models.IntegerChoices):
    """How grave a case is. The queue of the moderators lists the gravest cases first."""

    LOW = 1, _("low")
    MEDIUM = 2, _("medium")
    HIGH = 3, _("high")


GRAVITY_BY_KIND = {
    ReportKind.SPAM: Gravity.LOW,
    ReportKind.OTHER: Gravity.LOW,
    ReportKind.SCAM: Gravity.MEDIUM,
    ReportKind.HARASSMENT: Gravity.MEDIUM,
    ReportKind.HATE: Gravity.MEDIUM,
    ReportKind.PRIVACY: Gravity.MEDIUM,
    ReportKind.SEXUAL: Gravity.HIGH,
    ReportKind.VIOLENCE: Gravity.HIGH,
    ReportKind.SELF_HARM: Gravity.HIGH,
}


class ReportCase(models.Model):
    """All reports of one message or person that wait for the same decision of a moderator.

    A report after the decision begins a new case.
    """

    class Outcome(models.TextChoices):
        ACTED = "acted", _("acted upon")
        DISMISSED = "dismissed", _("dismissed")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="report_cases")  # the reported one
    message = models.ForeignKey(Message, models.CASCADE, null=True, related_name="report_cases")  # null: of a person
    gravity = models.SmallIntegerField(_("gravity"), choices=Gravity, default=Gravity.LOW)  # of the gravest report
    report_count = models.IntegerField(_("reports"), default=0)
    # A copy of the messages before and after the reported one, from the time of the first report:
    # [{"id", "sender_id", "at", "body", "files"}]
    context = models.JSONField(default=list)
    # The words, if a word list has found the message.
    note = models.CharField(_("found by a word list"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))  # of the first report
    settled_at = models.DateTimeField(_("resolved at"), null=True)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    outcome = models.CharField(_("outcome"), max_length=9, choices=Outcome, blank=True)

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints = [
            models.UniqueConstraint(
                fields=["message"], condition=Q(settled_at=None, message__isnull=False), name="one_case_per_message"
            ),
            models.UniqueConstraint(
                fields=["user"], condition=Q(settled_at=None, message=None), name="one_case_per_person"
            ),
        ]
        indexes = [
            models.Index(F("gravity").desc(), "created_at", condition=Q(settled_at=None), name="report_queue"),
        ]

    def __str__(self) -> str:
        return _("Report %(id)s") % {"id": self.pk}


class Report(models.Model):
    """What one user has reported, with a copy of the message text at that time. Belongs to a case."""

    case = models.ForeignKey(ReportCase, models.CASCADE, related_name="reports")
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(_("kind"), max_length=10, choices=ReportKind, default=ReportKind.OTHER)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "reporter"], name="one_report_each")]
