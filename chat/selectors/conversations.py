"""Reads conversations, memberships and who shares them. Access check and look-up are one query."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from accounts.text import pinyin
from chat.models import Conversation, Membership
from chat.schemas import (
    ConversationSchema,
    TitleSchema,
    room_picture,
)
from chat.selectors.prefetch import conversation_schemas
from chat.selectors.summaries import list_summaries, titles_by_conversation
from messenger.core.errors import not_found

PAGE, PAGE_MAX = 50, 100


def get_membership(user_id: int, conversation_id: int) -> Membership:
    """The one query behind every door. `not_found` for strangers, as for what is not there."""
    row = (
        Membership.objects.select_related("conversation")
        .filter(conversation_id=conversation_id, user_id=user_id, left_at=None, conversation__deleted_at=None)
        .first()
    )
    if row is None:
        raise not_found()
    return row


def list_conversations(
    user_id: int, *, before: tuple[str, int] | None = None, limit: int = PAGE
) -> tuple[list[ConversationSchema], tuple[str, int] | None]:
    """Mine, newest activity first. `before` is the (time, id) cursor that the page before gave; None where it ends."""
    rows = (
        Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
        .select_related("conversation")
        .order_by("-conversation__active_at", "-conversation_id")
    )
    if before:
        at, pk = before
        rows = rows.filter(Q(conversation__active_at__lt=at) | Q(conversation__active_at=at, conversation_id__lt=pk))
    found = list(rows[: limit + 1])
    page = found[:limit]
    cursor = None
    if len(found) > limit:
        last = page[-1].conversation
        cursor = (last.active_at.isoformat(), last.pk)
    return conversation_schemas(page, user_id), cursor


def list_conversations_by_id(user_id: int, ids: Sequence[int]) -> list[ConversationSchema]:
    """Of my conversations those with these ids, in their order; what is none of mine is left out."""
    if not ids:
        return []
    found = Membership.objects.filter(
        user_id=user_id, conversation__in=ids, left_at=None, conversation__deleted_at=None
    ).select_related("conversation")
    shapes = {shape.id: shape for shape in conversation_schemas(list(found), user_id)}
    return [shapes[pk] for pk in ids if pk in shapes]


def list_titles(user_id: int) -> list[TitleSchema]:
    """What all my conversations are called, newest activity first. Two statements."""
    called = titles_by_conversation(user_id)
    return [
        TitleSchema(
            id=title.id,
            kind=title.kind,
            title=title.name,
            keys=list(pinyin.keys(title.name)),
            avatar_url=room_picture(title.id, title.avatar),
            peer=title.peer,
        )
        for row in list_summaries(user_id)
        if (title := called.get(row.id))
    ]


def get_conversation(user_id: int, conversation_id: int) -> ConversationSchema:
    return conversation_schemas([get_membership(user_id, conversation_id)], user_id)[0]


def list_conversation_ids(user_id: int) -> list[int]:
    return list(Conversation.objects.visible_to(user_id).values_list("pk", flat=True))


def users_sharing_conversations(user_id: int, user_ids: list[int]) -> set[int]:
    """Those of these people who share a conversation with this one."""
    shared = Membership.objects.filter(
        conversation__in=Conversation.objects.visible_to(user_id), user_id__in=user_ids, left_at=None
    )
    return set(shared.values_list("user_id", flat=True))


def get_direct_conversation_id(user_id: int, other_id: int) -> int | None:
    """The id of their conversation, which both are members of for ever."""
    pair = "{}:{}".format(*sorted((user_id, other_id)))
    return Conversation.objects.filter(pair=pair, deleted_at=None).values_list("pk", flat=True).first()


PARTNERS = 100


def list_direct_partners(user_id: int) -> list[int]:
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
