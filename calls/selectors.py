"""Reads calls in progress."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Prefetch

from accounts.selectors import privacy
from calls.models import Call, Participant
from calls.schemas import CallSchema, call_schema

_PARTICIPANTS = Prefetch("participants", Participant.objects.select_related("user").order_by("pk"))


def list_calls(user_id: int) -> list[CallSchema]:
    """Returns the calls in progress in the conversations of a user.

    Calls of a user whom this user has blocked, or who has blocked this user, are left out if they do not ring here.
    """
    rows = (
        Call.objects.filter(
            conversation__memberships__user=user_id,
            conversation__memberships__left_at=None,
            conversation__deleted_at=None,
        )
        .exclude(state=Call.State.ENDED)
        .prefetch_related(_PARTICIPANTS)
        .order_by("pk")
    )
    schemas = [_schema(row) for row in rows]
    if not schemas:
        return []
    blocked = privacy.blocked_user_ids(user_id)
    return [
        schema
        for schema in schemas
        if schema.caller_id not in blocked or any(each.user.id == user_id for each in schema.participants)
    ]


def list_live_calls(also: Iterable[int] = ()) -> list[Call]:
    """Returns the calls in progress on the whole site, and those with the ids `also`, with participants."""
    live = Call.objects.exclude(state=Call.State.ENDED) | Call.objects.filter(pk__in=list(also))
    return list(live.select_related("conversation").prefetch_related(_PARTICIPANTS).order_by("pk"))


def _schema(call: Call) -> CallSchema:
    return call_schema(call, list(call.participants.all()))
