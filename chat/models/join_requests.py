"""Model of requests to join a group whose admins approve new members."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chat.models.conversations import Conversation
from chat.models.invites import Invite


class JoinRequest(models.Model):
    """A user who has followed an invite link of a group and waits until an admin lets the user in.

    The row is deleted when the user joins or takes the request back. It is kept when an admin declines the request, so
    that the user cannot ask again with a link that was created before.
    """

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="join_requests", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    invite = models.ForeignKey(Invite, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField()
    declined_at = models.DateTimeField(null=True)

    WAITING = Q(declined_at=None)

    class Meta:
        verbose_name = _("request to join")
        verbose_name_plural = _("requests to join")
        constraints = [models.UniqueConstraint(fields=["conversation", "user"], name="one_join_request_each")]

    def __str__(self) -> str:
        return f"{self.user_id} to {self.conversation_id}"
