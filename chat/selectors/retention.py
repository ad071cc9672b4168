"""Finds out how long the messages of a conversation are kept, and where some must be removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from chat.models import Message
from chat.selectors.legal_holds import held_conversations

CONVERSATIONS_PER_QUERY = 1000


def find_retention_days(chosen_days: int) -> int:
    """Returns the days after which messages are removed; 0: never.

    `chosen_days` is what the group has chosen, 0 for nothing. The site's limit holds if it is shorter.
    """
    return min((days for days in (chosen_days, settings.RETENTION_DAYS) if days), default=0)


def iterate_expired_conversations(now: datetime) -> Iterator[int]:
    """Yields the ids of the conversations in which a message is too old, except those under legal hold.

    One query for 1000 conversations; each looks up the oldest message that is left in the index of (conversation, seq).
    """
    last_pk = 0
    while True:
        oldest = Message.objects.filter(seq=F("conversation__removed_seq") + 1, conversation__gt=last_pk)
        if not settings.RETENTION_DAYS:
            oldest = oldest.filter(conversation__retention_days__gt=0)
        rows = list(
            oldest.order_by("conversation").values_list("conversation", "conversation__retention_days", "created_at")[
                :CONVERSATIONS_PER_QUERY
            ]
        )
        expired = [pk for pk, days, created_at in rows if created_at < now - timedelta(days=find_retention_days(days))]
        held = set(held_conversations().filter(pk__in=expired).values_list("pk", flat=True)) if expired else set()
        yield from (pk for pk in expired if pk not in held)
        if len(rows) < CONVERSATIONS_PER_QUERY:
            return
        last_pk = rows[-1][0]
