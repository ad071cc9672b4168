"""The one counter of a person: every durable change of what is theirs takes the next number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db.models import F

from accounts.models import User


def next_me_versions(user_ids: Iterable[int]) -> dict[int, list[int]]:
    """New numbers for these people, one for each time an id is given. Inside a transaction.

    The rows are locked in the order of their ids, after those of conversations and memberships, so that no two
    transactions wait for each other.
    """
    wanted = Counter(user_ids)
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    known = dict(rows.values_list("pk", "me_version"))
    for count in set(wanted.values()):
        taking = [pk for pk in known if wanted[pk] == count]
        User.objects.filter(pk__in=taking).update(me_version=F("me_version") + count)
    return {pk: list(range(last + 1, last + 1 + wanted[pk])) for pk, last in known.items()}
