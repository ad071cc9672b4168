"""The kinds of push messages, and the functions that compute what browsers are to show of each.

An app above this one registers its kinds in `AppConfig.ready`:

    register_push_source("reminder", PushSource(build_reminders, store_reminders))

and passes the kind to `pending_pushes.add`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from accounts.models import User
from notifications.push.content import PushState


class PushSource(NamedTuple):
    """The functions for one kind of push notifications, such as those of reminders.

    `object_id` is the id of the object that a notification is about, such as a reminder. `build(users, conversation_id,
    object_id)` computes the notification of each user, by user id. `store(object_id, states, now)` records the
    notifications that browsers show now. `find_read(read_seqs)` finds the shown notifications whose message their user
    has read, as (user id, conversation id, object id); `read_seqs` are the read markers by user id and conversation id.
    """

    build: Callable[[Sequence[User], int, int], Mapping[int, PushState]]
    store: Callable[[int, Iterable[Any], datetime], None]
    find_read: Callable[[Mapping[tuple[int, int], int]], Iterable[tuple[int, int, int]]] | None = None


_sources: dict[str, PushSource] = {}


def register_push_source(kind: str, source: PushSource) -> None:
    _sources[kind] = source


def get_push_source(kind: str) -> PushSource:
    return _sources[kind]


def find_read_objects(read_seqs: Mapping[tuple[int, int], int]) -> Iterator[tuple[str, int, int, int]]:
    """Yields what `find_read` of all kinds returns, as (kind, user id, conversation id, object id)."""
    for kind, source in _sources.items():
        for key in source.find_read(read_seqs) if source.find_read else ():
            yield (kind, *key)
