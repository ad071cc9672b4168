"""Models of conversations, memberships, and the times when members received and read messages."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class ConversationQuerySet(models.QuerySet):
    def visible_to(self, user_id: int):
        """Returns the conversations of which the user `user_id` is a member now.

        Views load a conversation through this filter, so that the same query also checks membership.
        """
        return self.filter(memberships__user_id=user_id, memberships__left_at=None, deleted_at=None)


class Conversation(models.Model):
    """A direct conversation of two users, or a group.

    `last_seq` is the number of its newest message (messages are numbered 1, 2, 3 …). Of the messages up to
    `removed_seq`, only the rows are left, without content (chat/actions/retention.py). `version` is the number of its
    newest change. See docs/protocol.md.
    """

    class Kind(models.TextChoices):
        DIRECT = "direct", _("Direct chat")
        GROUP = "group", _("Group")

    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    pair = models.CharField(
        max_length=41, unique=True, null=True, editable=False
    )  # ids of the two users of a direct conversation: "3:9", smaller id first
    title = models.CharField(_("title"), max_length=80, blank=True)
    description = models.CharField(_("description"), max_length=500, blank=True)
    announcement = models.CharField(_("announcement"), max_length=1000, blank=True)
    announced_version = models.BigIntegerField(default=0)  # `version` of the last change of the announcement
    avatar = models.ImageField(_("photo"), upload_to="rooms/", blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    creator = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    members_may_add = models.BooleanField(_("members can add people"), default=True)
    members_may_pin = models.BooleanField(_("members can pin messages"), default=True)
    revisions_visible = models.BooleanField(_("members can see the edit history"), default=True)
    joins_need_approval = models.BooleanField(_("new members are approved"), default=False, db_default=False)
    # Seconds between two messages of one member, except for the owner and admins; 0: no limit.
    slow_mode = models.IntegerField(_("slow mode"), default=0, db_default=0)

    # Days after which messages are removed; 0: as on the site (RETENTION_DAYS), which is never longer.
    retention_days = models.IntegerField(_("days until messages are removed"), default=0, db_default=0)

    member_count = models.IntegerField(_("number of members"), default=0)
    join_request_count = models.IntegerField(default=0, db_default=0)  # people who wait for an admin to let them in
    last_seq = models.BigIntegerField(default=0)
    removed_seq = models.BigIntegerField(default=0, db_default=0)  # all messages up to it were removed by age
    text_count = models.BigIntegerField(_("number of messages"), default=0)  # messages without system messages
    file_bytes = models.BigIntegerField(default=0)  # size of all attachments
    version = models.BigIntegerField(
        default=0
    )  # of the newest stored change of the conversation, its messages and members
    info_version = models.BigIntegerField(default=0)  # of the newest change of the shared fields above
    last_message = models.ForeignKey("chat.Message", models.SET_NULL, null=True, related_name="+", db_constraint=False)
    active_at = models.DateTimeField(
        _("last active at"), db_index=True
    )  # time of the newest text, or of creation; orders the list
    created_at = models.DateTimeField(_("created at"))
    deleted_at = models.DateTimeField(_("deleted at"), null=True, editable=False)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")

    def __str__(self) -> str:
        return self.title or f"{self.kind} {self.pk}"


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    MEMBER = "member", _("Member")


class Level(models.TextChoices):
    ALL = "all", _("All messages")
    MENTIONS = "mentions", _("Mentions only")
    NONE = "none", _("None")


class Membership(models.Model):
    """A user in a conversation. The row is kept after the user has left.

    All members can see the role. Only the user can see the other values (newest message read, mute, draft …), which the
    API calls `mine`.

    A direct conversation has two rows from the beginning. If a user has not opened it and it has no message, `left_at`
    of this user's row equals `joined_at`: the conversation does not exist for this user yet (`is_unopened`).
    """

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role, default=Role.MEMBER)
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)  # the row of a former member is kept, for catch-up
    version = models.BigIntegerField(default=0)  # the conversation's version of the newest change above
    # Until then, the admins of the group let this member read, but not write. (`muted` below is about notifications.)
    muted_until = models.DateTimeField(_("muted until"), null=True)
    was_removed = models.BooleanField(default=False)  # by another member; older invite links do not work then

    # The member who has added this user to the group, until the user has opened the group.
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    me_version = models.BigIntegerField(default=0)  # the user's version of the newest change below
    read_seq = models.BigIntegerField(default=0)
    # Text messages up to the read marker, and own ones after it: unread = conversation.text_count - read_count.
    read_count = models.BigIntegerField(default=0)
    sent_seq = models.BigIntegerField(default=0)  # of the user's newest text
    delivered_seq = models.BigIntegerField(default=0)
    muted = models.BooleanField(default=False)
    level = models.CharField(max_length=8, choices=Level, default=Level.ALL)
    favourite = models.BooleanField(default=False)
    archived = models.BooleanField(default=False)
    draft = models.TextField(blank=True)
    receipts = models.BooleanField(default=True)  # the user shows receipts here, and sees the others'
    announcement_seen = models.BigIntegerField(
        default=0
    )  # `announced_version` of the newest announcement that was dismissed

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["conversation", "user"], name="one_membership_each")]
        indexes = [
            models.Index(fields=["user", "me_version"], name="membership_mine"),
            models.Index(fields=["conversation", "version"], name="membership_changes"),
            models.Index(fields=["conversation"], name="membership_hides_receipts", condition=Q(receipts=False)),
            # Memberships that the next text unarchives: each send asks whether there are any.
            models.Index(
                fields=["conversation"],
                name="membership_put_away",
                condition=Q(archived=True, muted=False, left_at=None),
            ),
        ]

    # Condition: the other members see this user as a member. In contrast to `left_at=None`, it includes the user for
    # whom a direct conversation does not exist yet.
    LISTED = Q(left_at=None) | Q(left_at=F("joined_at"))

    def __str__(self) -> str:
        return f"{self.user_id} in {self.conversation_id}"

    @property
    def last_seq(self) -> int:
        """The number of the newest message of the conversation."""
        return self.conversation.last_seq

    @property
    def is_unopened(self) -> bool:
        """Returns True if this direct conversation does not exist for the user yet.

        Only the other user has opened it, and it has no message.
        """
        return self.left_at is not None and self.left_at == self.joined_at


class ReceiptHistory(models.Model):
    """The time at which a user had received or read all messages of a conversation up to message number `seq`.

    A row is added each time when the user receives or reads newer messages.
    """

    class Kind(models.TextChoices):
        DELIVERED = "delivered"
        READ = "read"

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=9, choices=Kind)
    seq = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["conversation", "kind", "seq"], name="marks_from_a_message")]
