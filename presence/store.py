"""What a store of leases can do: one small interface, kept in memory (one process) or in Redis (any number).

Everything in a store is a lease, nothing is a counter: a connection lives as long as its process says that it is
alive, a sign of life without a socket lives for some minutes. What nobody renews fades by itself.

`who` is `u:<user id>` for a person and `b:<browser id>` for a browser in which nobody is signed in.
All methods are synchronous and may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple, Protocol


class Times(NamedTuple):
    """In seconds. Tests set shorter ones."""

    lease: float = 15.0  # a process that said nothing for so long is dead, and its connections with it
    grace: float = 3.0  # after the last connection closed, until the person is offline: reloads do not flap
    beat: float = 180.0  # how long a sign of life without a socket counts
    claim: float = 10.0  # within this whoever found somebody gone has told it; else the next one does
    pause: float = 3.0  # nobody ticked for so long: it was the store or the whole site that stood still
    patience: float = 6.0  # then no process is declared dead for so long


USUAL = Times()


class Lease(NamedTuple):
    """One connection of this process."""

    connection_id: str
    user_id: int
    address: str
    view: int = 0  # the conversation looked at; 0: none


class Sign(NamedTuple):
    """A sign of life from whoever has no socket."""

    who: str
    # An explicit beat outlives the person's sockets. A request implies less: closing the last tab says more.
    explicit: bool = False
    view: int = 0
    instead_of: str = ""  # the browser `b:…` that has turned out to be this person


class Opened(Enum):
    FIRST = "first"  # the person was not here: tell that they came
    ANOTHER = "another"
    TOO_MANY = "too many"  # nothing was changed
    UNKNOWN = "unknown"  # the store does not know this process (any more): register, then ask again


class Leaving(NamedTuple):
    user_id: int
    ago: float  # seconds since the lease ended


class Tick(NamedTuple):
    """What one look at the clock brought. Each thing is given to exactly one process, which tells it."""

    known: bool  # False: this process's leases are not there as they should be: register
    arrived: list[int]  # people who came without a socket, or whom a lost store had forgotten
    leaving: list[Leaving]  # their leases ended; `settle` says who is really gone
    claim: str  # for `settle`
    stirred: list[int]  # conversations whose viewers changed without a connection of ours changing
    head_count: int
    head_count_changed: bool  # since it was last given as changed, a second ago or more


class Store(Protocol):
    def open(self, lease: Lease, per_person: int, per_address: int) -> Opened:
        """Begin a lease, unless the person or the address has that many already (0: no limit)."""

    def close(self, connection_id: str) -> None: ...

    def look(self, connection_id: str, conversation_id: int) -> None:
        """This connection looks at that conversation now, at no other; 0: at none."""

    def sign(self, sign: Sign) -> None: ...

    def tick(self, expected: int) -> Tick:
        """Once a second: renew this process's lease, find what ended. `expected`: how many connections it has."""

    def settle(self, claim: str, user_ids: Iterable[int]) -> list[int]:
        """Of those that a tick found leaving: who has not come back since, and is gone from now on."""

    def register(self, leases: Iterable[Lease]) -> list[int]:
        """These are all the connections of this process. Returns whose presence was not known."""

    def online(self, user_ids: Iterable[int]) -> set[int]: ...

    def head_count(self) -> int:
        """Distinct people and signed-out browsers."""

    def viewers(self, conversation_id: int) -> set[int]:
        """The distinct people who look at it."""
