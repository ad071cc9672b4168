"""Where a page of a conversation begins: at the place that is asked for, at the first unread, or at the newest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from django.utils import timezone

from chat import selectors
from chat.models import Conversation
from chat.schemas import HistorySchema, MineSchema

ABOVE = 12  # lines already read that stand above the first unread: about half a screen
_ASKED = ("before", "after", "at")  # a seq each, in the address


def page_of(
    conversation: Conversation, mine: MineSchema, asked: Mapping[str, int | None], newest: bool
) -> HistorySchema:
    """`asked`: numbers from the address. `newest`: the end is wanted, whatever is unread above it."""
    before, after, at = (asked.get(name) for name in _ASKED)
    above = None
    if before is None and after is None and at is None and not newest:
        at, above = _first_unread(conversation, mine), ABOVE
    return selectors.history_page(conversation, before=before, after=after, around=at, above=above)


def _first_unread(conversation: Conversation, mine: MineSchema) -> int | None:
    """The seq after the mark, where the newest page would begin below it or leave nothing to read above it."""
    beyond = conversation.last_seq - mine.read_seq > selectors.PAGE - ABOVE
    return mine.read_seq + 1 if mine.unread_count and beyond else None


def day_in(text: str | None) -> date | None:
    """A day as `<input type="date">` writes it; None for what is no day."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def start_of(day: date) -> datetime:
    """Its first moment in the reader's zone, or as near to it as the calendar goes."""
    here = datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
    try:
        return here.astimezone(UTC)
    except OverflowError:
        return here.replace(tzinfo=UTC)
