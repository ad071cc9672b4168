"""Stores which users are typing in which conversation.

It limits how often events about a user's typing are published. A user who does not report typing again for some seconds
counts as no longer typing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from messenger.live.events import publish_now
from presence import schemas

EXPIRES_AFTER = 5.0  # seconds after the last `typing` command
PUBLISH_INTERVAL = 2.0  # seconds at least between two events "user is typing" of one source in one conversation

TypingChange = tuple[int, int, bool]  # user id, conversation id, active: the arguments of `schemas.typing_event`


@dataclass(slots=True)
class _SourceState:
    """Whether one source (a connection, or the API clients of a user) is typing in one conversation."""

    user_id: int
    active: bool = False  # as received last
    published_active: bool = False  # as published last
    published_at: float = float("-inf")
    expires_at: float = 0.0


class TypingState:
    """Stores which users are typing, as far as their clients are connected to this process.

    The methods return the changes that their caller must publish as events. A `source` is a connection id, or a name
    for all API clients of a user. The class is thread-safe, since API requests and the WebSocket consumer call it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._conversations: dict[int, dict[str, _SourceState]] = {}  # by conversation id, then by source

    def update(self, source: str, user_id: int, conversation_id: int, active: bool) -> list[TypingChange]:
        """Stores what a client has reported: its user is typing in the conversation (`active` is true) or has stopped.

        Returns the changes that the caller must publish.
        """
        with self._lock:
            now = self._clock()
            sources = self._conversations.setdefault(conversation_id, {})
            state = sources.setdefault(source, _SourceState(user_id))
            state.active, state.expires_at = active, now + EXPIRES_AFTER
            return list(self._step(now, conversation_id, sources, source, is_update=True))

    def remove_source(self, source: str) -> list[TypingChange]:
        """Removes a source of typing (a connection that was closed). Returns the changes that the caller must publish.

        There are changes only if the user was typing on this connection.
        """
        with self._lock:
            now = self._clock()
            changes: list[TypingChange] = []
            for conversation_id, sources in list(self._conversations.items()):
                if state := sources.get(source):
                    state.active = False
                    changes += self._step(now, conversation_id, sources, source)
                    sources.pop(source, None)
                    if not sources:
                        self._conversations.pop(conversation_id, None)
            return changes

    def collect_due(self) -> list[TypingChange]:
        """Returns changes of who is typing that must be published now although no client has reported anything.

        Called a few times a second. Either a user has not reported typing for some seconds and counts as no longer
        typing, or a change was held back until PUBLISH_INTERVAL had passed since the previous event.
        """
        with self._lock:
            now = self._clock()
            changes: list[TypingChange] = []
            for conversation_id, sources in list(self._conversations.items()):
                for source, state in list(sources.items()):
                    if state.expires_at <= now:
                        state.active = False
                    changes += self._step(now, conversation_id, sources, source)
                if not sources:
                    self._conversations.pop(conversation_id, None)
            return changes

    def _step(
        self, now: float, conversation_id: int, sources: dict[str, _SourceState], source: str, is_update: bool = False
    ) -> Iterator[TypingChange]:
        state = sources[source]
        may_publish = now - state.published_at >= PUBLISH_INTERVAL
        if state.active:
            # Published again after each update, because clients end the indicator after EXPIRES_AFTER.
            if may_publish and (is_update or not state.published_active):
                state.published_active, state.published_at = True, now
                yield state.user_id, conversation_id, True
            return
        if state.published_active:
            state.published_active = False
            # The user may still type in another tab.
            if not any(other.published_active and other.user_id == state.user_id for other in sources.values()):
                yield state.user_id, conversation_id, False
        if may_publish:
            del sources[source]


local_state = TypingState()  # of this process


def publish_changes(changes: list[TypingChange]) -> None:
    if changes:
        publish_now([schemas.typing_event(*change) for change in changes])
