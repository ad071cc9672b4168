"""System check of the key for push messages."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError

from notifications.models import PushSubscription
from notifications.push import vapid


@register(Tags.database)
def check_push_key(databases: Sequence[str] | None = None, **_kwargs: object) -> list[CheckMessage]:
    """Warns if browsers wait for push messages that cannot be sent. Run by `manage.py check --database default`."""
    if not databases or vapid.private_key():
        return []
    try:
        count = PushSubscription.objects.count()
    except DatabaseError:  # the tables do not exist yet
        return []
    if not count:
        return []
    return [
        Warning(
            f"{count} browsers are subscribed to push messages, but the site has no key to send them.",
            hint="Restore VAPID_PRIVATE_KEY, or the file vapid_private_key in DATA_DIR. With a new key"
            " (`manage.py vapid_keys`), the browsers subscribe again when their users open the site.",
            id="notifications.W001",
        )
    ]
