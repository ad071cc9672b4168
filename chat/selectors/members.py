"""Who is in a conversation, a page at a time: the owner first, then admins, then the others by name.

Names are ordered by their characters, capitals of A to Z as small letters, on every database and in scripts alike
(`static/js/conversation/panel/member-order.js`), so that a member who comes live stands where a fresh page puts them.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from django.db import connection
from django.db.models import Case, CharField, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Collate, Lower, NullIf

from accounts.models import User
from accounts.selectors import user_search as directory
from chat.models import Membership, Role
from chat.schemas import MemberSchema, member_schema
from chat.selectors.conversations import get_membership
from messenger.core.errors import not_found
from presence import hooks
from presence import visibility as presence_people
from presence.tracker import tracker


class OnlineMembersSchema(msgspec.Struct):
    """The members who are here now, as far as they show it."""

    count: int
    user_ids: list[int]


PAGE, MOST = 100, 500  # members asked for at once

ROLE_RANK = {Role.OWNER: 0, Role.ADMIN: 1, Role.MEMBER: 2}
MemberPosition = tuple[int, int, str]  # rank, person, name


def find_members(
    user_id: int,
    conversation_id: int,
    *,
    q: str = "",
    user_ids: Iterable[int] | None = None,
    before: MemberPosition | None = None,
    limit: int = PAGE,
) -> tuple[list[MemberSchema], MemberPosition | None]:
    """A page of members, and where the next begins. With `q` those who are found by that name, best first.

    `user_ids`: only these people, also those who have left it: their names stand in its lines.
    """
    get_membership(user_id, conversation_id)
    limit = max(1, min(limit, MOST))
    if q.strip():
        return _found(user_id, conversation_id, q, limit), None
    return members_page(conversation_id, user_ids=user_ids, before=before, limit=limit)


def members_page(
    conversation_id: int,
    *,
    user_ids: Iterable[int] | None = None,
    before: MemberPosition | None = None,
    limit: int = PAGE,
) -> tuple[list[MemberSchema], MemberPosition | None]:
    """For whoever was let in already."""
    if user_ids is None:
        rows = members_in_order(conversation_id)
    else:
        rows = members_in_order(conversation_id, left=True).filter(user_id__in=list(user_ids))
    if before is not None:
        rank, person, name = before
        rows = rows.filter(Q(rank__gt=rank) | Q(rank=rank, key__gt=name) | Q(rank=rank, key=name, user_id__gt=person))
    found = list(rows[: limit + 1])
    shown = found[:limit]
    cursor = None
    if len(found) > limit:
        last = shown[-1]
        cursor = (ROLE_RANK[Role(last.role)], last.user_id, ascii_lower(last.user.shown_name))
    return [member_schema(row) for row in shown], cursor


def members_in_order(conversation_id: int, *, left: bool = False) -> QuerySet[Membership]:
    """In the order in which members are listed. `left`: whoever was in it before too."""
    name = Coalesce(NullIf("user__name", Value("")), F("user__username"), output_field=CharField())
    plain = "C" if connection.vendor == "postgresql" else "BINARY"
    rank = Case(
        *[When(role=role, then=Value(place)) for role, place in ROLE_RANK.items()],
        default=Value(2),
        output_field=IntegerField(),
    )
    rows = Membership.objects.filter(conversation_id=conversation_id).select_related("user")
    if not left:
        rows = rows.filter(left_at=None)
    return rows.annotate(rank=rank, key=Lower(Collate(name, plain))).order_by("rank", "key", "user_id")


def _found(user_id: int, conversation_id: int, q: str, limit: int) -> list[MemberSchema]:
    rows = Membership.objects.filter(conversation_id=conversation_id, left_at=None)
    found = directory.find(user_id, q, conversation_id, limit)
    by_id = {row.user_id: row for row in rows.filter(user__in=found).select_related("user")}
    return [member_schema(by_id[user.pk]) for user in found if user.pk in by_id]


def list_online_members(user_id: int, conversation_id: int) -> OnlineMembersSchema:
    """The members who are here now, as far as they show it to this person; oneself too."""
    get_membership(user_id, conversation_id)
    rows = Membership.objects.filter(conversation_id=conversation_id, left_at=None)
    online = tracker().online_now(list(rows.values_list("user_id", flat=True)))
    seen = hooks.visible(user_id, list(online)) | ({user_id} & online)
    ids = sorted(each.user_id for each in presence_people.of(User.objects.get(pk=user_id), seen, online) if each.online)
    return OnlineMembersSchema(len(ids), ids)


def list_shared_groups(user_id: int, other_id: int, most: int = 6) -> tuple[list[Membership], int]:
    """Groups in which both are now, those of mine that are active last first; and how many there are."""
    mine = Membership.objects.filter(
        user_id=user_id,
        left_at=None,
        conversation__deleted_at=None,
        conversation__kind="group",
        conversation__in=Membership.objects.filter(user_id=other_id, left_at=None).values("conversation"),
    )
    rows = mine.select_related("conversation").order_by("-conversation__active_at", "-conversation_id")
    found = list(rows[: most + 1])
    return found[:most], len(found) if len(found) <= most else mine.count()


def list_members(user_id: int, conversation_id: int) -> list[MemberSchema]:
    """All of them: owner first, then admins, then the others by name. A page of them: chat/selectors/members.py."""
    get_membership(user_id, conversation_id)
    return [member_schema(row) for row in members_in_order(conversation_id)]


def ascii_lower(name: str) -> str:
    """As databases make letters small where they are told nothing of languages; see chat/selectors/members.py."""
    return "".join(char.lower() if "A" <= char <= "Z" else char for char in name)


def query_members(user_id: int, conversation_id: int) -> QuerySet[User]:
    """Who is in this conversation now, each with `wrote`: the number of their newest text. Strangers: `not_found`."""
    seats = Membership.objects.filter(conversation_id=conversation_id, left_at=None, conversation__deleted_at=None)
    if not seats.filter(user_id=user_id).exists():
        raise not_found()
    return User.objects.filter(memberships__in=seats).annotate(wrote=F("memberships__sent_seq"))
