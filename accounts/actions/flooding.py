"""Mutes users who flood: who goes on sending although the rate limit refuses it. Each time longer.

A client that repeats a message after the time that the error asks for has at most one refusal for each message that is
accepted, however many messages it has to send. Refusals as fast as messages may be sent (the limit `refused`) therefore
do not count.
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
    """Counts messages that the rate limit has refused faster than a client that waits can cause, and mutes flooders.

    `user_ids` has the id of a user once for each message.
    """
    refused_too_fast = _list_exceeding("refused", list(user_ids))
    for user_id in sorted(set(_list_exceeding("flood", refused_too_fast))):
        mute_flooder(user_id)


def _list_exceeding(limit: str, user_ids: list[int]) -> list[int]:
    waits = rate_limits.acquire_many(rate_limits.buckets(limit, user_ids))
    return [user_id for user_id, wait in zip(user_ids, waits, strict=True) if wait]


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
