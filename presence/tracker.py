"""Tracks which users are online: writes each change to a local store (in memory) and, if configured, to Redis.

With Redis, answers come from Redis. If Redis fails, the answers come from the local store, which only knows the users
of this process, and no error is raised. When Redis is back, the process writes all its open connections to Redis again.

With Redis, a single thread writes the changes that WebSocket connections cause, one after another. So the two stores
differ by one change at most. Request threads call Redis directly.

As in Django, the names of asynchronous variants of synchronous methods begin with `a`.
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

from messenger.live.handshake import TOO_MANY, SocketRefused
from presence.memory_store import MemoryStore
from presence.redis_store import RedisStore
from presence.store import DEFAULT_TIMEOUTS, Activity, Lease, OpenResult, Store, TickResult, Timeouts

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)

REDIS_RETRY_AFTER = 1.0  # seconds without a new attempt after Redis failed
ACTIVITY_INTERVAL = 30.0  # seconds: of the requests of one user, one in this time is recorded
# Reasons with which a connection is refused, for authors of clients
_REASONS = {
    OpenResult.TOO_MANY_OF_USER: "This user has too many connections.",
    OpenResult.TOO_MANY_OF_ADDRESS: "This IP address has too many connections.",
}
MAX_REMEMBERED_ACTIVITIES = 20_000  # entries; above this, entries older than ACTIVITY_INTERVAL are removed


class PresenceTracker:
    def __init__(self, redis_store: RedisStore | None = None, timeouts: Timeouts = DEFAULT_TIMEOUTS):
        self.local_store = MemoryStore(timeouts)
        self.redis_store = redis_store
        self._executor = ThreadPoolExecutor(1, "presence") if redis_store else None
        self._is_redis_down = False
        self._redis_retry_at = 0.0  # monotonic time
        self._redis_missed_steps = False
        self._arrived_by_registration: set[int] = set()  # users whom the next tick reports as arrived
        self._claim_store: Store = self.local_store  # the store that gave the last tick
        self._head_count: int | None = None  # of the last tick from Redis
        self._active_user_ids: set[int] = set()  # users with activity in this process since `pop_active_user_ids`
        self._activity_recorded_at: dict[tuple[int, str], float] = {}
        self._activity_lock = threading.Lock()

    # ── For the WebSocket consumer (in the event loop) ───────────────────────────────────────────────────────────
    async def open_connection(self, connection_id: str, user_id: int, address: str) -> bool:
        """Adds an open connection of a user. Returns whether the user was offline before.

        Raises `SocketRefused` if the user or the IP address already has too many connections.
        """
        result = await self._run_in_order(self._open, Lease(connection_id, user_id, address))
        if reason := _REASONS.get(result):
            raise SocketRefused(TOO_MANY, reason)
        return result is OpenResult.FIRST

    async def close_connection(self, connection_id: str) -> None:
        await self._run_in_order(self._close, connection_id)

    async def set_view(self, connection_id: str, conversation_id: int | None) -> None:
        await self._run_in_order(self._set_view, connection_id, conversation_id or 0)

    async def arecord_heartbeat(self, subject: str, conversation_id: int | None = None, browser_id: str = "") -> None:
        await self._run_in_order(self.record_heartbeat, subject, conversation_id, browser_id)

    async def aget_online_users(self, user_ids: Iterable[int]) -> set[int]:
        return await self._run_in_order(self.get_online_users, user_ids)

    async def aget_head_count(self) -> int:
        return await self._run_in_order(self.get_head_count)

    async def aget_viewers(self, conversation_id: int) -> set[int]:
        return await self._run_in_order(self.get_viewers, conversation_id)

    async def tick(self) -> TickResult:
        """Renews the leases (entries of open connections) of this process.

        Returns what has changed, such as who came and left. To be called once a second while the process has a
        WebSocket connection.
        """
        return await self._run_in_order(self._tick)

    async def confirm_departures(self, tick: TickResult, user_ids: Iterable[int]) -> list[int]:
        """Sets those of `user_ids` offline who seemed to have left, according to `tick`, and have not come back since.

        `tick` is the result of an earlier call of the method `tick`. Returns the users who are offline now. The calling
        process must publish that they went offline.
        """
        return await self._run_in_order(self._confirm_departures, tick.claim, list(user_ids))

    # ── For requests (in any thread) ─────────────────────────────────────────────────────────────────────────────
    def record_heartbeat(self, subject: str, conversation_id: int | None = None, browser_id: str = "") -> None:
        """Records a heartbeat: a request by which a client without a WebSocket reports that it is still in use.

        `subject` is `u:<user id>`, or `b:<browser id>` for a visitor. `conversation_id` is the conversation that the
        user views. `browser_id` is the id under which the user's browser may have been counted as a visitor before the
        sign-in.
        """
        replaces = f"b:{browser_id}" if browser_id else ""
        self._record(Activity(subject, True, conversation_id or 0, replaces))

    def get_online_users(self, user_ids: Iterable[int]) -> set[int]:
        id_list = list(user_ids)
        if not id_list:
            return set()
        return self._with_fallback(
            lambda store: store.get_online_users(id_list), lambda: self.local_store.get_online_users(id_list)
        )

    def get_head_count(self) -> int:
        """Returns how many users and visitors are online. While Redis is down, returns the last known number."""
        return self._with_fallback(lambda store: store.get_head_count(), self._get_last_head_count)

    def get_viewers(self, conversation_id: int) -> set[int]:
        return self._with_fallback(
            lambda store: store.get_viewers(conversation_id), lambda: self.local_store.get_viewers(conversation_id)
        )

    def record_activity(self, user_id: int, browser_id: str = "") -> None:
        """Records that this user has sent an HTTP request, which makes the user count as online. Never waits for Redis.

        Of several requests of a user within ACTIVITY_INTERVAL, only the first one is recorded.
        """
        now, key = time.monotonic(), (user_id, browser_id)
        with self._activity_lock:
            if now - self._activity_recorded_at.get(key, -ACTIVITY_INTERVAL) < ACTIVITY_INTERVAL:
                return
            if len(self._activity_recorded_at) >= MAX_REMEMBERED_ACTIVITIES:
                self._activity_recorded_at = {
                    key: recorded_at
                    for key, recorded_at in self._activity_recorded_at.items()
                    if now - recorded_at < ACTIVITY_INTERVAL
                }
            self._activity_recorded_at[key] = now
        activity = Activity(f"u:{user_id}", replaces=f"b:{browser_id}" if browser_id else "")
        if self._executor:
            self._executor.submit(self._record, activity)
        else:
            self._record(activity)

    def pop_active_user_ids(self) -> set[int]:
        """Returns the users who sent a request or heartbeat to this process since the previous call of this method."""
        user_ids, self._active_user_ids = self._active_user_ids, set()
        return user_ids

    def get_last_head_count(self) -> int:
        """Returns the last known number of online users and visitors, without asking Redis."""
        return self.local_store.get_head_count() if self.redis_store is None else self._get_last_head_count()

    # ── Steps: first in the local store, then in Redis ───────────────────────────────────────────────────────────
    def _open(self, lease: Lease) -> OpenResult:
        limits = (settings.CONNECTIONS_PER_PERSON, settings.CONNECTIONS_PER_ADDRESS) if settings.LIMITS else (0, 0)

        def open_in_redis(store: RedisStore) -> OpenResult:
            result = store.open_lease(lease, *limits)
            if result is OpenResult.UNKNOWN_PROCESS:
                self._register(store)
                result = store.open_lease(lease, *limits)
            if result not in _REASONS:
                self.local_store.open_lease(lease, 0, 0)
            return result

        return self._with_fallback(open_in_redis, lambda: self.local_store.open_lease(lease, *limits))

    def _close(self, connection_id: str) -> None:
        self.local_store.close_lease(connection_id)
        self._with_fallback(lambda store: store.close_lease(connection_id), _do_nothing)

    def _set_view(self, connection_id: str, conversation_id: int) -> None:
        self.local_store.set_view(connection_id, conversation_id)
        self._with_fallback(lambda store: store.set_view(connection_id, conversation_id), _do_nothing)

    def _record(self, activity: Activity) -> None:
        if activity.subject.startswith("u:"):
            self._active_user_ids.add(int(activity.subject[2:]))
        self.local_store.record_activity(activity)
        self._with_fallback(lambda store: store.record_activity(activity), _do_nothing)

    def _tick(self) -> TickResult:
        local_tick = self.local_store.tick()

        def tick_in_redis(store: RedisStore) -> TickResult:
            tick = store.tick(len(self.local_store.list_leases()))
            if self._redis_missed_steps or not tick.is_registered:
                self._register(store)
            # Redis decides who has left. The departures that the local store found are removed and not published.
            local_departures = [departure.user_id for departure in local_tick.departures]
            self.local_store.confirm_departures(local_tick.claim, local_departures)
            self._claim_store, self._head_count = store, tick.head_count
            return tick

        def tick_locally() -> TickResult:
            self._claim_store = self.local_store
            if self.redis_store is None:
                return local_tick
            return local_tick._replace(head_count=self._get_last_head_count(), head_count_changed=False)

        tick = self._with_fallback(tick_in_redis, tick_locally)
        arrived_by_registration, self._arrived_by_registration = self._arrived_by_registration, set()
        return tick._replace(arrived=sorted({*tick.arrived, *arrived_by_registration}))

    def _confirm_departures(self, claim: str, user_ids: list[int]) -> list[int]:
        if self._claim_store is self.local_store:
            return self.local_store.confirm_departures(claim, user_ids)
        return self._with_fallback(lambda store: store.confirm_departures(claim, user_ids), list)

    def _register(self, store: RedisStore) -> None:
        """Writes all open connections of this process, and users who were recently active in it, to Redis.

        Called if Redis lost its data, was down for a while, or treated this process as stopped.
        """
        self._redis_missed_steps = False
        self._arrived_by_registration.update(store.register(self.local_store.list_leases()))
        for activity in self.local_store.list_activities():
            store.record_activity(activity)

    # ── Helpers ──────────────────────────────────────────────────────────────────────────────────────────────────
    def _with_fallback(self, on_redis: Callable[[RedisStore], T], fallback: Callable[[], T]) -> T:
        """Calls `on_redis` with the Redis store and returns its result.

        If Redis is down or not configured, calls `fallback` instead and returns the result of `fallback`.
        """
        if self.redis_store is None:
            return fallback()
        if time.monotonic() >= self._redis_retry_at:
            try:
                result = on_redis(self.redis_store)
            except redis.RedisError as error:
                if not self._is_redis_down:
                    log.warning(
                        "Redis is unavailable, presence is known to this process alone: %s", type(error).__name__
                    )
                self._is_redis_down, self._redis_retry_at = True, time.monotonic() + REDIS_RETRY_AFTER
            else:
                if self._is_redis_down:
                    self._is_redis_down = False
                    log.info("Redis is back, presence is shared again")
                return result
        self._redis_missed_steps = True
        return fallback()

    def _get_last_head_count(self) -> int:
        return self.local_store.get_head_count() if self._head_count is None else self._head_count

    async def _run_in_order(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs the function `step` in a single thread, so that such functions run one after another.

        A thread is used because the function may wait for Redis. Without Redis, the function runs in the event loop,
        since it takes only a few microseconds.
        """
        if self._executor is None:
            return step(*args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: step(*args, **kwargs))


def _do_nothing() -> None:
    """Does nothing. Called instead of a write to Redis while Redis is down: the local store already has the change."""


_tracker: PresenceTracker | None = None
_tracker_lock = threading.Lock()


def get_tracker() -> PresenceTracker:
    """Returns the presence tracker of this process. The first call creates it."""
    global _tracker
    with _tracker_lock:
        if _tracker is None:
            url = settings.REDIS_URL
            _tracker = PresenceTracker(RedisStore(url, secrets.token_hex(6)) if url else None)
        return _tracker


def set_tracker(tracker: PresenceTracker | None) -> None:
    """Replaces the presence tracker of this process, for tests. With None, the next `get_tracker` creates a new one."""
    global _tracker
    _tracker = tracker
