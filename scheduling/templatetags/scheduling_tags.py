"""Template tags of scheduled messages and reminders."""

from __future__ import annotations

from typing import NamedTuple

from django import template

from accounts.models import User
from scheduling import selectors

register = template.Library()


class ScheduledCount(NamedTuple):
    total: int
    failed: int


@register.simple_tag(takes_context=True)
def scheduled_in_conversation(context: template.Context, conversation_id: int) -> ScheduledCount:
    """Returns how many scheduled messages the user has in a conversation, and how many of them were not sent."""
    return ScheduledCount(*selectors.count_in_conversation(context["request"].user.pk, conversation_id))


@register.simple_tag
def count_for_attention(user: User) -> int:
    """Returns the number of due reminders and of scheduled messages that were not sent."""
    return selectors.count_for_attention(user.pk)
