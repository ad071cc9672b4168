"""What one person is to another."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User


class Tie(models.Model):
    """One person (`person`) as another (`user`) has them: in the list, asked, blocked. Each has a row of their own.

    A row stays when all is over, with its `me_version`, so that catch-up can tell. A block lies over what else the
    row says and takes nothing of it away: lifting it brings all back.
    """

    class State(models.TextChoices):
        NONE = "none", _("No contact")
        ASKED = "asked", _("Asked")  # by this user; the other has not answered
        ASKS = "asks", _("Asks")  # the other, to be in this user's list
        IGNORED = "ignored", _("Ignored")  # the other asked, and is left without an answer
        CONTACT = "contact", _("Contact")

    user = models.ForeignKey(User, models.CASCADE, related_name="ties")
    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.NONE)
    since = models.DateTimeField(null=True)  # of this state
    blocked_at = models.DateTimeField(_("blocked at"), null=True)
    me_version = models.BigIntegerField(default=0)  # this user's version of the newest change of this row

    class Meta:
        verbose_name = _("tie")
        verbose_name_plural = _("ties")
        constraints = [models.UniqueConstraint(fields=["user", "person"], name="one_tie_each")]
        indexes = [
            models.Index(fields=["user", "me_version"], name="tie_mine"),
            models.Index(fields=["person"], condition=models.Q(blocked_at__isnull=False), name="tie_blocked"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} → {self.person_id}: {self.state}"

    @property
    def shown_state(self) -> str:
        """What its user is shown: nothing of who is blocked, suspended or left without an answer."""
        hidden = self.blocked_at is not None or self.state == self.State.IGNORED or not self.person.is_active
        return self.State.NONE.value if hidden else self.state
