"""Whom somebody has to do with, by their conversations: what accounts asks when it looks for people."""

from __future__ import annotations

from django.db.models import F, QuerySet

from accounts.models import User
from chat.models import Conversation, Membership
from messenger.core.errors import not_found

PARTNERS = 100


def partners(user_id: int) -> list[int]:
    """The other person of one's newest pairs in which something was written."""
    pairs = (
        Membership.objects.filter(
            user_id=user_id,
            left_at=None,
            conversation__kind=Conversation.Kind.DIRECT,
            conversation__text_count__gt=0,
        )
        .order_by("-conversation__active_at")
        .values_list("conversation__pair", flat=True)[:PARTNERS]
    )
    return [int(other) for pair in pairs for other in (pair or "").split(":") if other and int(other) != user_id]


def members(user_id: int, conversation_id: int) -> QuerySet[User]:
    """Who is in this conversation now, each with `wrote`: the number of their newest text. Strangers: `not_found`."""
    seats = Membership.objects.filter(conversation_id=conversation_id, left_at=None, conversation__deleted_at=None)
    if not seats.filter(user_id=user_id).exists():
        raise not_found()
    return User.objects.filter(memberships__in=seats).annotate(wrote=F("memberships__sent_seq"))
