"""What may be known of people: who hides, when somebody was last seen, and telling that they came or went.

Synchronous, for database threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from messenger.live.news import Passing
from presence import hooks, shapes

HIDDEN_KEPT = 10.0  # seconds for which a person's choice is remembered
HIDDEN_AT_MOST = 20_000

_choices: dict[int, tuple[bool, float]] = {}  # person → hidden, known until
_lock = threading.Lock()


def hidden(user_ids: Iterable[int]) -> set[int]:
    """Those who do not show their presence; and those who are no people (any more)."""
    wanted, now = set(user_ids), time.monotonic()
    with _lock:
        known = {user_id: _choices[user_id][0] for user_id in wanted if _choices.get(user_id, (False, 0.0))[1] > now}
    if unknown := wanted - known.keys():
        showing = set(User.objects.filter(pk__in=unknown, show_presence=True).values_list("pk", flat=True))
        asked = {user_id: user_id not in showing for user_id in unknown}
        with _lock:
            if len(_choices) > HIDDEN_AT_MOST:
                _choices.clear()
            _choices.update({user_id: (hides, now + HIDDEN_KEPT) for user_id, hides in asked.items()})
        known |= asked
    return {user_id for user_id, hides in known.items() if hides}


def forget(user_id: int) -> None:
    """This person has just chosen."""
    with _lock:
        _choices.pop(user_id, None)


def news_of_coming(conversations: Mapping[int, Iterable[int] | None]) -> list[Passing]:
    """These people are here now: to be told in their conversations, which are looked up where given as None."""
    return list(_presence(conversations.keys() - hidden(conversations), True, None, conversations).values())


def news_of_going(ago: Mapping[int, float]) -> dict[int, Passing]:
    """These people left so many seconds ago: what is to be told of each, of some nothing."""
    told: dict[int, Passing] = {}
    for user_id in ago.keys() - hidden(ago):
        told |= _presence([user_id], False, timezone.now() - timedelta(seconds=ago[user_id]), {})
    return told


def store_last_seen(ago: Mapping[int, float]) -> None:
    """These people were last seen so many seconds ago. Of who hides, that is not kept."""
    by_second: dict[int, list[int]] = {}
    for user_id in ago.keys() - hidden(ago):
        by_second.setdefault(int(ago[user_id]), []).append(user_id)
    for seconds, user_ids in by_second.items():
        User.objects.filter(pk__in=user_ids).update(last_seen_at=timezone.now() - timedelta(seconds=seconds))


def of(user_ids: Iterable[int], online: set[int]) -> list[shapes.PresenceShape]:
    """What may be known of these people now. Who hides looks like somebody who has never been here."""
    rows = User.objects.filter(pk__in=user_ids).order_by("pk").values_list("pk", "show_presence", "last_seen_at")
    found = []
    for user_id, shows, last_seen in rows:
        here = shows and user_id in online
        when = shapes.moment(last_seen) if last_seen and shows and not here else None
        found.append(shapes.PresenceShape(user_id, here, when))
    return found


def _presence(
    user_ids: Iterable[int],
    online: bool,
    last_seen: datetime | None,
    conversations: Mapping[int, Iterable[int] | None],
) -> dict[int, Passing]:
    told = {}
    for user_id in user_ids:
        where = conversations.get(user_id)
        where = tuple(hooks.conversations(user_id) if where is None else where)
        if where:
            told[user_id] = shapes.presence(user_id, online, last_seen, where)
    return told
