"""Counts scheduled messages and reminders for the pages."""

from __future__ import annotations

from django.db.models import Count, Q

from scheduling.models import Reminder, ScheduledMessage


def count_in_conversation(user_id: int, conversation_id: int) -> tuple[int, int]:
    """Returns how many scheduled messages a user has in a conversation, and how many of them were not sent."""
    rows = ScheduledMessage.objects.filter(user=user_id, conversation=conversation_id)
    counts = rows.aggregate(all=Count("pk"), failed=Count("pk", filter=~Q(failure="")))
    return counts["all"], counts["failed"]


def count_for_attention(user_id: int) -> int:
    """Returns the number of due reminders and of scheduled messages that were not sent. One query."""
    due = Reminder.objects.filter(user=user_id, notified_at__isnull=False).values("pk")
    failed = ScheduledMessage.objects.filter(user=user_id).exclude(failure="").values("pk")
    return due.union(failed, all=True).count()
