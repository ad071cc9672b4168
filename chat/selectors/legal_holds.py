"""Finds out which conversations are under legal hold."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from chat.models import Conversation, LegalHold, Membership


def held_conversations() -> QuerySet[Conversation]:
    """Returns the conversations that a legal hold preserves: its own, or one on a present or former member."""
    holds = LegalHold.objects.filter(released_at=None)
    of_people = Membership.objects.filter(user__in=holds.filter(conversation=None).values("user"))
    own = Q(pk__in=holds.filter(user=None).values("conversation"))
    return Conversation.objects.filter(own | Q(pk__in=of_people.values("conversation")))


def is_held(conversation_id: int) -> bool:
    return held_conversations().filter(pk=conversation_id).exists()
