"""Model of the sign-ins of users."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User


class SignIn(models.Model):
    """One sign-in of a user: a browser session, or an API client with tokens.

    The access and refresh token of an API client contain the id of this row.
    """

    class Kind(models.TextChoices):
        BROWSER = "browser", _("Browser")
        TOKEN = "token", _("API client")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ins")
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    stamp = models.CharField(max_length=32)  # User.sign_in_stamp() at its start
    session_key = models.CharField(max_length=40, blank=True, db_index=True)
    refresh_id = models.UUIDField(null=True)  # `jti` of the only refresh token that is still valid
    user_agent = models.CharField(_("device"), max_length=300, blank=True)
    address = models.GenericIPAddressField(_("IP address"), null=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        ordering = ["-last_used_at"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.created_at:%Y-%m-%d}"
