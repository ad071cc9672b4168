"""What may be known of people: who hides, when somebody was last seen, and the news that they came or went.

Synchronous, for database threads. Who hides is asked each time: it is one look at an index, and never out of date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from accounts.models import User
from messenger.live.database import writing
from messenger.live.news import News, Passing, tell_now
from presence import hooks, shapes
from presence.tracker import tracker


def showing(user_ids: Iterable[int]) -> set[int]:
    """Those of these people who show when they are here."""
    return set(User.objects.filter(pk__in=user_ids, show_presence=True).values_list("pk", flat=True))


def news_of_coming(where: Mapping[int, tuple[int, ...] | None]) -> list[News]:
    """These people are here now. `where`: the conversations in which it is to be told; None: look them up."""
    known = {user_id: where[user_id] for user_id in showing(where)}
    found = {user_id: tuple(hooks.conversations(user_id)) if ids is None else ids for user_id, ids in known.items()}
    return [shapes.presence(user_id, True, None, ids) for user_id, ids in found.items() if ids]


def news_of_going(left_at: Mapping[int, datetime]) -> dict[int, Passing]:
    """These people left: what is to be told of each, of who hides nothing."""
    where = {user_id: tuple(hooks.conversations(user_id)) for user_id in showing(left_at)}
    return {user_id: shapes.presence(user_id, False, left_at[user_id], ids) for user_id, ids in where.items() if ids}


def store_last_seen(seen_at: Mapping[int, datetime]) -> None:
    """When these people were last seen. Of who hides, that is not kept."""
    with writing():
        people = [User(pk=user_id, last_seen_at=seen_at[user_id]) for user_id in showing(seen_at)]
        User.objects.bulk_update(people, ["last_seen_at"], batch_size=300)


def of(user_ids: Iterable[int], online: set[int]) -> list[shapes.PresenceShape]:
    """What may be known of these people now. Who hides looks like somebody who has never been here."""
    rows = User.objects.filter(pk__in=user_ids).order_by("pk").values_list("pk", "show_presence", "last_seen_at")
    return [
        shapes.presence_shape(user_id, shows and user_id in online, last_seen if shows else None)
        for user_id, shows, last_seen in rows
    ]


def choice_changed(user_id: int) -> None:
    """This person has just begun to hide, or to show, when they are here."""
    if user_id in tracker().online_now([user_id]) and (where := tuple(hooks.conversations(user_id))):
        tell_now([shapes.presence(user_id, bool(showing([user_id])), None, where)])
