"""Model of the relationships between users: contacts, contact requests and blocks."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User


class Relationship(models.Model):
    """What one user (`person`) is to another user (`user`): a contact, a requester or a blocked user, for example.

    Each of the two users owns one row, in which `user` is the owner. When the relationship ends, the row is kept, so
    that clients which were offline can learn about the end later. A block hides `state` but does not change it, so
    unblocking restores everything.
    """

    class State(models.TextChoices):
        NONE = "none", _("Not a contact")
        ASKED = "asked", _("Request sent")  # `user` sent a request that is not answered
        ASKS = "asks", _("Request received")  # `person` sent a request to `user`
        IGNORED = "ignored", _("Ignored")  # `person` sent a request and `user` ignores it
        CONTACT = "contact", _("Contact")

    user = models.ForeignKey(User, models.CASCADE, related_name="relationships")
    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    state = models.CharField(_("status"), max_length=7, choices=State, default=State.NONE)
    since = models.DateTimeField(null=True)  # when `state` last changed
    blocked_at = models.DateTimeField(_("blocked at"), null=True)
    me_version = models.BigIntegerField(default=0)  # the `me_version` of `user` at the last change of this row

    class Meta:
        verbose_name = _("relationship")
        verbose_name_plural = _("relationships")
        constraints = [models.UniqueConstraint(fields=["user", "person"], name="one_tie_each")]
        indexes = [
            models.Index(fields=["user", "me_version"], name="tie_mine"),
            models.Index(fields=["person"], condition=models.Q(blocked_at__isnull=False), name="tie_blocked"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} → {self.person_id}: {self.state}"

    @property
    def visible_state(self) -> str:
        """The state that `user` sees: "none" if `user` blocks or ignores `person`, or if `person` is suspended."""
        is_hidden = self.blocked_at is not None or self.state == self.State.IGNORED or not self.person.is_active
        return self.State.NONE.value if is_hidden else self.state
