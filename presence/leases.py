"""The data about who is online, as server processes keep it in memory and send it to each other.

A lease is the entry of an open WebSocket connection. Activity is what else is known about a user or visitor: requests
of clients without a WebSocket, and when the last connection was closed. Each process writes its leases and activities,
as a `Report`, where the other processes read it (presence.exchange).
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import msgspec


class Timeouts(NamedTuple):
    """The timeouts of presence, all in seconds. Tests use shorter timeouts."""

    lease: float = 12.0  # the leases of a process end if it does not renew them for this long
    grace: float = 3.0  # from the last closed connection until the user is offline, so that a reload is not published
    heartbeat: float = 180.0  # how long activity without a WebSocket counts as online
    # For this long another process must be seen not to renew its leases, before they end. So no process is declared
    # dead because Redis, or the whole site, was stopped: afterwards all of them renew their leases sooner.
    patience: float = 3.0


DEFAULT_TIMEOUTS = Timeouts()


class Lease(NamedTuple):
    number: int  # differs between the leases of a process
    user_id: int
    address: str  # IP address of the client; of an IPv6 address the /64 network
    viewed_conversation_id: int = 0  # 0: no conversation


class ActivityKind(IntEnum):
    HEARTBEAT = 1  # of a user without a WebSocket; counts even after the user's connections were closed
    REQUEST = 2  # a request of a user, or a heartbeat of a visitor; counts unless CLOSED is newer
    CLOSED = 3  # a connection of the user was closed, or the visitor signed in


class Activity(NamedTuple):
    """The last activity of one kind of a user or visitor, in any process.

    `subject` is `u:<user id>` for a user, or `b:<browser id>` for a browser without a signed-in user (a visitor).
    """

    subject: str
    kind: ActivityKind
    at: float = 0.0  # `PresenceTracker.time`
    viewed_conversation_id: int = 0  # of a heartbeat; 0: no conversation


class Report(msgspec.Struct, array_like=True):
    """What one process knows of its own: its connections, and the activities that were newest in this process."""

    leases: list[Lease]
    activities: list[Activity]
