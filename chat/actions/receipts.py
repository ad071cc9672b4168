"""Showing how far one has got and read: by person and by conversation, and only to those who show theirs."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Audience, User
from accounts.selectors import privacy
from chat import events
from chat.models import Membership
from chat.schemas import moment
from chat.selectors import find_hidden_receipts
from messenger.live.events import Event, publish


def choice_changed(user_id: int) -> None:
    """This person has just begun to hide what they have read, or to show it, wherever they are a member."""
    publish(shown_or_hidden(user_id))


def shown_or_hidden(user_id: int, conversation_id: int | None = None) -> list[Event]:
    """What the others hear of it: the marks as they stand, or that there are none any more. Asked within the change.

    Without `conversation_id` of all of this person's conversations. Two queries, and a piece of news for each.
    """
    seats = Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
    if conversation_id is not None:
        seats = seats.filter(conversation_id=conversation_id)
    else:
        seats = seats.filter(receipts=True)  # where they are hidden in any case nothing changes
    at = moment(timezone.now())
    told = [
        events.Receipt(cid, user_id, *((delivered, read) if here and shown_to != Audience.NOBODY else (0, 0)), at)
        for cid, delivered, read, here, shown_to in seats.values_list(
            "conversation_id", "delivered_seq", "read_seq", "receipts", "user__show_receipts"
        )
    ]
    hiding = find_hidden_receipts((receipt.conversation_id, user_id) for receipt in told)
    return [*events.receipts(told, hiding), *events.hidden_receipts(told, hiding)]


def tie_changed(user_id: int, other_id: int) -> None:
    """These two are, or are no longer, in contact or blocked: each hears the other's marks as they may see them now."""
    shared = Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
    both = Membership.objects.filter(
        user_id=other_id, left_at=None, conversation__in=shared.values("conversation")
    ).values_list("conversation_id", flat=True)
    at = moment(timezone.now())
    told: list[Event] = []
    people = User.objects.in_bulk([user_id, other_id])
    for viewer_id, subject_id in ((user_id, other_id), (other_id, user_id)):
        viewer = people[viewer_id]
        sees = User.objects.filter(privacy.shown(viewer, "show_receipts"), pk=subject_id).exists()
        seats = Membership.objects.filter(user_id=subject_id, conversation__in=list(both))
        for cid, delivered, read, here in seats.values_list("conversation_id", "delivered_seq", "read_seq", "receipts"):
            marks = (delivered, read) if sees and here else (0, 0)
            told.append(events.receipt_to(viewer_id, events.Receipt(cid, subject_id, *marks, at)))
    publish(told)
