"""Defines `OrderedStream`, which delivers the events of one conversation or one user in order of version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from django.conf import settings

if TYPE_CHECKING:
    from messenger.live.connection import Connection


class OrderedEvent(Protocol):
    @property
    def order(self) -> tuple[int, int]:
        """The versions of the stream before and after the event. The second is 0 for an event without a version."""


E = TypeVar("E", bound=OrderedEvent)
UNKNOWN = -1


class OrderedStream(Generic[E]):
    """The connections of a conversation or of a user in this process, and the last version that was sent to them.

    Each change of a conversation, or of a user's own data, increases its version by one. An event is sent when all
    earlier versions have been sent. If one of them does not arrive, the stream calls `reconcile`, which reads the
    missing events from the database. `send` sends an event to the connections. Both get the stream as first argument.
    """

    __slots__ = (
        "_awaited_version",
        "_pending",
        "_reconcile",
        "_send",
        "_timer",
        "connections",
        "delivered_version",
        "id",
    )

    def __init__(
        self,
        id: int,
        delivered_version: int,
        send: Callable[[Any, E], None],
        reconcile: Callable[[Any], None],
    ):
        self.id = id
        self.delivered_version = delivered_version  # all events up to this version were sent; UNKNOWN: not known yet
        self.connections: set[Connection] = set()
        self._send, self._reconcile = send, reconcile
        self._pending: dict[int, E] = {}  # by version: events that wait for earlier versions
        self._awaited_version = UNKNOWN  # the newest version of which is known that it exists
        self._timer: asyncio.TimerHandle | None = None  # a scheduled reconciliation

    def receive(self, event: E) -> None:
        """Sends an event if it directly follows the last delivered version. Ignores an event that was already sent.

        If earlier versions are missing, the event waits for them. An event without a version is sent at once.
        """
        after, version = event.order
        if not version:
            self._send(self, event)
        elif after > self.delivered_version > UNKNOWN:
            self._pending[version] = event
            self.reconcile_later(version, settings.EVENT_GAP_SECONDS)
        else:
            self._deliver(event, version)
            if self._pending:
                self._deliver_pending()

    def _deliver(self, event: E, version: int) -> None:
        if version > self.delivered_version:
            self.delivered_version = version
            self._send(self, event)

    def advance(self, version: int) -> None:
        """Notes that the connections know all changes up to `version`, and sends the events that waited for them."""
        self.delivered_version = max(self.delivered_version, version)
        self._deliver_pending()

    def _deliver_pending(self) -> None:
        """Sends the waiting events in order of version, up to the first version that is missing."""
        for version in sorted(self._pending):
            if self._pending[version].order[0] > self.delivered_version:
                return
            self._deliver(self._pending.pop(version), version)
        if self.delivered_version >= self._awaited_version:
            self.cancel_reconciliation()

    # ── Missing events ───────────────────────────────────────────────────────────────────────────────────────────
    def deliver_missed(self, events: Iterable[E], version: int) -> None:
        """Sends events that were read from the database, in this order. They contain all changes up to `version`.

        Then sends the events that waited for them. If an event waits for a still newer version, the database is soon
        read again. But not if it had nothing new: a database that was restored may have lost that version.
        """
        delivered_before = self.delivered_version
        for event in events:
            self._deliver(event, event.order[1])
        self.advance(version)
        if self._pending and self.delivered_version > delivered_before:
            self.reconcile_later(max(self._pending), settings.EVENT_GAP_SECONDS)

    def reconcile_later(self, version: int, seconds: float) -> None:
        """Reads missing events from the database in so many seconds, unless `version` has been delivered by then.

        Does nothing if this is scheduled already.
        """
        self._awaited_version = max(self._awaited_version, version)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._reconcile_if_behind)

    def _reconcile_if_behind(self) -> None:
        self._timer = None
        if self._pending or self.delivered_version < self._awaited_version:
            self._reconcile(self)

    def cancel_reconciliation(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
