"""Who is typing where: told sparingly, and ended by the clock where nobody says that it ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from messenger.live.events import publish_now
from presence import schemas

ENDS_AFTER = 5.0  # seconds after it was last heard
TOLD_EVERY = 2.0  # seconds between two tellings that a speaker types in a conversation

Told = tuple[int, int, bool]  # person, conversation, active


@dataclass(slots=True)
class _Typing:
    user_id: int
    active: bool = False  # as heard
    shown: bool = False  # as told
    told_at: float = float("-inf")
    ends_at: float = 0.0


class Typists:
    """`speaker` is a connection, or whatever else a person types through. Each call returns what is to be told now.

    From any thread: requests speak here as sockets do.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._of: dict[int, dict[str, _Typing]] = {}  # conversation → speaker → state

    def heard(self, speaker: str, user_id: int, conversation_id: int, active: bool) -> list[Told]:
        with self._lock:
            now = self._clock()
            speakers = self._of.setdefault(conversation_id, {})
            state = speakers.setdefault(speaker, _Typing(user_id))
            state.active, state.ends_at = active, now + ENDS_AFTER
            return list(self._step(now, conversation_id, speakers, speaker, heard=True))

    def stopped(self, speaker: str) -> list[Told]:
        """This connection closed."""
        with self._lock:
            now = self._clock()
            told: list[Told] = []
            for conversation_id, speakers in list(self._of.items()):
                if state := speakers.get(speaker):
                    state.active = False
                    told += self._step(now, conversation_id, speakers, speaker)
                    speakers.pop(speaker, None)
                    if not speakers:
                        self._of.pop(conversation_id, None)
            return told

    def pulse(self) -> list[Told]:
        """A few times a second: what has ended by itself, and what had to wait."""
        with self._lock:
            now = self._clock()
            told: list[Told] = []
            for conversation_id, speakers in list(self._of.items()):
                for speaker, state in list(speakers.items()):
                    if state.ends_at <= now:
                        state.active = False
                    told += self._step(now, conversation_id, speakers, speaker)
                if not speakers:
                    self._of.pop(conversation_id, None)
            return told

    def _step(
        self, now: float, conversation_id: int, speakers: dict[str, _Typing], speaker: str, heard: bool = False
    ) -> Iterator[Told]:
        state = speakers[speaker]
        rested = now - state.told_at >= TOLD_EVERY
        if state.active:
            # Told again when it is heard again, for pages that would let it end.
            if rested and (heard or not state.shown):
                state.shown, state.told_at = True, now
                yield state.user_id, conversation_id, True
            return
        if state.shown:
            state.shown = False
            # Two tabs are one person.
            if not any(other.shown and other.user_id == state.user_id for other in speakers.values()):
                yield state.user_id, conversation_id, False
        if rested:
            del speakers[speaker]


here = Typists()  # of this process


def tell(told: list[Told]) -> None:
    if told:
        publish_now([schemas.typing(*one) for one in told])
