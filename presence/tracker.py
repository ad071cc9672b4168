"""Tracks which users are online, and which conversation each user views.

Each process keeps the leases (entries of open WebSocket connections) and activities of the whole site in memory. Its
own ones come from its consumer and its requests, those of the other processes through Redis (presence.exchange).
So each process finds out by itself who came and left, and sends this to its own connections only. Without Redis there
is one process.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings

from messenger.live.handshake import TOO_MANY, SocketRefused
from presence.exchange import RedisExchange
from presence.leases import DEFAULT_TIMEOUTS, Activity, ActivityKind, Lease, Report, Timeouts

ACTIVITY_INTERVAL = 30.0  # seconds: of the requests of one user, one in this time is recorded
MAX_REMEMBERED_ACTIVITIES = 20_000  # entries; above this, entries older than ACTIVITY_INTERVAL are removed
HEAD_COUNT_INTERVAL = 1.0  # seconds at least between two changed head counts


class Departure(NamedTuple):
    user_id: int
    left_at: datetime


class Changes(NamedTuple):
    """What has changed since the previous `collect_changes` of this process, in any process of the site."""

    arrived: list[int]  # users who came online
    departures: list[Departure]  # users who went offline
    # Conversations whose viewers changed, except by a command on a connection of this process
    conversation_ids: set[int]
    head_count: int | None  # the number of online users and visitors, if it changed; at most once in a second


class PresenceTracker:
    """Knows who is online. All methods are thread-safe and work in memory, except `refresh`."""

    def __init__(self, exchange: RedisExchange | None = None, timeouts: Timeouts = DEFAULT_TIMEOUTS):
        self.timeouts = timeouts
        self.revision = 0  # increases with each change of `report`
        self.report_changed = threading.Event()
        self._exchange = exchange
        self._clock_offset = time.time() - time.monotonic()
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._own_leases: dict[str, Lease] = {}  # by connection id
        self._other_leases: dict[str, set[Lease]] = {}  # by process
        # Of all processes:
        self._connections_of_user: Counter[int] = Counter()
        self._connections_of_address: Counter[str] = Counter()
        self._viewers: defaultdict[int, Counter[int]] = defaultdict(Counter)  # by conversation id: user ids
        self._activities: dict[tuple[str, ActivityKind], Activity] = {}
        self._own_activities: set[tuple[str, ActivityKind]] = set()  # those that were recorded in this process
        # As of the last `collect_changes`:
        self._online: set[str] = set()  # subjects
        self._reported_head_count = (-1, -math.inf)  # and when it was reported
        # What the next `collect_changes` examines: subjects that changed, or are online without a connection
        self._unsettled: set[str] = set()
        self._changed_conversation_ids: set[int] = set()
        self._active_user_ids: set[int] = set()  # users with activity in this process since `pop_active_user_ids`
        self._activity_recorded_at: dict[tuple[int, str], float] = {}

    # ── Connections of this process ──────────────────────────────────────────────────────────────────────────────
    def open_connection(self, connection_id: str, user_id: int, address: str) -> None:
        """Adds an open connection of a user.

        Raises `SocketRefused` if the user or the IP address already has too many connections.
        """
        with self._lock:
            if settings.LIMITS:
                if self._connections_of_user[user_id] >= settings.CONNECTIONS_PER_PERSON > 0:
                    raise SocketRefused(TOO_MANY, "This user has too many connections.")
                if self._connections_of_address[address] >= settings.CONNECTIONS_PER_ADDRESS > 0:
                    raise SocketRefused(TOO_MANY, "This IP address has too many connections.")
            self._own_leases[connection_id] = lease = Lease(next(self._numbers), user_id, address)
            self._count(lease, 1)
            self._mark_report_changed()

    def close_connection(self, connection_id: str) -> None:
        with self._lock:
            if lease := self._own_leases.pop(connection_id, None):
                self._count(lease, -1)
                self._record(Activity(f"u:{lease.user_id}", ActivityKind.CLOSED))

    def set_view(self, connection_id: str, conversation_id: int | None) -> None:
        """Sets the conversation that this connection views. A connection views at most one conversation."""
        with self._lock:
            if lease := self._own_leases.get(connection_id):
                self._count_viewer(lease.viewed_conversation_id, lease.user_id, -1)
                lease = self._own_leases[connection_id] = lease._replace(viewed_conversation_id=conversation_id or 0)
                self._count_viewer(lease.viewed_conversation_id, lease.user_id, 1)
                self._mark_report_changed()

    # ── Activity without a WebSocket ─────────────────────────────────────────────────────────────────────────────
    def record_heartbeat(self, subject: str, conversation_id: int | None = None, browser_id: str = "") -> None:
        """Records a heartbeat: a request by which a client without a WebSocket reports that it is still in use.

        `subject` is `u:<user id>`, or `b:<browser id>` for a visitor. `conversation_id` is the conversation that the
        user views. `browser_id` is the id under which the user's browser may have been counted as a visitor before the
        sign-in.
        """
        kind = ActivityKind.HEARTBEAT if subject.startswith("u:") else ActivityKind.REQUEST
        self._end_visit(browser_id)
        self._record(Activity(subject, kind, viewed_conversation_id=conversation_id or 0))

    def record_activity(self, user_id: int, browser_id: str = "") -> None:
        """Records that this user has sent an HTTP request, which makes the user count as online.

        Of several requests of a user within ACTIVITY_INTERVAL, only the first one is recorded.
        """
        now, key = time.monotonic(), (user_id, browser_id)
        with self._lock:
            if now - self._activity_recorded_at.get(key, -ACTIVITY_INTERVAL) < ACTIVITY_INTERVAL:
                return
            if len(self._activity_recorded_at) >= MAX_REMEMBERED_ACTIVITIES:
                self._activity_recorded_at = {
                    key: recorded_at
                    for key, recorded_at in self._activity_recorded_at.items()
                    if now - recorded_at < ACTIVITY_INTERVAL
                }
            self._activity_recorded_at[key] = now
        self._end_visit(browser_id)
        self._record(Activity(f"u:{user_id}", ActivityKind.REQUEST))

    def pop_active_user_ids(self) -> set[int]:
        """Returns the users who sent a request or heartbeat to this process since the previous call of this method."""
        with self._lock:
            user_ids, self._active_user_ids = self._active_user_ids, set()
            return user_ids

    def _end_visit(self, browser_id: str) -> None:
        """Stops counting a browser as a visitor, because its user has signed in."""
        if browser_id and (f"b:{browser_id}", ActivityKind.REQUEST) in self._activities:
            self._record(Activity(f"b:{browser_id}", ActivityKind.CLOSED))

    def _record(self, activity: Activity) -> None:
        with self._lock:
            user_id = int(activity.subject[2:]) if activity.subject.startswith("u:") else 0
            if activity.kind is not ActivityKind.CLOSED and user_id:
                self._active_user_ids.add(user_id)
            if activity.kind is ActivityKind.REQUEST and self._connections_of_user[user_id]:
                return  # online anyway, and the end of the last connection is newer than this request
            self._put(activity._replace(at=self.time()), is_own=True)
            self._mark_report_changed()

    # ── Changes and queries ──────────────────────────────────────────────────────────────────────────────────────
    def collect_changes(self) -> Changes:
        """Returns what has changed since the previous call. Called in each process a few times a second."""
        with self._lock:
            now = self.time()
            arrived, departures = [], []
            for subject in list(self._unsettled):
                until = self._online_until(subject)
                if until > now and subject not in self._online:
                    self._online.add(subject)
                    arrived.append(subject)
                elif until <= now and subject in self._online:
                    self._online.discard(subject)
                    # The end is unknown if it was more than `heartbeat` seconds ago, while Redis was down.
                    departures.append((subject, max(until, now - self.timeouts.heartbeat)))
                if until <= now or until == math.inf:
                    self._unsettled.discard(subject)
            self._remove_expired_activities(now)
            changed_ids, self._changed_conversation_ids = self._changed_conversation_ids, set()
            count, (reported_count, reported_at) = len(self._online), self._reported_head_count
            is_changed = count != reported_count and now - reported_at >= HEAD_COUNT_INTERVAL
            if is_changed:
                self._reported_head_count = (count, now)
            return Changes(
                [int(subject[2:]) for subject in arrived if subject.startswith("u:")],
                [
                    Departure(int(subject[2:]), datetime.fromtimestamp(until, UTC))
                    for subject, until in departures
                    if subject.startswith("u:")
                ],
                changed_ids,
                count if is_changed else None,
            )

    def get_online_users(self, user_ids: Iterable[int]) -> set[int]:
        with self._lock:
            now = self.time()
            return {user_id for user_id in user_ids if self._online_until(f"u:{user_id}") > now}

    def get_head_count(self) -> int:
        """Returns the number of distinct users and visitors who are online."""
        with self._lock:
            now = self.time()
            changes = ((self._online_until(subject) > now) - (subject in self._online) for subject in self._unsettled)
            return len(self._online) + sum(changes)

    def get_viewers(self, conversation_id: int) -> set[int]:
        """Returns the ids of the users who view the conversation."""
        return self.get_viewers_of([conversation_id]).get(conversation_id, set())

    def get_viewers_of(self, conversation_ids: Iterable[int]) -> dict[int, set[int]]:
        """Returns the users who view conversations, by conversation id. Those without viewers are left out."""
        with self._lock:
            return {pk: set(self._viewers[pk]) for pk in conversation_ids if pk in self._viewers}

    def refresh(self) -> None:
        """Reads at once what the other processes have written. Otherwise it is read several times a second.

        Does nothing without Redis, or while Redis is down. Waits for Redis, one second at most.
        """
        if self._exchange:
            self._exchange.run_once(self)

    def start(self) -> None:
        """Starts the thread that exchanges presence with the other processes, if there is Redis."""
        if self._exchange:
            self._exchange.start(self)

    # ── For the exchange with other processes ────────────────────────────────────────────────────────────────────
    def time(self) -> float:
        """Returns the time in seconds since 1970, by the clock of Redis if it is known.

        The clocks of the processes may differ. The clock of this process is not used, only the time that has passed.
        """
        return time.monotonic() + self._clock_offset

    def set_time(self, now: float) -> None:
        self._clock_offset = now - time.monotonic()

    def report(self) -> Report:
        with self._lock:
            return Report(list(self._own_leases.values()), [self._activities[key] for key in self._own_activities])

    def has_connections(self) -> bool:
        return bool(self._own_leases)

    def set_other_report(self, process_id: str, report: Report, ended_at: float | None = None) -> None:
        """Replaces what is known of another process by its new report.

        `ended_at` is given if the process is dead: the time at which its leases ended.
        """
        with self._lock:
            oldest = self.time() - self.timeouts.heartbeat
            for activity in report.activities:
                if activity.at > oldest:
                    self._put(activity, is_own=False)
            previous, new = self._other_leases.pop(process_id, set()), set(report.leases)
            if new:
                self._other_leases[process_id] = new
            for lease in previous - new:
                self._count(lease, -1, is_own=False)
            for lease in new - previous:
                self._count(lease, 1, is_own=False)
            if ended_at is not None:
                self.remove_process_leases(process_id, ended_at)

    def remove_process_leases(self, process_id: str, ended_at: float) -> None:
        """Removes the open connections (leases) of another server process, which stopped reporting at `ended_at`."""
        with self._lock:
            for lease in self._other_leases.pop(process_id, ()):
                self._put(Activity(f"u:{lease.user_id}", ActivityKind.CLOSED, ended_at), is_own=False)
                self._count(lease, -1, is_own=False)

    # ── Helpers (with the lock) ──────────────────────────────────────────────────────────────────────────────────
    def _online_until(self, subject: str) -> float:
        """Returns until when this user or visitor is online. Infinite while a connection is open."""
        is_user = subject.startswith("u:")
        if is_user and self._connections_of_user.get(int(subject[2:])):
            return math.inf
        heartbeat, request, closed = (self._last_activity(subject, kind) for kind in ActivityKind)
        return max(
            closed + (self.timeouts.grace if is_user else 0.0),
            heartbeat + self.timeouts.heartbeat,
            request + self.timeouts.heartbeat if request > closed else -math.inf,
        )

    def _last_activity(self, subject: str, kind: ActivityKind) -> float:
        activity = self._activities.get((subject, kind))
        return activity.at if activity else -math.inf

    def _put(self, activity: Activity, is_own: bool) -> None:
        """Stores the activity if it is the newest one of its subject and kind."""
        subject, kind = key = activity.subject, activity.kind
        previous = self._activities.get(key)
        if previous and previous.at >= activity.at:
            return
        self._activities[key] = activity
        (self._own_activities.add if is_own else self._own_activities.discard)(key)
        self._unsettled.add(subject)
        if kind is ActivityKind.HEARTBEAT:
            previous_id = previous.viewed_conversation_id if previous else 0
            if previous_id != activity.viewed_conversation_id:
                self._count_viewer(previous_id, int(subject[2:]), -1, is_own=False)
                self._count_viewer(activity.viewed_conversation_id, int(subject[2:]), 1, is_own=False)

    def _remove_expired_activities(self, now: float) -> None:
        expired = [key for key, each in self._activities.items() if each.at + self.timeouts.heartbeat <= now]
        for key in expired:
            activity = self._activities.pop(key)
            self._own_activities.discard(key)
            if activity.viewed_conversation_id:
                self._count_viewer(activity.viewed_conversation_id, int(activity.subject[2:]), -1, is_own=False)

    def _count(self, lease: Lease, step: int, is_own: bool = True) -> None:
        """Adds a lease to the numbers of connections (`step` 1), or removes it from them (`step` -1)."""
        _add(self._connections_of_user, lease.user_id, step)
        _add(self._connections_of_address, lease.address, step)
        self._count_viewer(lease.viewed_conversation_id, lease.user_id, step, is_own)
        self._unsettled.add(f"u:{lease.user_id}")

    def _count_viewer(self, conversation_id: int, user_id: int, step: int, is_own: bool = True) -> None:
        if not conversation_id:
            return
        viewers = self._viewers[conversation_id]
        was_viewer = user_id in viewers
        _add(viewers, user_id, step)
        if not is_own and was_viewer != (user_id in viewers):
            self._changed_conversation_ids.add(conversation_id)
        if not viewers:
            del self._viewers[conversation_id]

    def _mark_report_changed(self) -> None:
        self.revision += 1
        self.report_changed.set()


def _add(counter: Counter[Any], key: Any, step: int) -> None:
    counter[key] += step
    if not counter[key]:
        del counter[key]


_tracker: PresenceTracker | None = None
_tracker_lock = threading.Lock()


def get_tracker() -> PresenceTracker:
    """Returns the presence tracker of this process. The first call creates it."""
    global _tracker
    with _tracker_lock:
        if _tracker is None:
            _tracker = PresenceTracker(RedisExchange(settings.REDIS_URL) if settings.REDIS_URL else None)
            _tracker.start()
        return _tracker


def set_tracker(tracker: PresenceTracker | None) -> None:
    """Replaces the presence tracker of this process, for tests. With None, the next `get_tracker` creates a new one."""
    global _tracker
    _tracker = tracker
