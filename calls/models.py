"""Models of voice and video calls, of their participants, and of the settings that decide who may call whom."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Audience
from chat.models import Conversation


class Call(models.Model):
    """A call in a conversation. A conversation has at most one call at a time.

    All changes of a call are made while its conversation is locked. Each change increases `version`, so that clients
    ignore events that arrive late or twice.
    """

    class Media(models.TextChoices):
        AUDIO = "audio", _("Voice call")
        VIDEO = "video", _("Video call")

    class State(models.TextChoices):
        RINGING = "ringing", _("Ringing")  # nobody but the caller is in the call yet
        ACTIVE = "active", _("Active")
        ENDED = "ended", _("Ended")

    class Reason(models.TextChoices):
        """Why a call has ended."""

        COMPLETED = "completed", _("Completed")  # after somebody had answered
        NO_ANSWER = "no_answer", _("No answer")
        CANCELLED = "cancelled", _("Cancelled")  # by the caller, before anybody answered
        DECLINED = "declined", _("Declined")
        BUSY = "busy", _("Busy")  # the other person is in another call

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+", db_index=False)
    caller = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    media = models.CharField(_("kind"), max_length=5, choices=Media)
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.RINGING)
    reason = models.CharField(_("reason"), max_length=9, choices=Reason, blank=True)
    version = models.IntegerField(default=1)
    started_at = models.DateTimeField(_("started at"))
    answered_at = models.DateTimeField(_("answered at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    entry_seq = models.BigIntegerField(null=True)  # number of the message that is its entry in the history

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=~models.Q(state="ended"), name="one_call_per_conversation"
            )
        ]
        indexes = [models.Index(fields=["conversation", "started_at"], name="calls_of_a_conversation")]

    def __str__(self) -> str:
        return _("Call %(id)s") % {"id": self.pk}


class Participant(models.Model):
    """A user who takes part in a call, or whom the call rings."""

    class State(models.TextChoices):
        RINGING = "ringing", _("Ringing")
        JOINED = "joined", _("In the call")
        DECLINED = "declined", _("Declined")
        BUSY = "busy", _("Busy")
        MISSED = "missed", _("Missed")
        LEFT = "left", _("Left")

    call = models.ForeignKey(Call, models.CASCADE, related_name="participants")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    state = models.CharField(_("state"), max_length=8, choices=State)
    rang = models.BooleanField(default=False)  # a device of the user has reported that it rings
    is_silent = models.BooleanField(default=False)  # rings without a sound: quiet hours, do not disturb, a muted chat
    pushed_at = models.DateTimeField(null=True)  # since then, browsers show a notification of the call
    # The page or client that takes part. It is chosen by the client, anew after each reload.
    device = models.CharField(max_length=36, blank=True)
    joined_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)  # last sign of life of the device

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["call", "user"], name="one_participant_each"),
            models.UniqueConstraint(fields=["user"], condition=models.Q(state="joined"), name="one_call_at_a_time"),
        ]
        indexes = [
            models.Index(
                fields=["user"],
                name="missed_calls_on_devices",
                condition=models.Q(state="missed", pushed_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.call_id}: {self.state}"


class CallSettings(models.Model):
    """Who may call a user. Users without a row accept calls from everyone who may write to them."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    call_me = models.CharField(_("who can call me"), max_length=8, choices=Audience, default=Audience.EVERYONE)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.call_me}"


class GroupCallSettings(models.Model):
    """Whether members of a group may call the group. Groups without a row allow it."""

    conversation = models.OneToOneField(Conversation, models.CASCADE, primary_key=True, related_name="+")
    is_allowed = models.BooleanField(_("members can start calls"), default=True)

    def __str__(self) -> str:
        return f"{self.conversation_id}: {self.is_allowed}"
