"""Mutes users who flood: who goes on sending although the rate limit refuses it. Each time longer.

Clients of this site wait as the error asks, so they never come near the limit `flood`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from accounts.actions.notices import add_notice
from accounts.models import Notice, User
from accounts.selectors.mutes import is_muted
from audit import actions as audit
from messenger.core import rate_limits
from messenger.core.database import write_transaction

# The length of the first, second … mute within REMEMBERED. All further ones are as long as the last.
DURATIONS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 180, 1440))
REMEMBERED = timedelta(days=1)


def record_refused_sends(user_ids: Iterable[int]) -> None:
    """Counts messages that the rate limit has refused, and mutes those users who send far too many.

    `user_ids` has the id of a user once for each message.
    """
    ids = list(user_ids)
    waits = rate_limits.acquire_many([rate_limits.bucket("flood", user_id) for user_id in ids])
    for user_id in sorted({user_id for user_id, wait in zip(ids, waits, strict=True) if wait}):
        mute_flooder(user_id)


def mute_flooder(user_id: int) -> None:
    """Mutes a user for a while, without a moderator. Staff see it in the notices and in the audit log."""
    with write_transaction():
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        if is_muted(user.muted_until):
            return
        now = timezone.now()
        earlier = Notice.objects.filter(user=user, kind=Notice.Kind.PAUSED, created_at__gt=now - REMEMBERED).count()
        user.muted_until = now + DURATIONS[min(earlier, len(DURATIONS) - 1)]
        user.save(update_fields=["muted_until"])
        audit.record("user.pause", None, user, after={"until": user.muted_until.isoformat()})
        add_notice(user_id, Notice.Kind.PAUSED, until=user.muted_until)
