"""Leases in the memory of one process: the whole truth without Redis, the local view with it."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from presence.store import USUAL, Lease, Leaving, Opened, Sign, Tick, Times

HEAD_COUNT_GAP = 0.9  # seconds: a tick that comes a little early still counts as the next second's


class MemoryStore:
    def __init__(self, times: Times = USUAL, clock: Callable[[], float] = time.monotonic):
        self.times = times
        self._clock = clock
        self._lock = threading.Lock()
        self._leases: dict[str, Lease] = {}
        self._of_person: defaultdict[int, set[str]] = defaultdict(set)
        self._of_address: defaultdict[str, set[str]] = defaultdict(set)
        self._here: dict[str, float] = {}  # who → when they leave unless renewed; infinite while a socket is open
        self._beats: dict[str, float] = {}  # who → the end of their explicit beat
        self._beat_views: dict[str, int] = {}
        self._views: defaultdict[int, dict[str, int]] = defaultdict(dict)  # conversation → connection or who → user
        self._arrived: set[int] = set()
        self._stirred: set[int] = set()
        self._told = (-1, -math.inf)  # the head count told last, and when

    # ── Connections ──────────────────────────────────────────────────────────────────────────────────────────────
    def open(self, lease: Lease, per_person: int, per_address: int) -> Opened:
        with self._lock:
            if 0 < per_person <= len(self._of_person.get(lease.user_id, ())):
                return Opened.TOO_MANY
            if 0 < per_address <= len(self._of_address.get(lease.address, ())):
                return Opened.TOO_MANY
            return Opened.FIRST if self._add(lease) else Opened.ANOTHER

    def _add(self, lease: Lease) -> bool:
        """True if the person was not here."""
        self._leases[lease.connection_id] = lease
        self._of_person[lease.user_id].add(lease.connection_id)
        self._of_address[lease.address].add(lease.connection_id)
        if lease.view:
            self._views[lease.view][lease.connection_id] = lease.user_id
        who = f"u:{lease.user_id}"
        new = who not in self._here
        self._here[who] = math.inf
        return new

    def close(self, connection_id: str) -> None:
        with self._lock:
            self._drop(connection_id)

    def _drop(self, connection_id: str) -> None:
        lease = self._leases.pop(connection_id, None)
        if lease is None:
            return
        _discard(self._of_person, lease.user_id, connection_id)
        _discard(self._of_address, lease.address, connection_id)
        self._look_away(lease.view, connection_id)
        if lease.user_id not in self._of_person:
            who = f"u:{lease.user_id}"
            self._here[who] = max(self._clock() + self.times.grace, self._beats.get(who, 0.0))

    def look(self, connection_id: str, conversation_id: int) -> None:
        with self._lock:
            lease = self._leases.get(connection_id)
            if lease is None:
                return
            self._look_away(lease.view, connection_id)
            self._leases[connection_id] = lease._replace(view=conversation_id)
            if conversation_id:
                self._views[conversation_id][connection_id] = lease.user_id

    def _look_away(self, conversation_id: int, looker: str) -> None:
        if lookers := self._views.get(conversation_id):
            lookers.pop(looker, None)
            if not lookers:
                del self._views[conversation_id]

    def register(self, leases: Iterable[Lease]) -> list[int]:
        with self._lock:
            wanted = {lease.connection_id: lease for lease in leases}
            for connection_id in self._leases.keys() - wanted.keys():
                self._drop(connection_id)
            new = set()
            for connection_id, lease in wanted.items():
                if known := self._leases.get(connection_id):
                    self._look_away(known.view, connection_id)
                if self._add(lease):
                    new.add(lease.user_id)
            return list(new)

    def leases(self) -> list[Lease]:
        with self._lock:
            return list(self._leases.values())

    # ── Signs of life without a socket ───────────────────────────────────────────────────────────────────────────
    def sign(self, sign: Sign) -> None:
        with self._lock:
            who, end = sign.who, self._clock() + self.times.beat
            if sign.instead_of:
                self._here.pop(sign.instead_of, None)
            if who not in self._here and who.startswith("u:"):
                self._arrived.add(int(who[2:]))
            self._here[who] = max(end, self._here.get(who, 0.0))
            if sign.explicit and who.startswith("u:"):
                self._beats[who] = end
                self._beat_look(who, sign.view)

    def _beat_look(self, who: str, view: int) -> None:
        before = self._beat_views.get(who, 0)
        if view == before:
            return
        if before:
            self._look_away(before, who)
            del self._beat_views[who]
        if view:
            self._beat_views[who] = view
            self._views[view][who] = int(who[2:])
        self._stirred |= {before, view} - {0}

    def signs(self) -> list[Sign]:
        """The explicit beats that still count: what a store that lost everything needs to hear again."""
        with self._lock:
            now = self._clock()
            return [
                Sign(who, who in self._beats, self._beat_views.get(who, 0))
                for who, end in self._here.items()
                if now < end < math.inf and end - now > self.times.grace
            ]

    # ── The clock ────────────────────────────────────────────────────────────────────────────────────────────────
    def tick(self, expected: int = 0) -> Tick:
        with self._lock:
            now = self._clock()
            for who in [who for who, end in self._beats.items() if end <= now]:
                self._beat_look(who, 0)
                del self._beats[who]
            claim = now + self.times.claim
            leaving = []
            for who, end in [(who, end) for who, end in self._here.items() if end <= now]:
                if who.startswith("u:"):
                    leaving.append(Leaving(int(who[2:]), now - end))
                    self._here[who] = claim
                else:
                    del self._here[who]
            arrived, self._arrived = sorted(self._arrived), set()
            stirred, self._stirred = sorted(self._stirred), set()
            count, (told, told_at) = len(self._here), self._told
            changed = count != told and now - told_at >= HEAD_COUNT_GAP
            if changed:
                self._told = (count, now)
            return Tick(True, arrived, leaving, repr(claim), stirred, count, changed)

    def settle(self, claim: str, user_ids: Iterable[int]) -> list[int]:
        with self._lock:
            gone = [user_id for user_id in user_ids if self._here.get(f"u:{user_id}") == float(claim)]
            for user_id in gone:
                del self._here[f"u:{user_id}"]
                self._arrived.discard(user_id)
            return gone

    # ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────
    def online(self, user_ids: Iterable[int]) -> set[int]:
        with self._lock:
            now = self._clock()
            return {user_id for user_id in user_ids if self._here.get(f"u:{user_id}", 0.0) > now}

    def head_count(self) -> int:
        with self._lock:
            now = self._clock()
            return sum(end > now for end in self._here.values())

    def viewers(self, conversation_id: int) -> set[int]:
        with self._lock:
            return set(self._views.get(conversation_id, {}).values())


def _discard(index: defaultdict, key: object, connection_id: str) -> None:
    index[key].discard(connection_id)
    if not index[key]:
        del index[key]
