"""The pair of two people, where there is one."""

from __future__ import annotations

from chat.models import Conversation


def of(user_id: int, other_id: int) -> int | None:
    """The id of their conversation, which both are members of for ever."""
    pair = "{}:{}".format(*sorted((user_id, other_id)))
    return Conversation.objects.filter(pair=pair, deleted_at=None).values_list("pk", flat=True).first()
