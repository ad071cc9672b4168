"""Models of messages and of their revisions, reactions and mentions."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chat.models.conversations import Conversation


class Message(models.Model):
    """A message of a conversation. When a message is deleted, its row is kept.

    `seq` is the permanent number of the message in its conversation. `version` is the number of the newest change of
    the message: all changes in a conversation are numbered 1, 2, 3 ….
    """

    class Kind(models.TextChoices):
        """The kinds of chat itself. Other apps add theirs to the table in chat.message_kinds."""

        TEXT = "text", _("Text")
        SYSTEM = "system", _("System message")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages", db_index=False)
    seq = models.BigIntegerField()
    version = models.BigIntegerField()
    first_version = models.BigIntegerField()  # `version` at creation; tells new messages from changed ones
    text_count = models.BigIntegerField()  # text messages of the conversation up to and including this one
    kind = models.CharField(_("kind"), max_length=6, choices=Kind, default=Kind.TEXT)
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="messages", db_index=False)
    client_id = models.UUIDField(null=True)  # idempotency key chosen by the sender; null for system messages
    digest = models.CharField(
        max_length=32, blank=True
    )  # hash of what was sent under client_id; a repetition must be equal
    body = models.TextField(blank=True)
    body_html = models.TextField(blank=True)
    mentions = models.JSONField(default=list)  # [{"user_id", "start", "end"}], user_id null for @all
    # Attachments as the API returns them (AttachmentSchema). Permission to load one depends on Attachment.
    files = models.JSONField(default=list)
    reply_to = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    forwarded_sender = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    forwarded_at = models.DateTimeField(null=True)  # when the original of this forwarded message was written
    # Of a system message: {"name", "actor_id", "user_ids", "old", "new"}. Of a kind of another app: what it stores.
    event = models.JSONField(null=True)
    pinned_at = models.DateTimeField(_("pinned at"), null=True)
    created_at = models.DateTimeField(_("created at"))
    edited_at = models.DateTimeField(_("edited at"), null=True)
    deleted_at = models.DateTimeField(_("deleted at"), null=True)
    # The admin or moderator who deleted it; the text is kept for restoring. Deletion by the sender wipes the text.
    hidden_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        permissions = [("moderate_message", _("Can hide and restore messages"))]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="one_message_per_seq"),
            models.UniqueConstraint(fields=["client_id", "sender"], name="one_message_per_client_id"),
        ]
        indexes = [
            models.Index(fields=["conversation", "version"], name="message_changes"),
            models.Index(
                fields=["conversation", "pinned_at"], name="message_pins", condition=Q(pinned_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return _("Message %(id)s") % {"id": self.pk}


class Revision(models.Model):
    """An earlier text of a message. Each edit stores the previous text as a revision."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="revisions")
    body = models.TextField()
    body_html = models.TextField()
    written_at = models.DateTimeField()  # when this text was written

    class Meta:
        ordering = ["pk"]


class Reaction(models.Model):
    """An emoji with which a user has reacted to a message."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="reactions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    emoji = models.CharField(max_length=32)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["message", "user", "emoji"], name="one_reaction_each")]


class Mention(models.Model):
    """A user whom the text of a message mentions by `@name` and who is notified.

    Each mention is a row of its own, so that a database index finds all mentions of a user.
    """

    message = models.ForeignKey(Message, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+", db_index=False)
    seq = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "user"], name="one_mention_each")]
        indexes = [models.Index(fields=["user", "conversation", "seq"], name="mentions_of_a_person")]
