"""Finding people, by name only: an e-mail address finds nobody.

By the beginning of a word of the user name or the display name, Chinese also by pinyin and initials. Whom one has in
one's list and whom one talks with come first. Each question costs the same, however many people there are: what was
typed is looked up in an index of keys (`SearchKey`), of which only so many are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Lower

from accounts import hooks
from accounts.models import SearchKey, Tie, User
from accounts.selectors import privacy
from accounts.text import pinyin
from accounts.text.usernames import LONGEST, skeleton, storable

MOST = 100
LONGEST_QUESTION = 60
READ = 500  # keys of strangers that one question looks at


def find(user_id: int, q: str, conversation_id: int | None = None, limit: int = 20) -> list[User]:
    """Other people who are called so, best first; without `q` those one has to do with, then the newest.

    Strangers are found if they let themselves be. `conversation_id`: its members only, whoever wrote last first;
    `not_found` if one is no member. Suspended people and those one blocks are never found. Two queries at most.
    """
    limit = max(1, min(limit, MOST))
    people = hooks.people_of(user_id, conversation_id) if conversation_id else None
    if people is None:
        people = User.objects.filter(privacy.lets(user_id, "find_me") | _has(user_id))
    people = people.filter(is_active=True).exclude(pk=user_id)
    people = people.exclude(Exists(Tie.objects.filter(user=user_id, person=OuterRef("pk"), blocked_at__isnull=False)))
    partners = [] if conversation_id else hooks.partners(user_id)
    near = Case(
        When(_has(user_id), then=Value(0)),
        When(pk__in=partners, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    order: list[Any] = [F("wrote").desc(), Lower("username")] if conversation_id else ["near"]
    text = " ".join(storable(q).split())[:LONGEST_QUESTION]
    if not text:
        order += [] if conversation_id else ["-date_joined", "-pk"]
        return list(people.annotate(near=near).order_by(*order)[:limit])
    if not (called := _called(user_id, text, partners, bounded=not conversation_id)):
        return []
    key = skeleton(text.removeprefix("@"))
    exact = Case(When(username_key=key, then=Value(0)), default=Value(1), output_field=IntegerField())
    found = people.filter(called).annotate(exact=exact, near=near)
    return list(found.order_by("exact", *order, Lower("username"))[:limit])


def _has(user_id: int) -> Exists:
    """People who are in this person's list, asked or asking."""
    ties = Tie.objects.filter(user=user_id, person=OuterRef("pk"), blocked_at=None)
    return Exists(ties.exclude(state__in=(Tie.State.NONE, Tie.State.IGNORED)))


def _called(user_id: int, text: str, partners: list[int], *, bounded: bool) -> Q | None:
    """People who are called so: by key, and by look (`b0b` is a `bob`). `bounded`: of strangers only so many."""
    look = skeleton(text.removeprefix("@"))
    typed = pinyin.folded(text)
    called = Q()
    if look and len(look) <= LONGEST * 2:
        called |= Q(pk__in=_some(User.objects.filter(begins("username_key", look)).values("pk"), bounded))
    if typed:
        keys = SearchKey.objects.filter(begins("key", typed))
        called |= Q(pk__in=_some(keys.values("user"), bounded))
        if bounded:  # however many strangers are called so, those one has to do with are among the found
            mine = Tie.objects.filter(user=user_id).exclude(state=Tie.State.NONE).values("person")
            near = Q(user__in=mine) | Q(user__in=partners)
            called |= Q(pk__in=keys.filter(near).values("user"))
    return called or None


def _some(rows: QuerySet, bounded: bool) -> QuerySet:
    return rows[:READ] if bounded else rows


def begins(field: str, text: str) -> Q:
    """`startswith` by the index: SQLite's LIKE, which folds case, would read all rows."""
    if connection.vendor == "sqlite":
        return Q(**{f"{field}__gte": text, f"{field}__lt": text + "\U0010ffff"})
    return Q(**{f"{field}__startswith": text})


def reachable(user_id: int, person_ids: Iterable[int]) -> dict[int, User]:
    """Of these people those whom this one may know to be here. The others are as if they were not there."""
    return privacy.known(user_id, person_ids)
