"""Publishes the receipts of a user (which messages the user has received and read) after a change of who may see them.

Who may see them depends on a setting of the user, on a setting for one conversation, on contacts and on blocks.
"""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Audience, User
from accounts.selectors import privacy
from chat import events
from chat.models import Membership
from chat.selectors import find_hidden_receipts
from messenger.core.timestamps import format_timestamp
from messenger.live.events import Event, publish


def publish_receipts_choice(user_id: int) -> None:
    """Publishes which messages a user has received and read (receipts), in all conversations of the user.

    Call this after the user has changed the setting `show_receipts`. Members who may not see the receipts get the
    number 0.
    """
    publish(receipt_visibility_events(user_id))


def receipt_visibility_events(user_id: int, conversation_id: int | None = None) -> list[Event]:
    """Returns events with a user's receipts (numbers of the newest message received and read) for the other members.

    If a member may not see them, the event has the number 0 instead. Without `conversation_id` the events are for all
    conversations of the user. Call this inside the transaction that changes the setting for receipts.
    """
    memberships = Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
    if conversation_id is not None:
        memberships = memberships.filter(conversation_id=conversation_id)
    else:
        memberships = memberships.filter(receipts=True)  # nothing changes where the user hides them for a conversation
    at = format_timestamp(timezone.now())
    receipts = []
    for membership_conversation_id, delivered_seq, read_seq, shows_here, audience in memberships.values_list(
        "conversation_id", "delivered_seq", "read_seq", "receipts", "user__show_receipts"
    ):
        is_shown = shows_here and audience != Audience.NOBODY
        seqs = (delivered_seq, read_seq) if is_shown else (0, 0)
        receipts.append(events.Receipt(membership_conversation_id, user_id, *seqs, at))
    hidden = find_hidden_receipts((receipt.conversation_id, user_id) for receipt in receipts)
    return [*events.receipt_events(receipts, hidden), *events.hidden_receipt_events(receipts, hidden)]


def publish_receipts_between(user_id: int, other_id: int) -> None:
    """Publishes the receipts (numbers of the newest message received and read) of two users to each other.

    If one may not see the receipts of the other, the number 0 is sent instead. Call this after one user has added,
    removed, blocked or unblocked the other.
    """
    own_conversations = Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
    shared_ids = list(
        Membership.objects.filter(
            user_id=other_id, left_at=None, conversation__in=own_conversations.values("conversation")
        ).values_list("conversation_id", flat=True)
    )
    at = format_timestamp(timezone.now())
    receipt_events: list[Event] = []
    users = User.objects.in_bulk([user_id, other_id])
    for viewer_id, subject_id in ((user_id, other_id), (other_id, user_id)):
        may_see = User.objects.filter(privacy.visible_to(users[viewer_id], "show_receipts"), pk=subject_id).exists()
        memberships = Membership.objects.filter(user_id=subject_id, conversation__in=shared_ids)
        for conversation_id, delivered_seq, read_seq, shows_here in memberships.values_list(
            "conversation_id", "delivered_seq", "read_seq", "receipts"
        ):
            seqs = (delivered_seq, read_seq) if may_see and shows_here else (0, 0)
            receipt = events.Receipt(conversation_id, subject_id, *seqs, at)
            receipt_events.append(events.receipt_for_viewer(viewer_id, receipt))
    publish(receipt_events)
