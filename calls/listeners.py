"""Listeners of changes of chat and accounts that end calls."""

from __future__ import annotations

from calls import actions
from chat.events import MemberPayload
from messenger.live.listeners import PublishedEvent


def leave_calls(events: list[PublishedEvent[MemberPayload]]) -> None:
    """Lets users who are no longer members of a conversation leave its call. Called inside the transaction."""
    for event in events:
        if event.payload.member.left_at is not None:
            actions.leave_conversation(event.payload.member.user.id, event.payload.conversation_id)
