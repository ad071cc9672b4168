"""A presence store (who is online and which conversation each user views) in the memory of this process.

On a site without Redis, it is the only presence store. On a site with Redis, each process also has one for its own
connections and requests.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from presence.store import DEFAULT_TIMEOUTS, Activity, Departure, Lease, OpenResult, TickResult, Timeouts

HEAD_COUNT_INTERVAL = 0.9  # seconds between two changed head counts; below 1, since ticks may come a little early


class MemoryStore:
    def __init__(self, timeouts: Timeouts = DEFAULT_TIMEOUTS, clock: Callable[[], float] = time.monotonic):
        self.timeouts = timeouts
        self._clock = clock
        self._lock = threading.Lock()
        self._leases: dict[str, Lease] = {}
        self._connections_of_user: defaultdict[int, set[str]] = defaultdict(set)
        self._connections_of_address: defaultdict[str, set[str]] = defaultdict(set)
        self._online_until: dict[str, float] = {}  # by subject; infinite while a connection is open
        self._heartbeat_until: dict[str, float] = {}  # by subject
        self._heartbeat_views: dict[str, int] = {}  # by subject
        # By conversation id, then by viewer (a connection id, or a subject with a heartbeat): user ids
        self._viewers: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._arrived: set[int] = set()
        self._changed_conversation_ids: set[int] = set()
        self._reported_head_count = (-1, -math.inf)  # the head count last given as changed, and when

    # ── Connections ──────────────────────────────────────────────────────────────────────────────────────────────
    def open_lease(self, lease: Lease, per_user: int, per_address: int) -> OpenResult:
        with self._lock:
            if 0 < per_user <= len(self._connections_of_user.get(lease.user_id, ())):
                return OpenResult.TOO_MANY_OF_USER
            if 0 < per_address <= len(self._connections_of_address.get(lease.address, ())):
                return OpenResult.TOO_MANY_OF_ADDRESS
            return OpenResult.FIRST if self._add(lease) else OpenResult.ADDITIONAL

    def _add(self, lease: Lease) -> bool:
        """Adds the lease (the entry of an open connection). Returns whether the user was offline before."""
        self._leases[lease.connection_id] = lease
        self._connections_of_user[lease.user_id].add(lease.connection_id)
        self._connections_of_address[lease.address].add(lease.connection_id)
        if lease.viewed_conversation_id:
            self._viewers[lease.viewed_conversation_id][lease.connection_id] = lease.user_id
        subject = f"u:{lease.user_id}"
        was_offline = subject not in self._online_until
        self._online_until[subject] = math.inf
        return was_offline

    def close_lease(self, connection_id: str) -> None:
        with self._lock:
            self._remove(connection_id)

    def _remove(self, connection_id: str) -> None:
        lease = self._leases.pop(connection_id, None)
        if lease is None:
            return
        _discard(self._connections_of_user, lease.user_id, connection_id)
        _discard(self._connections_of_address, lease.address, connection_id)
        self._remove_viewer(lease.viewed_conversation_id, connection_id)
        if lease.user_id not in self._connections_of_user:
            subject = f"u:{lease.user_id}"
            grace_ends = self._clock() + self.timeouts.grace
            self._online_until[subject] = max(grace_ends, self._heartbeat_until.get(subject, 0.0))

    def set_view(self, connection_id: str, conversation_id: int) -> None:
        with self._lock:
            lease = self._leases.get(connection_id)
            if lease is None:
                return
            self._remove_viewer(lease.viewed_conversation_id, connection_id)
            self._leases[connection_id] = lease._replace(viewed_conversation_id=conversation_id)
            if conversation_id:
                self._viewers[conversation_id][connection_id] = lease.user_id

    def _remove_viewer(self, conversation_id: int, viewer: str) -> None:
        if viewers := self._viewers.get(conversation_id):
            viewers.pop(viewer, None)
            if not viewers:
                del self._viewers[conversation_id]

    def register(self, leases: Iterable[Lease]) -> list[int]:
        with self._lock:
            new_leases = {lease.connection_id: lease for lease in leases}
            for connection_id in self._leases.keys() - new_leases.keys():
                self._remove(connection_id)
            arrived = set()
            for connection_id, lease in new_leases.items():
                if old_lease := self._leases.get(connection_id):
                    self._remove_viewer(old_lease.viewed_conversation_id, connection_id)
                if self._add(lease):
                    arrived.add(lease.user_id)
            return list(arrived)

    def list_leases(self) -> list[Lease]:
        with self._lock:
            return list(self._leases.values())

    # ── Activity without a WebSocket ─────────────────────────────────────────────────────────────────────────────
    def record_activity(self, activity: Activity) -> None:
        with self._lock:
            subject, until = activity.subject, self._clock() + self.timeouts.heartbeat
            if activity.replaces:
                self._online_until.pop(activity.replaces, None)
            if subject not in self._online_until and subject.startswith("u:"):
                self._arrived.add(int(subject[2:]))
            self._online_until[subject] = max(until, self._online_until.get(subject, 0.0))
            if activity.is_heartbeat and subject.startswith("u:"):
                self._heartbeat_until[subject] = until
                self._set_heartbeat_view(subject, activity.viewed_conversation_id)

    def _set_heartbeat_view(self, subject: str, conversation_id: int) -> None:
        previous_id = self._heartbeat_views.get(subject, 0)
        if conversation_id == previous_id:
            return
        if previous_id:
            self._remove_viewer(previous_id, subject)
            del self._heartbeat_views[subject]
        if conversation_id:
            self._heartbeat_views[subject] = conversation_id
            self._viewers[conversation_id][subject] = int(subject[2:])
        self._changed_conversation_ids |= {previous_id, conversation_id} - {0}

    def list_activities(self) -> list[Activity]:
        """Returns the users and visitors who are online without an open connection, because of a request or heartbeat.

        The caller writes the result to Redis after Redis has lost its data. Users and visitors who will be offline very
        soon (within `Timeouts.grace`) are left out: they probably count as online only because their last connection
        was just closed.
        """
        with self._lock:
            now = self._clock()
            return [
                Activity(subject, subject in self._heartbeat_until, self._heartbeat_views.get(subject, 0))
                for subject, until in self._online_until.items()
                if now < until < math.inf and until - now > self.timeouts.grace
            ]

    # ── Expiry ───────────────────────────────────────────────────────────────────────────────────────────────────
    def tick(self, expected_leases: int = 0) -> TickResult:
        with self._lock:
            now = self._clock()
            for subject in [subject for subject, until in self._heartbeat_until.items() if until <= now]:
                self._set_heartbeat_view(subject, 0)
                del self._heartbeat_until[subject]
            claim = now + self.timeouts.claim
            departures = []
            expired = [(subject, until) for subject, until in self._online_until.items() if until <= now]
            for subject, until in expired:
                if subject.startswith("u:"):
                    departures.append(Departure(int(subject[2:]), now - until))
                    self._online_until[subject] = claim
                else:
                    del self._online_until[subject]
            arrived, self._arrived = sorted(self._arrived), set()
            changed_ids, self._changed_conversation_ids = sorted(self._changed_conversation_ids), set()
            count, (reported_count, reported_at) = len(self._online_until), self._reported_head_count
            is_changed = count != reported_count and now - reported_at >= HEAD_COUNT_INTERVAL
            if is_changed:
                self._reported_head_count = (count, now)
            return TickResult(True, arrived, departures, repr(claim), changed_ids, count, is_changed)

    def confirm_departures(self, claim: str, user_ids: Iterable[int]) -> list[int]:
        with self._lock:
            departed = [user_id for user_id in user_ids if self._online_until.get(f"u:{user_id}") == float(claim)]
            for user_id in departed:
                del self._online_until[f"u:{user_id}"]
                self._arrived.discard(user_id)
            return departed

    # ── Queries ──────────────────────────────────────────────────────────────────────────────────────────────────
    def get_online_users(self, user_ids: Iterable[int]) -> set[int]:
        with self._lock:
            now = self._clock()
            return {user_id for user_id in user_ids if self._online_until.get(f"u:{user_id}", 0.0) > now}

    def get_head_count(self) -> int:
        with self._lock:
            now = self._clock()
            return sum(until > now for until in self._online_until.values())

    def get_viewers(self, conversation_id: int) -> set[int]:
        with self._lock:
            return set(self._viewers.get(conversation_id, {}).values())


def _discard(index: defaultdict, key: object, connection_id: str) -> None:
    index[key].discard(connection_id)
    if not index[key]:
        del index[key]
