"""Tells open pages that the time of a reminder has come.

Each server process reads the due reminders from the database and delivers them to its own connections. So open pages
get them although the worker, which is another process, has notified the user, with or without Redis.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from django.utils import timezone

from messenger.core import database
from messenger.core.errors import ApplicationError
from messenger.live.consumer import LiveConsumer
from messenger.live.events import EphemeralEvent
from messenger.live.frames import encode_frame
from messenger.live.hub import get_hub
from scheduling import reminders
from scheduling.schemas import ReminderEvent

log = logging.getLogger(__name__)

SECONDS = 5.0
OVERLAP = timedelta(seconds=10)  # a transaction may be committed this much later than the time that it stores


class SchedulingConsumer(LiveConsumer):
    @classmethod
    async def run(cls) -> None:
        """Delivers due reminders in an endless loop."""
        delivered: dict[int, datetime] = {}  # by reminder id: `notified_at`
        start = timezone.now()
        while True:
            await asyncio.sleep(SECONDS)
            try:
                get_hub().receive(await database.run_in_thread(find_due_events, delivered, start))
            except ApplicationError:
                pass  # the database is down, which is logged elsewhere
            except Exception:
                log.exception("Delivering reminders failed; it goes on.")


def find_due_events(delivered: dict[int, datetime], start: datetime) -> list[EphemeralEvent]:
    """Returns the events of reminders that were notified since `start` and are not in `delivered`, and adds them."""
    oldest = max(start, timezone.now() - timedelta(seconds=SECONDS) - OVERLAP)
    events = []
    for row, message in reminders.list_just_notified(oldest):
        if row.notified_at is None or delivered.get(row.pk) == row.notified_at:
            continue
        delivered[row.pk] = row.notified_at
        event = ReminderEvent(row.pk, message.pk, message.conversation_id, message.seq)
        events.append(EphemeralEvent(f"user.{row.user_id}", encode_frame("reminder.due", event), f"reminder.{row.pk}"))
    for pk in [pk for pk, at in delivered.items() if at < oldest]:
        del delivered[pk]
    return events
