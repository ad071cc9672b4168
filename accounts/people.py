"""Finding people, by name only: an e-mail address finds nobody."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Case, IntegerField, Q, Value, When
from django.db.models.functions import Lower

from accounts.models import User
from accounts.names import LONGEST, skeleton, storable

MOST = 100
LONGEST_QUESTION = 60


def find(user_id: int, q: str, among: Iterable[int] | None = None, limit: int = 20) -> list[User]:
    """Other people whose user name or display name has `q` in it, best first; without `q` the newest.

    `among`: only these people, such as the members of a conversation. Suspended accounts are never found.
    """
    people = User.objects.filter(is_active=True).exclude(pk=user_id)
    if among is not None:
        people = people.filter(pk__in=list(among))
    limit = max(1, min(limit, MOST))
    text = " ".join(storable(q).split())[:LONGEST_QUESTION]
    if not text:
        return list(people.order_by("-date_joined", "-pk")[:limit])
    key = skeleton(text.removeprefix("@"))
    likely = Q(username__icontains=text) | Q(name__icontains=text)
    if key and len(key) <= LONGEST * 2:
        likely |= Q(username_key__startswith=key)
    rank = Case(
        When(username_key=key, then=Value(0)),
        When(Q(username_key__startswith=key) | Q(name__istartswith=text), then=Value(1)),
        When(name__icontains=f" {text}", then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    return list(people.filter(likely).annotate(rank=rank).order_by("rank", Lower("username"))[:limit])
