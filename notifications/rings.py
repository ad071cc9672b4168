"""Decides whether a call rings a user: with the rules for a message that the caller writes to the conversation now.

Called by the app `calls`, which is above this one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from chat.models import Conversation, Message
from notifications import facts
from notifications.decisions import Concern, Decision, Reason, decide

# The ring is shown without a sound, and no push message is sent.
SILENT_REASONS = {Reason.DO_NOT_DISTURB, Reason.QUIET_HOURS, Reason.MUTED, Reason.LEVEL_NONE}


def decide_rings(conversation: Conversation, caller_id: int, user_ids: Iterable[int]) -> dict[int, Decision]:
    """Returns by user id what is decided about a call of `caller_id` in a conversation.

    A call rings these users, so in a group it counts like a mention of everyone.
    """
    message = Message(
        conversation=conversation, sender_id=caller_id, kind=Message.Kind.TEXT, seq=conversation.last_seq + 1
    )
    found = facts.load_facts([message], user_ids)
    decisions = {}
    for (_message_id, user_id), user_facts in found.items():
        concern = user_facts.concern if user_facts.concern == Concern.DIRECT else Concern.EVERYONE
        decisions[user_id] = decide(replace(user_facts, concern=concern))
    return decisions


def find_silenced(conversation: Conversation, caller_id: int, user_ids: Iterable[int]) -> set[int]:
    """Returns those of these users for whom a call is shown without a sound."""
    decisions = decide_rings(conversation, caller_id, user_ids)
    return {user_id for user_id, decision in decisions.items() if decision.reason in SILENT_REASONS}
