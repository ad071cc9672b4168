"""Who is here, as this process knows and tells it.

Every step is made in the local store and, where there is Redis, in the shared one. The shared one answers; while it is
away the local view does, nothing is raised, and on its return everything that it missed is registered again.

Steps of connections are made one after another, by one thread where Redis is asked, so that the local store and
the shared one never differ by more than the step under way. Request threads ask directly.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import redis
from django.conf import settings

from messenger.live.identity import TOO_MANY, SocketRefused
from presence.memory_store import MemoryStore
from presence.redis_store import RedisStore
from presence.store import USUAL, Lease, Opened, Sign, Store, Tick, Times

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)

AWAY = 1.0  # seconds for which a Redis that did not answer is not asked again
NOTICE_GAP = 30.0  # seconds: requests of one person between two of these are not written down
NOTICED_AT_MOST = 20_000  # people remembered for that


class Tracker:
    def __init__(self, shared: RedisStore | None = None, times: Times = USUAL):
        self.local = MemoryStore(times)
        self.shared = shared
        self._writer = ThreadPoolExecutor(1, "presence") if shared else None
        self._away = False
        self._back_at = 0.0  # not before then is an absent Redis asked again
        self._missed = False  # something was not told to the shared store
        self._known: set[int] = set()  # people whom a registration made known anew; the next tick tells
        self._claimed_in: Store = self.local
        self._count: int | None = None  # the head count of the last tick
        self._signed: set[int] = set()  # who gave a sign of life to this process since that was last asked
        self._noticed: dict[tuple[int, str], float] = {}
        self._noticing = threading.Lock()

    # ── For the socket (in the event loop) ───────────────────────────────────────────────────────────────────────
    async def opening(self, connection_id: str, user_id: int, address: str) -> bool:
        """True if the person was not here before. Raises `SocketRefused` where there are too many connections."""
        opened = await self._write(self._open, Lease(connection_id, user_id, address))
        if opened is Opened.TOO_MANY:
            raise SocketRefused(TOO_MANY)
        return opened is Opened.FIRST

    async def closed(self, connection_id: str) -> None:
        await self._write(self._close, connection_id)

    async def looking_at(self, connection_id: str, conversation_id: int | None) -> None:
        await self._write(self._look, connection_id, conversation_id or 0)

    async def beat(self, who: str, view: int | None = None, browser: str = "") -> None:
        await self._write(self.beat_now, who, view, browser)

    async def online(self, user_ids: Iterable[int]) -> set[int]:
        return await self._write(self.online_now, user_ids)

    async def head_count(self) -> int:
        return await self._write(self.head_count_now)

    async def viewers(self, conversation_id: int) -> set[int]:
        return await self._write(self.viewers_now, conversation_id)

    async def tick(self) -> Tick:
        """Once a second, while this process has a socket to tell anything to."""
        return await self._write(self._tick)

    async def settle(self, tick: Tick, user_ids: Iterable[int]) -> list[int]:
        """Of those whom the tick found leaving: who is gone from now on, and ours to tell."""
        return await self._write(self._settle, tick.claim, list(user_ids))

    # ── For requests (in any thread) ─────────────────────────────────────────────────────────────────────────────
    def beat_now(self, who: str, view: int | None = None, browser: str = "") -> None:
        """A sign of life from whoever has no socket: `u:3`, or `b:<browser id>` where nobody is signed in.

        `browser` is the id under which that person's browser may have been counted before they signed in.
        """
        self._sign(Sign(who, True, view or 0, f"b:{browser}" if browser else ""))

    def online_now(self, user_ids: Iterable[int]) -> set[int]:
        asked = list(user_ids)
        if not asked:
            return set()
        return self._ask(lambda store: store.online(asked), lambda: self.local.online(asked))

    def head_count_now(self) -> int:
        """Distinct people, and browsers in which nobody is signed in. While Redis is away: as last known."""
        return self._ask(lambda store: store.head_count(), self._last_count)

    def viewers_now(self, conversation_id: int) -> set[int]:
        return self._ask(lambda store: store.viewers(conversation_id), lambda: self.local.viewers(conversation_id))

    def notice(self, user_id: int, browser: str = "") -> None:
        """A request of this person was answered. Costs next to nothing, and never waits."""
        now, key = time.monotonic(), (user_id, browser)
        with self._noticing:
            if now - self._noticed.get(key, -NOTICE_GAP) < NOTICE_GAP:
                return
            if len(self._noticed) >= NOTICED_AT_MOST:
                self._noticed = {key: at for key, at in self._noticed.items() if now - at < NOTICE_GAP}
            self._noticed[key] = now
        sign = Sign(f"u:{user_id}", instead_of=f"b:{browser}" if browser else "")
        if self._writer:
            self._writer.submit(self._sign, sign)
        else:
            self._sign(sign)

    def signed(self) -> set[int]:
        """Who gave a sign of life without a socket, here, since this was last asked."""
        signed, self._signed = self._signed, set()
        return signed

    def last_count(self) -> int:
        """The head count as this process knows it, without asking anybody."""
        return self.local.head_count() if self.shared is None else self._last_count()

    # ── One step each ────────────────────────────────────────────────────────────────────────────────────────────
    def _open(self, lease: Lease) -> Opened:
        limits = (settings.CONNECTIONS_PER_PERSON, settings.CONNECTIONS_PER_ADDRESS) if settings.LIMITS else (0, 0)

        def shared(store: RedisStore) -> Opened:
            opened = store.open(lease, *limits)
            if opened is Opened.UNKNOWN:
                self._register(store)
                opened = store.open(lease, *limits)
            if opened is not Opened.TOO_MANY:
                self.local.open(lease, 0, 0)
            return opened

        return self._ask(shared, lambda: self.local.open(lease, *limits))

    def _close(self, connection_id: str) -> None:
        self.local.close(connection_id)
        self._ask(lambda store: store.close(connection_id), _done_here)

    def _look(self, connection_id: str, conversation_id: int) -> None:
        self.local.look(connection_id, conversation_id)
        self._ask(lambda store: store.look(connection_id, conversation_id), _done_here)

    def _sign(self, sign: Sign) -> None:
        if sign.who.startswith("u:"):
            self._signed.add(int(sign.who[2:]))
        self.local.sign(sign)
        self._ask(lambda store: store.sign(sign), _done_here)

    def _tick(self) -> Tick:
        mine = self.local.tick()

        def shared(store: RedisStore) -> Tick:
            tick = store.tick(len(self.local.leases()))
            if self._missed or not tick.known:
                self._register(store)
            # Told from the shared store's view: what ended here is over.
            self.local.settle(mine.claim, [leaving.user_id for leaving in mine.leaving])
            self._claimed_in, self._count = store, tick.head_count
            return tick

        def alone() -> Tick:
            self._claimed_in = self.local
            if self.shared is None:
                return mine
            return mine._replace(head_count=self._last_count(), head_count_changed=False)

        tick = self._ask(shared, alone)
        known, self._known = self._known, set()
        return tick._replace(arrived=sorted({*tick.arrived, *known}))

    def _settle(self, claim: str, user_ids: list[int]) -> list[int]:
        if self._claimed_in is self.local:
            return self.local.settle(claim, user_ids)
        return self._ask(lambda store: store.settle(claim, user_ids), list)

    def _register(self, store: RedisStore) -> None:
        """Give an emptied or returned store, or one that took us for dead, everything that lives here."""
        self._missed = False
        self._known.update(store.register(self.local.leases()))
        for sign in self.local.signs():
            store.sign(sign)

    # ── Plumbing ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _ask(self, shared: Callable[[RedisStore], T], alone: Callable[[], T]) -> T:
        """The shared store's answer, or that of this process alone."""
        if self.shared is None:
            return alone()
        if time.monotonic() >= self._back_at:
            try:
                answer = shared(self.shared)
            except redis.RedisError as error:
                if not self._away:
                    log.warning("Redis is away, presence is known to this process alone: %s", type(error).__name__)
                self._away, self._back_at = True, time.monotonic() + AWAY
            else:
                if self._away:
                    self._away = False
                    log.info("Redis is back, presence is shared again")
                return answer
        self._missed = True
        return alone()

    def _last_count(self) -> int:
        return self.local.head_count() if self._count is None else self._count

    async def _write(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._writer is None:
            return step(*args, **kwargs)  # a few microseconds
        return await asyncio.get_running_loop().run_in_executor(self._writer, lambda: step(*args, **kwargs))


def _done_here() -> None:
    """The local store has it already."""


_tracker: Tracker | None = None
_making = threading.Lock()


def tracker() -> Tracker:
    """This process's one."""
    global _tracker
    with _making:
        if _tracker is None:
            url = settings.REDIS_URL
            _tracker = Tracker(RedisStore(url, secrets.token_hex(6)) if url else None)
        return _tracker


def use(other: Tracker | None) -> None:
    """For tests: this one from now on; None: a fresh one when next asked."""
    global _tracker
    _tracker = other
