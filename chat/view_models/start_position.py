"""Decides which messages are shown when a user opens a conversation.

These are messages near a message that the URL names, the first unread messages, or the newest messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from django.utils import timezone

from chat import selectors
from chat.models import Conversation
from chat.schemas import HistorySchema, MineSchema

READ_ABOVE_UNREAD = 12  # read messages shown above the first unread one; about half a screen
_POSITION_PARAMETERS = ("before", "after", "at")  # query parameters; each value is a seq


def get_initial_page(
    conversation: Conversation, member_state: MineSchema, parameters: Mapping[str, int | None], newest: bool
) -> HistorySchema:
    """Returns the messages that are shown when a user opens a conversation.

    `parameters` has the numbers of messages (seq) from the URL parameters `before`, `after` and `at`. If all three are
    missing, returns the first unread messages; if nothing is unread or `newest` is True, returns the newest messages.
    """
    before, after, around = (parameters.get(name) for name in _POSITION_PARAMETERS)
    above = None
    if before is None and after is None and around is None and not newest:
        around, above = _find_first_unread(conversation, member_state), READ_ABOVE_UNREAD
    return selectors.get_history_page(conversation, before=before, after=after, around=around, above=above)


def _find_first_unread(conversation: Conversation, member_state: MineSchema) -> int | None:
    """Returns the number (seq) of the first unread message, or None if the newest messages should be shown.

    The newest messages should be shown if nothing is unread. They should also be shown if they include all unread
    messages and a few read messages before these.
    """
    is_beyond_newest_page = conversation.last_seq - member_state.read_seq > selectors.PAGE - READ_ABOVE_UNREAD
    return member_state.read_seq + 1 if member_state.unread_count and is_beyond_newest_page else None


def parse_day(text: str | None) -> date | None:
    """Parses the value of an `<input type="date">`, such as `2026-11-20`. Returns None if it is not a valid date."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def start_of_day(day: date) -> datetime:
    """Returns midnight at the beginning of a day in the reader's time zone, converted to UTC.

    Python cannot represent times before the year 1 or after the year 9999. If the conversion leads to such a time, the
    function returns midnight in UTC instead.
    """
    midnight = datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
    try:
        return midnight.astimezone(UTC)
    except OverflowError:
        return midnight.replace(tzinfo=UTC)
