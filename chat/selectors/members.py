"""Reads the members of a conversation in pages: first the owner, then admins, then other members, each sorted by name.

Names are compared by code point, with A to Z as lower case. All databases and the browser scripts
(`static/js/conversation/panel/member-order.js`) compare names in this way. So a member whom a script adds to the list
has the same position as after a reload of the web page.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from django.db import connection
from django.db.models import Case, CharField, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Collate, Lower, NullIf

from accounts.models import User
from accounts.selectors import user_search
from chat.models import Membership, Role
from chat.schemas import MemberSchema, member_schema
from chat.selectors.conversations import get_membership
from messenger.core.errors import not_found
from presence import hooks, visibility
from presence.tracker import get_tracker


class OnlineMembersSchema(msgspec.Struct):
    """The members of a conversation who are online.

    Members whose privacy settings hide from the current user that they are online are left out.
    """

    count: int
    user_ids: list[int]


PAGE = 100

ROLE_RANK = {Role.OWNER: 0, Role.ADMIN: 1, Role.MEMBER: 2}
MemberPosition = tuple[int, int, str]  # cursor: rank of the role, user id, name


def list_member_ids(conversation_id: int) -> list[int]:
    """Returns the ids of the members of a conversation: the users who receive its events. Checks no permission."""
    members = Membership.objects.filter(conversation_id=conversation_id, left_at=None)
    return list(members.values_list("user_id", flat=True))


def find_members(
    user_id: int,
    conversation_id: int,
    *,
    q: str = "",
    user_ids: Iterable[int] | None = None,
    before: MemberPosition | None = None,
    limit: int = PAGE,
) -> tuple[list[MemberSchema], MemberPosition | None]:
    """Returns a page of the members of a conversation and the cursor of the next page, which is None on the last page.

    With the search text `q`, returns one page of the members whose names match, best match first. With `user_ids`,
    returns only these users, also if they have left the conversation, because clients need their names to show old
    messages. Raises `not_found` if the user `user_id` is not a member.
    """
    get_membership(user_id, conversation_id)
    if q.strip():
        return _search_members(user_id, conversation_id, q, limit), None
    return get_members_page(conversation_id, user_ids=user_ids, before=before, limit=limit)


def get_members_page(
    conversation_id: int,
    *,
    user_ids: Iterable[int] | None = None,
    before: MemberPosition | None = None,
    limit: int = PAGE,
) -> tuple[list[MemberSchema], MemberPosition | None]:
    """Returns a page of the members of a conversation and the cursor of the next page, which is None on the last page.

    Like `find_members`, but without search, and without a check that the current user is a member.
    """
    if user_ids is None:
        rows = ordered_members(conversation_id)
    else:
        rows = ordered_members(conversation_id, with_former=True).filter(user_id__in=list(user_ids))
    if before is not None:
        rank, last_id, name = before
        rows = rows.filter(Q(rank__gt=rank) | Q(rank=rank, key__gt=name) | Q(rank=rank, key=name, user_id__gt=last_id))
    page = list(rows[: limit + 1])
    has_more, page = len(page) > limit, page[:limit]
    cursor = None
    if has_more:
        last = page[-1]
        cursor = (ROLE_RANK[Role(last.role)], last.user_id, ascii_lower(last.user.display_name))
    return [member_schema(row) for row in page], cursor


def ordered_members(conversation_id: int, *, with_former: bool = False) -> QuerySet[Membership]:
    """Returns a query of the members of a conversation, sorted by role and name.

    With `with_former`, it includes users who have left the conversation.
    """
    name = Coalesce(NullIf("user__name", Value("")), F("user__username"), output_field=CharField())
    collation = "C" if connection.vendor == "postgresql" else "BINARY"
    rank = Case(
        *[When(role=role, then=Value(rank)) for role, rank in ROLE_RANK.items()],
        default=Value(2),
        output_field=IntegerField(),
    )
    rows = Membership.objects.filter(conversation_id=conversation_id).select_related("user")
    if not with_former:
        rows = rows.filter(Membership.LISTED)
    return rows.annotate(rank=rank, key=Lower(Collate(name, collation))).order_by("rank", "key", "user_id")


def _search_members(user_id: int, conversation_id: int, q: str, limit: int) -> list[MemberSchema]:
    rows = Membership.objects.filter(Membership.LISTED, conversation_id=conversation_id)
    users = user_search.search_users(user_id, q, conversation_id, limit)
    memberships = {row.user_id: row for row in rows.filter(user__in=users).select_related("user")}
    return [member_schema(memberships[user.pk]) for user in users if user.pk in memberships]


def list_online_members(user_id: int, conversation_id: int) -> OnlineMembersSchema:
    """Returns the members of a conversation who are online, including the user `user_id`.

    Members whose privacy settings hide from this user that they are online are left out. Raises `not_found` for
    non-members.
    """
    get_membership(user_id, conversation_id)
    rows = Membership.objects.filter(conversation_id=conversation_id, left_at=None)
    online_ids = get_tracker().get_online_users(list(rows.values_list("user_id", flat=True)))
    related_ids = hooks.filter_users_sharing_conversations(user_id, list(online_ids)) | ({user_id} & online_ids)
    presences = visibility.list_visible_presence(User.objects.get(pk=user_id), related_ids, online_ids)
    visible_ids = sorted(presence.user_id for presence in presences if presence.online)
    return OnlineMembersSchema(len(visible_ids), visible_ids)


def filter_members(conversation_id: int, user_ids: Iterable[int]) -> set[int]:
    """Returns the ids from `user_ids` of users who are members of the conversation now.

    Does not check that the caller is a member.
    """
    rows = Membership.objects.filter(conversation_id=conversation_id, left_at=None, user__in=list(user_ids))
    return set(rows.values_list("user_id", flat=True))


def list_shared_groups(user_id: int, other_id: int, limit: int = 6) -> tuple[list[Membership], int]:
    """Returns groups of which both users are members, newest activity first, and the number of all such groups.

    At most `limit` groups are returned, so the number can be greater. Each group is returned as the membership of the
    user `user_id` in it.
    """
    memberships_in_shared = Membership.objects.filter(
        user_id=user_id,
        left_at=None,
        conversation__deleted_at=None,
        conversation__kind="group",
        conversation__in=Membership.objects.filter(user_id=other_id, left_at=None).values("conversation"),
    )
    rows = memberships_in_shared.select_related("conversation").order_by("-conversation__active_at", "-conversation_id")
    page = list(rows[: limit + 1])
    return page[:limit], len(page) if len(page) <= limit else memberships_in_shared.count()


def list_members(user_id: int, conversation_id: int) -> list[MemberSchema]:
    """Returns all members of a conversation, sorted by role and name. Raises `not_found` for non-members."""
    get_membership(user_id, conversation_id)
    return [member_schema(row) for row in ordered_members(conversation_id)]


def ascii_lower(name: str) -> str:
    """Converts A to Z to lower case and changes no other letters.

    The SQL function `LOWER` does the same with a binary collation, so names are sorted alike in Python and in the
    database.
    """
    return "".join(char.lower() if "A" <= char <= "Z" else char for char in name)


def query_members(user_id: int, conversation_id: int) -> QuerySet[User]:
    """Returns the members of a conversation as a query of `User`. Raises `not_found` if `user_id` is not a member.

    Each user has the annotation `wrote`: the number (seq) of the newest text message that the user has written in the
    conversation.
    """
    memberships = Membership.objects.filter(
        Membership.LISTED, conversation_id=conversation_id, conversation__deleted_at=None
    )
    if not memberships.filter(user_id=user_id, left_at=None).exists():
        raise not_found()
    return User.objects.filter(memberships__in=memberships).annotate(wrote=F("memberships__sent_seq"))
