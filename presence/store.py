"""The interface of a presence store. `MemoryStore` serves a single process, `RedisStore` any number of processes.

A store contains leases and no counters. A connection is online as long as its process renews its lease. Activity
without a WebSocket counts for a few minutes. A lease that is not renewed expires, so a crash leaves nothing behind.

A `subject` is `u:<user id>` for a user, or `b:<browser id>` for a browser without a signed-in user (a visitor).
All methods are synchronous and thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple, Protocol


class Timeouts(NamedTuple):
    """All in seconds. Tests use shorter ones."""

    lease: float = 15.0  # a process that does not tick for this long is dead, and its connections are closed
    grace: float = 3.0  # from the last closed connection until the user is offline, so that a reload is not published
    heartbeat: float = 180.0  # how long activity without a WebSocket counts as online
    claim: float = 10.0  # a process that found departures must confirm them within this; then another process may
    stall: float = 3.0  # a pause between two ticks of any process above this: Redis or the whole site was stopped
    stall_recovery: float = 6.0  # after a stall no process is declared dead for this long


DEFAULT_TIMEOUTS = Timeouts()


class Lease(NamedTuple):
    """One connection of this process."""

    connection_id: str
    user_id: int
    address: str  # IP address of the client
    viewed_conversation_id: int = 0  # 0: no conversation


class Activity(NamedTuple):
    """A sign of life without a WebSocket: a heartbeat or a request."""

    subject: str
    # A heartbeat keeps the user online after their sockets are closed. An ordinary request does not: when the last tab
    # is closed, that is newer and more exact information than the request.
    is_heartbeat: bool = False
    viewed_conversation_id: int = 0  # 0: no conversation
    replaces: str = ""  # the `b:…` subject as which this user's browser was counted before the sign-in


class OpenResult(Enum):
    FIRST = "first"  # the user was offline: publish that they are online
    ADDITIONAL = "another"
    TOO_MANY = "too many"  # a limit is reached; nothing was stored
    UNKNOWN_PROCESS = "unknown"  # the store has no lease of this process (any more): register, then open again


class Departure(NamedTuple):
    user_id: int
    seconds_ago: float  # since the end of the lease


class TickResult(NamedTuple):
    """The changes since the previous tick. Each change is given to exactly one process, which publishes it."""

    is_registered: bool  # False: leases of this process are missing in the store, so it must register
    arrived: list[int]  # users who came online without a WebSocket, or whom a store without data had lost
    departures: list[Departure]  # their leases ended; `confirm_departures` returns which of them are offline
    claim: str  # for `confirm_departures`
    changed_conversation_ids: list[int]  # their viewers changed by other things than a command on a connection
    head_count: int
    head_count_changed: bool  # since it was last given as changed, at least a second ago


class Store(Protocol):
    def open_lease(self, lease: Lease, per_user: int, per_address: int) -> OpenResult:
        """Begin a lease, unless the user or the address already has as many as the limit (0: no limit)."""

    def close_lease(self, connection_id: str) -> None: ...

    def set_view(self, connection_id: str, conversation_id: int) -> None:
        """Set the conversation that this connection views (0: none). It replaces the previous one."""

    def record_activity(self, activity: Activity) -> None: ...

    def tick(self, expected_leases: int) -> TickResult:
        """Renew the lease of this process and find what has ended. To be called once a second.

        `expected_leases`: the number of connections that this process has.
        """

    def confirm_departures(self, claim: str, user_ids: Iterable[int]) -> list[int]:
        """Set the departed users of a tick offline, and return those who did not come back in the meantime."""

    def register(self, leases: Iterable[Lease]) -> list[int]:
        """Replace the leases of this process with these, and return the users who were not online in the store."""

    def get_online_users(self, user_ids: Iterable[int]) -> set[int]: ...

    def get_head_count(self) -> int:
        """Return the number of distinct users and visitors who are online."""

    def get_viewers(self, conversation_id: int) -> set[int]:
        """Return the distinct users who view the conversation."""
