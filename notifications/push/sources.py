"""The kinds of push messages, and the functions that compute what browsers are to show of each.

An app above this one registers its kinds in `AppConfig.ready`:

    register_push_source("reminder", PushSource(build_reminders, store_reminders))

and passes the kind to `pending_pushes.add`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from accounts.models import User
from notifications.push.content import PushState


class PushSource(NamedTuple):
    """`build(users, conversation_id, object_id)` returns by user id what their browsers are to show now.

    `store(object_id, states, now)` stores that browsers show these states.
    """

    build: Callable[[Sequence[User], int, int], Mapping[int, PushState]]
    store: Callable[[int, Iterable[Any], datetime], None]


_sources: dict[str, PushSource] = {}


def register_push_source(kind: str, source: PushSource) -> None:
    _sources[kind] = source


def get_push_source(kind: str) -> PushSource:
    return _sources[kind]
