"""Model of address bans: addresses and networks from which nobody can open the site."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class AddressBan(models.Model):
    """A banned IP address or network. Ended bans stay, as history. accounts/address_bans.py applies them."""

    network = models.CharField(_("address or network"), max_length=43)  # such as `203.0.113.7/32` or `2001:db8::/32`
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("created at"))
    until = models.DateTimeField(_("until"), null=True, blank=True)  # null: without an end
    lifted_at = models.DateTimeField(_("lifted at"), null=True)

    class Meta:
        verbose_name = _("address ban")
        verbose_name_plural = _("address bans")

    def __str__(self) -> str:
        return self.network
