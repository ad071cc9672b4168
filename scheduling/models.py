"""Models of what happens at a time that a user has chosen: messages to send later, and reminders of messages."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chat.models import Conversation, Message


class Failure(models.TextChoices):
    """Why a scheduled message was not sent."""

    NOT_MEMBER = "not_member", _("Not sent: you were no longer in this chat.")
    SUSPENDED = "suspended", _("Not sent: your account was suspended at that time.")
    BLOCKED = "blocked", _("Not sent: you’ve blocked this person.")
    NOT_ALLOWED = "not_allowed", _("Not sent: you could no longer write to this person.")
    REFUSED = "refused", _("Not sent: the message was not accepted.")


class ScheduledMessage(models.Model):
    """A message that its author has written to be sent later. The row is deleted when the message is sent.

    It is sent with its `client_id`, so it is sent once, however often the worker is killed.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+")
    client_id = models.UUIDField()
    body = models.TextField()
    reply_to_id = models.BigIntegerField(null=True)
    attachment_ids = models.JSONField(default=list)  # files that are uploaded and not sent; kept until then
    send_at = models.DateTimeField(_("send at"))
    created_at = models.DateTimeField(_("created at"))
    # The worker tries at this time. Null: it does not try (any more), because sending has failed for good.
    due_at = models.DateTimeField(null=True, db_index=True)
    # The worker may be sending the message, so it cannot be changed any more.
    is_claimed = models.BooleanField(default=False)
    failure = models.CharField(_("failure"), max_length=11, choices=Failure, blank=True)

    class Meta:
        verbose_name = _("scheduled message")
        verbose_name_plural = _("scheduled messages")
        constraints = [models.UniqueConstraint(fields=["user", "client_id"], name="one_scheduled_message_each")]
        indexes = [models.Index(fields=["user", "send_at"], name="scheduled_messages_of_a_user")]

    def __str__(self) -> str:
        return _("Scheduled message %(id)s") % {"id": self.pk}


class Reminder(models.Model):
    """A user wants to be reminded of a message at a time. A user has at most one reminder of a message.

    When the time has come, `notified_at` is set. The reminder stays in the list until the user removes it or chooses
    another time (snoozes it).
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="+")
    remind_at = models.DateTimeField(_("remind at"))
    created_at = models.DateTimeField(_("created at"))
    notified_at = models.DateTimeField(_("reminded at"), null=True)
    pushed_at = models.DateTimeField(null=True)  # since then, browsers show a notification of it

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        constraints = [models.UniqueConstraint(fields=["user", "message"], name="one_reminder_each")]
        indexes = [
            models.Index(fields=["remind_at"], name="reminders_to_come", condition=Q(notified_at=None)),
            models.Index(fields=["user", "remind_at"], name="reminders_of_a_user"),
            models.Index(fields=["notified_at"], name="reminders_just_notified"),
        ]

    def __str__(self) -> str:
        return _("Reminder %(id)s") % {"id": self.pk}
