"""The interface of a presence store: it knows who is online and which conversation each user views.

`MemoryStore` serves a single process, `RedisStore` any number of processes. For each open connection, a store contains
a lease: an entry that expires unless the connection's process renews it. If the process crashes, its leases expire, so
its users do not stay online. A request or heartbeat of a client without a WebSocket makes its user count as online for
a few minutes.

A `subject` is `u:<user id>` for a user, or `b:<browser id>` for a browser without a signed-in user (a visitor). All
methods are synchronous and thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple, Protocol


class Timeouts(NamedTuple):
    """The timeouts of a presence store, all in seconds. Tests use shorter timeouts."""

    lease: float = 15.0  # a process that does not tick for this long counts as dead, and its connections as closed
    grace: float = 3.0  # from the last closed connection until the user is offline, so that a reload is not published
    heartbeat: float = 180.0  # how long activity without a WebSocket counts as online
    claim: float = 10.0  # a process that found departures must confirm them in this time; then another process may
    stall: float = 3.0  # if no process ticks for longer than this (a stall), Redis or the whole site was stopped
    stall_recovery: float = 6.0  # after a stall no process is declared dead for this long


DEFAULT_TIMEOUTS = Timeouts()


class Lease(NamedTuple):
    """The entry of an open WebSocket connection in a presence store.

    The entry expires unless the process of the connection renews it.
    """

    connection_id: str
    user_id: int
    address: str  # IP address of the client; of an IPv6 address the /64 network
    viewed_conversation_id: int = 0  # 0: no conversation


class Activity(NamedTuple):
    """A heartbeat or request of a client without a WebSocket. It keeps a user or visitor online for some minutes."""

    subject: str
    # A heartbeat keeps the user online even after their sockets are closed. An ordinary request does not: if the last
    # tab was closed after the request, the user has left.
    is_heartbeat: bool = False
    viewed_conversation_id: int = 0  # 0: no conversation
    replaces: str = ""  # the subject `b:…` under which this user's browser was counted before the sign-in


class OpenResult(Enum):
    FIRST = "first"  # the user was offline: publish that they are online
    ADDITIONAL = "another"
    TOO_MANY_OF_USER = "too many of user"  # this limit is reached; nothing was stored
    TOO_MANY_OF_ADDRESS = "too many of address"
    UNKNOWN_PROCESS = "unknown"  # the store has no lease of this process (any more): register, then open again


class Departure(NamedTuple):
    user_id: int
    seconds_ago: float  # since the user's lease or heartbeat ended


class TickResult(NamedTuple):
    """What has changed since the previous `Store.tick` (a call that each process makes once a second).

    If several processes use the store, each change is returned to only one of them, which must publish it.
    """

    is_registered: bool  # False: leases of this process are missing in the store, so it must register
    arrived: list[int]  # users who came online without a WebSocket, or who were missing in a store that lost its data
    departures: list[Departure]  # users who seem to have left; `confirm_departures` returns which are really offline
    claim: str  # names the departures of this tick; to be given to `confirm_departures`
    changed_conversation_ids: list[int]  # conversations whose viewers changed, except by a command on a connection
    head_count: int
    head_count_changed: bool  # True at most once in a second


class Store(Protocol):
    def open_lease(self, lease: Lease, per_user: int, per_address: int) -> OpenResult:
        """Stores a new connection, unless its user or its IP address already has the maximum number of connections.

        `per_user` and `per_address` are these maximum numbers. 0 means no limit. The result says whether the connection
        was stored, and whether the user was offline before.
        """

    def close_lease(self, connection_id: str) -> None: ...

    def set_view(self, connection_id: str, conversation_id: int) -> None:
        """Sets the conversation that this connection views (0: none). A connection views at most one conversation."""

    def record_activity(self, activity: Activity) -> None: ...

    def tick(self, expected_leases: int) -> TickResult:
        """Renews the leases (entries of open connections) of this process. Returns what has changed, such as who left.

        To be called once a second. `expected_leases` is the number of open connections of this process. If the store
        has another number of leases of this process, it has lost some, and `is_registered` in the result is False. Then
        the process must call `register`.
        """

    def confirm_departures(self, claim: str, user_ids: Iterable[int]) -> list[int]:
        """Sets those of `user_ids` offline who seemed to have left at a call of `tick` and have not come back since.

        `claim` is the field `claim` in the result of that call. Returns the users who are offline now.
        """

    def register(self, leases: Iterable[Lease]) -> list[int]:
        """Replaces all leases (entries of open connections) of this process in the store by these leases.

        Returns the ids of users who were not online in the store before.
        """

    def get_online_users(self, user_ids: Iterable[int]) -> set[int]: ...

    def get_head_count(self) -> int:
        """Returns the number of distinct users and visitors who are online."""

    def get_viewers(self, conversation_id: int) -> set[int]:
        """Returns the ids of the users who view the conversation."""
