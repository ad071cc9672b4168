"""Sends users e-mails about their account, to an address that they have confirmed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.utils import timezone, translation

from accounts.models import User
from accounts.selectors.languages import language_for
from accounts.selectors.timezones import time_zone_for


def get_confirmed_address(user: User) -> str | None:
    """Returns the primary e-mail address if it is confirmed, else another confirmed one, else None."""
    confirmed = EmailAddress.objects.filter(user=user, verified=True)
    return confirmed.order_by("-primary").values_list("email", flat=True).first()


def send_mail_without_request(user: User, template_prefix: str, path: str, **context: Any) -> None:
    """Sends an e-mail from a background task, in the language and the time zone of the user.

    `path` is the page of this site to which the e-mail links, as `url` in the template. Without a confirmed address
    nothing is sent.
    """
    address = get_confirmed_address(user)
    if address is None:
        return
    with translation.override(language_for(user)), timezone.override(time_zone_for(user, {})):
        context |= {"user": user, "site_name": settings.SITE_NAME, "url": urljoin(settings.SITE_URL, path)}
        get_adapter().render_mail(template_prefix, address, context).send()
