"""Links by which people come into a group."""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.conversations import Conversation


def new_token() -> str:
    return secrets.token_urlsafe(24)  # 192 bits


def digest_of(token: str) -> str:
    """What a link is looked up by: how long a look-up takes says nothing about the token itself."""
    return sha256(token.encode()).hexdigest()


class Invite(models.Model):
    """A link into a group.

    The token is kept as it is, since whoever may give out the link must be able to copy it again. It opens one group,
    for as long as its maker may add people there, and can be taken back; who reads this table reads the messages too.
    """

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="invites")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token = models.CharField(max_length=32, default=new_token, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"), null=True)  # none: not by itself
    max_uses = models.IntegerField(null=True)  # people who may come by it; none: any number
    uses = models.IntegerField(default=0)  # people who have
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("invite link")
        verbose_name_plural = _("invite links")

    def __str__(self) -> str:
        return f"{self.conversation_id} by {self.made_by_id}"

    def save(self, **options) -> None:
        self.digest = digest_of(self.token)
        super().save(**options)

    def is_open(self, now: datetime | None = None) -> bool:
        """Not taken back, not expired, not used up."""
        now = now or timezone.now()
        return (
            self.revoked_at is None
            and (self.expires_at is None or self.expires_at > now)
            and (self.max_uses is None or self.uses < self.max_uses)
        )
