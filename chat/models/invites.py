"""Model of invite links of groups."""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.conversations import Conversation


def generate_token() -> str:
    return secrets.token_urlsafe(24)  # 192 bits


def hash_token(token: str) -> str:
    """Returns the hash of `token`, the secret part of an invite link. Links are searched in the database by this hash.

    If the token itself were searched, the time of the search could tell an attacker whether the first characters of a
    guessed token are right.
    """
    return sha256(token.encode()).hexdigest()


class Invite(models.Model):
    """An invite link of a group.

    The token (secret part of the link) is stored in plain text, because members must be able to copy the link again.
    The risk is small: a link opens one group only and can be revoked, and an attacker who can read the database table
    can also read the messages in the same database.
    """

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="invites")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token = models.CharField(max_length=32, default=generate_token, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"), null=True)  # null: never
    max_uses = models.IntegerField(null=True)  # null: no limit
    uses = models.IntegerField(default=0)  # number of users who joined with this link
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("invite link")
        verbose_name_plural = _("invite links")

    def __str__(self) -> str:
        return _("Invite link %(id)s") % {"id": self.pk}

    def save(self, **options) -> None:
        self.digest = hash_token(self.token)
        super().save(**options)

    def is_open(self, now: datetime | None = None) -> bool:
        """Returns True if the link is not revoked, not expired at the time `now`, and not used up.

        It is used up when `max_uses` users have joined with it.
        """
        now = now or timezone.now()
        return (
            self.revoked_at is None
            and (self.expires_at is None or self.expires_at > now)
            and (self.max_uses is None or self.uses < self.max_uses)
        )
