"""Searches users by user name and display name. E-mail addresses are not searched.

A search text matches the beginning of a word of a name; Chinese names also match by pinyin and initials. Contacts and
recent conversation partners come first. The cost of a search does not depend on the number of users, because it reads
at most `MAX_INDEX_KEYS` entries of an index (`SearchKey`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Lower

from accounts import hooks
from accounts.models import Relationship, SearchKey, User
from accounts.selectors import privacy
from accounts.text import pinyin
from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import MAX_USERNAME_LENGTH, skeleton

MAX_QUERY_LENGTH = 60  # characters
MAX_INDEX_KEYS = 500  # keys of users without a relationship that one query reads


class UserPosition(NamedTuple):
    """The place of a user in the results of a search: after others with smaller values."""

    exactness: int
    nearness: int
    name: str


def search_users(user_id: int, q: str, conversation_id: int | None = None, limit: int = 20) -> list[User]:
    """Returns other users whose names match `q`, best first. Makes two queries at most, or four if `q` is empty.

    If `q` is empty, returns suggestions: contacts and conversation partners, then members of the user's groups, then
    the newest users. Users to whom `user_id` has no relationship are found only if their privacy setting allows it.
    Suspended users, and users whom `user_id` has blocked, are never found.

    With `conversation_id`, only members of this conversation are found, and those who wrote last come first. Raises
    `not_found` if `user_id` is not a member.
    """
    return list(_find_users(user_id, q, conversation_id)[:limit])


def search_users_page(
    user_id: int, q: str, *, before: UserPosition | None = None, limit: int = 20
) -> tuple[list[User], UserPosition | None]:
    """Returns a page of what `search_users` finds for a text, and the position of its last user if there are more.

    `before` is the position that came with the previous page. The next page begins after it, also if this user is not
    found any more.
    """
    if not _clean(q):
        return [], None
    results = _find_users(user_id, q)
    if before:
        same_exactness = Q(exactness=before.exactness)
        same_nearness = same_exactness & Q(nearness=before.nearness)
        results = results.filter(
            Q(exactness__gt=before.exactness)
            | same_exactness & Q(nearness__gt=before.nearness)
            | same_nearness & Q(lower_name__gt=before.name)
        )
    users: list[Any] = list(results[: limit + 1])
    if len(users) <= limit:
        return users, None
    last = users[limit - 1]
    return users[:limit], UserPosition(last.exactness, last.nearness, last.lower_name)


def _clean(q: str) -> str:
    return " ".join(strip_unstorable(q).split())[:MAX_QUERY_LENGTH]


def _find_users(user_id: int, q: str, conversation_id: int | None = None) -> QuerySet[User]:
    """Returns the query of `search_users`, best first; for a text, with the values of `UserPosition` as annotations."""
    users = hooks.conversation_members(user_id, conversation_id) if conversation_id else None
    if users is None:
        users = User.objects.filter(privacy.allowed_by(user_id, "find_me") | _has_visible_relationship(user_id))
    users = users.filter(is_active=True).exclude(pk=user_id)
    blocks = Relationship.objects.filter(user=user_id, person=OuterRef("pk"), blocked_at__isnull=False)
    users = users.exclude(Exists(blocks))
    text = _clean(q)
    partner_ids = [] if conversation_id else hooks.direct_partner_ids(user_id)
    group_mate_ids = [] if conversation_id or text else hooks.group_mate_ids(user_id)
    nearness = Case(
        When(_has_visible_relationship(user_id), then=Value(0)),
        When(pk__in=partner_ids, then=Value(1)),
        *(When(pk=pk, then=Value(2 + place)) for place, pk in enumerate(group_mate_ids)),
        default=Value(2 + len(group_mate_ids)),
        output_field=IntegerField(),
    )
    order: list[Any] = [F("wrote").desc()] if conversation_id else ["nearness"]
    if not text:
        order += [Lower("username")] if conversation_id else ["-date_joined", "-pk"]
        return users.annotate(nearness=nearness).order_by(*order)
    if not (matches := _name_matches(user_id, text, partner_ids, is_bounded=not conversation_id)):
        return User.objects.none()
    key = skeleton(text.removeprefix("@"))
    exactness = Case(When(username_key=key, then=Value(0)), default=Value(1), output_field=IntegerField())
    results = users.filter(matches).annotate(exactness=exactness, nearness=nearness, lower_name=Lower("username"))
    return results.order_by("exactness", *order, "lower_name")


def _has_visible_relationship(user_id: int) -> Exists:
    """Returns a query condition for people who are contacts of the user, or have an unanswered contact request.

    The request is from or to the user. Requests that the user ignores, and people whom the user has blocked, are left
    out.
    """
    rows = Relationship.objects.filter(user=user_id, person=OuterRef("pk"), blocked_at=None)
    return Exists(rows.exclude(state__in=(Relationship.State.NONE, Relationship.State.IGNORED)))


def _name_matches(user_id: int, text: str, partner_ids: list[int], *, is_bounded: bool) -> Q | None:
    """Returns a query condition for users whose names match `text`, or None if no name can match.

    A name matches if one of its search keys begins with `text`, or if the user name begins with something that looks
    like `text` (`b0b` finds `bob`). With `is_bounded`, at most MAX_INDEX_KEYS rows of each index are read. Related
    users and `partner_ids` are found in any case.
    """
    look = skeleton(text.removeprefix("@"))
    folded = pinyin.fold_text(text)
    matches = Q()
    if look and len(look) <= MAX_USERNAME_LENGTH * 2:
        lookalikes = User.objects.filter(starts_with("username_key", look)).values("pk")
        matches |= Q(pk__in=_limited(lookalikes, is_bounded))
    if folded:
        keys = SearchKey.objects.filter(starts_with("key", folded))
        matches |= Q(pk__in=_limited(keys.values("user"), is_bounded))
        if is_bounded:  # related users are found even if more than MAX_INDEX_KEYS other users match
            related = Relationship.objects.filter(user=user_id).exclude(state=Relationship.State.NONE).values("person")
            matches |= Q(pk__in=keys.filter(Q(user__in=related) | Q(user__in=partner_ids)).values("user"))
    return matches or None


def _limited(rows: QuerySet, is_bounded: bool) -> QuerySet:
    return rows[:MAX_INDEX_KEYS] if is_bounded else rows


def starts_with(field: str, text: str) -> Q:
    """Returns the query condition "the field begins with `text`", which can use the index of the field also in SQLite.

    Django's `startswith` cannot: in SQLite it becomes a LIKE, which ignores case and therefore reads all rows.
    """
    if connection.vendor == "sqlite":
        return Q(**{f"{field}__gte": text, f"{field}__lt": text + "\U0010ffff"})
    return Q(**{f"{field}__startswith": text})
