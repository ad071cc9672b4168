"""Models of notifications: what is to be notified, to whom, in which browsers, and what each user has chosen."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import SignIn
from chat.models import Conversation, Message
from notifications.decisions import Concern, Outcome, Reason


class OutboxEntry(models.Model):
    """New messages whose recipients have not been notified yet.

    The row is written in the transaction of the messages, one for all messages of the transaction. So it exists if and
    only if they do. A background task finds the recipients and deletes the row (notifications/expansion.py).
    """

    # The defaults are those of the database, because the sender waits for the insert of each value (bulk_sql).
    message_ids = models.JSONField()
    # By conversation id: the users who had the conversation on their screen when the messages were sent.
    viewer_ids = models.JSONField(default=dict, db_default={})
    # [user id, conversation id] of members whose state has changed with the messages, mostly of their senders.
    member_states = models.JSONField(default=list, db_default=[])
    created_at = models.DateTimeField(db_default=Now())
    claimed_until = models.DateTimeField(null=True)  # until then one worker process handles the row


class Notification(models.Model):
    """What the site decided about one message for one user, and what became of it.

    Rows are kept for settings.NOTIFICATION_DAYS, for users who were mentioned, written to directly, or reached by a
    push message. For all others, and after that time, the decision is computed again when somebody asks.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+", db_index=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="+")
    seq = models.BigIntegerField()
    concern = models.CharField(_("concerns the user as"), max_length=8, choices=Concern.choices)
    outcome = models.CharField(_("outcome"), max_length=7, choices=Outcome.choices)
    reason = models.CharField(_("reason"), max_length=14, choices=Reason.choices)
    created_at = models.DateTimeField(_("created at"), db_index=True)
    pushed_at = models.DateTimeField(_("push sent at"), null=True)
    cleared_at = models.DateTimeField(_("removed from the devices at"), null=True)
    email_due_at = models.DateTimeField(null=True)  # null: no e-mail is to be sent (any more)
    emailed_at = models.DateTimeField(_("e-mail sent at"), null=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints = [models.UniqueConstraint(fields=["user", "message"], name="one_notification_each")]
        indexes = [
            models.Index(
                fields=["user", "conversation", "seq"],
                name="notifications_on_devices",
                condition=Q(outcome="push", cleared_at=None),
            ),
            models.Index(
                fields=["email_due_at"], name="notifications_to_email", condition=Q(email_due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return _("Notification %(id)s") % {"id": self.pk}


class PushSubscription(models.Model):
    """A browser to which push messages are sent: the address and keys that its push service has issued.

    It belongs to a sign-in. When the sign-in ends, nothing is sent any more.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="push_subscriptions")
    sign_in = models.ForeignKey(SignIn, models.CASCADE, related_name="push_subscriptions")
    endpoint = models.TextField()
    endpoint_hash = models.CharField(max_length=64, unique=True)  # SHA-256: the endpoint is too long for an index
    p256dh = models.CharField(max_length=100)  # public key of the browser
    auth = models.CharField(max_length=40)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    last_success_at = models.DateTimeField(_("last push at"), null=True)
    last_error = models.CharField(_("last error"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("push subscription")
        verbose_name_plural = _("push subscriptions")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return _("Push subscription %(id)s") % {"id": self.pk}


class PendingPush(models.Model):
    """A browser that does not show the current state of something yet, usually of the messages of a conversation.

    What the push message says is computed when it is sent: the unread messages, or that there are none any more. So
    several messages become one push message, and a retry never shows an outdated state. `kind` says who computes it
    (notifications/push/sources.py), `object_id` of what; it is 0 for the messages of a conversation.
    """

    subscription = models.ForeignKey(PushSubscription, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=12, default="messages")
    object_id = models.BigIntegerField(default=0)
    due_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    revision = models.BigIntegerField(default=0)  # incremented by each change that the browser does not show yet

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "conversation", "kind", "object_id"], name="one_pending_push_each"
            )
        ]


class EmailMode(models.TextChoices):
    NEVER = "never", _("No emails")
    AWAY = "away", _("When I’m away")
    DAILY = "daily", _("Once a day")


class NotificationPreferences(models.Model):
    """What a user has chosen about notifications. A user without a row has the defaults."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    show_text = models.BooleanField(_("show the text in notifications"), default=True)
    sound = models.BooleanField(_("play a sound"), default=False)
    keywords = models.JSONField(_("keywords"), default=list, blank=True)
    # For each weekday (0: Monday) on which quiet hours begin: {"day", "start": "22:00", "end": "07:00"}
    quiet_hours = models.JSONField(_("quiet hours"), default=list, blank=True)
    quiet_time_zone = models.CharField(_("time zone"), max_length=64, blank=True)  # empty: that of the user
    allowed_user_ids = models.JSONField(default=list, blank=True)  # may notify during quiet hours and do not disturb
    do_not_disturb_until = models.DateTimeField(_("do not disturb until"), null=True, blank=True)
    email = models.CharField(_("e-mail"), max_length=5, choices=EmailMode.choices, default=EmailMode.AWAY)
    email_minutes = models.IntegerField(default=15)  # unread for this long until an e-mail is sent
    digest_hour = models.IntegerField(default=8)  # of the daily e-mail, in the time zone of the user
    digest_sent_at = models.DateTimeField(null=True)  # the last daily e-mail

    class Meta:
        verbose_name = _("notification preferences")
        verbose_name_plural = _("notification preferences")

    def __str__(self) -> str:
        return str(self.user_id)


class GroupNotificationSettings(models.Model):
    """What the owner or an admin of a group has chosen about the notifications of all its members."""

    conversation = models.OneToOneField(Conversation, models.CASCADE, primary_key=True, related_name="+")
    hides_text = models.BooleanField(default=False)  # push messages and e-mails do not contain the text of messages

    def __str__(self) -> str:
        return str(self.conversation_id)
