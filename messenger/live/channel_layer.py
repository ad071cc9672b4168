"""Exchanges events with the other processes of the site through the channel layer (Redis).

Each process joins channel-layer groups such as `conversation.12`, `user.3` and `online`. The channel layer may lose
events. Reconciliation (messenger.live.reconcile) later finds the lost events in the database.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterable

import msgspec
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

from messenger.core.metrics import metrics
from messenger.live.events import ConversationEvent, Disconnect, Event, RefreshVisibility, UserEvent

log = logging.getLogger(__name__)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Event]).decode
MESSAGE_TYPE = "news"  # not renamed, so that processes of two releases understand each other during a rolling restart


class ProcessChannelLayer:
    """Connects this process to the channel layer (Redis): joins and leaves its groups, and sends and receives events.

    The process joins a group once for all its connections. (With Channels itself, each consumer joins the group and has
    a queue of its own.) Redis may be down, so no method waits for Redis longer than one second.
    """

    def __init__(self, receive: Callable[[list[Event]], None]):
        self._receive = receive
        self._process_id = uuid.uuid4().hex  # to skip events of this process, which were delivered already
        self._layer = get_channel_layer()
        self._channel: str | None = None
        self._channel_lock = asyncio.Lock()  # receiving and group membership must use the same channel
        self._wanted_groups: set[str] = set()
        self._joined_groups: set[str] = set()
        self._groups_changed = asyncio.Event()
        self._groups_joined = asyncio.Event()
        self._outgoing: list[Event] = []
        self._outgoing_added = asyncio.Event()
        self._tasks: list[asyncio.Task] = []

    def start(self) -> None:
        """Starts background tasks in the running event loop: they send and receive events, join groups and leave
        groups.
        """
        loop = asyncio.get_running_loop()
        workers = (self._receive_events, self._update_groups, self._publish_events)
        self._tasks = [loop.create_task(worker()) for worker in workers]

    def subscribe(self, group: str) -> None:
        """Joins a channel-layer group for this process. A background task does it, so this method returns at once."""
        self._wanted_groups.add(group)
        if group not in self._joined_groups:
            self._groups_joined.clear()
            self._groups_changed.set()

    def unsubscribe(self, group: str) -> None:
        """Leaves a channel-layer group for this process. A background task does it, so this method returns at once."""
        self._wanted_groups.discard(group)
        self._groups_changed.set()

    async def wait_until_subscribed(self) -> None:
        """Waits until this process has joined all groups that were requested with `subscribe`, but at most one second.

        After a timeout the process may miss events. Reconciliation later finds the missed events in the database.
        """
        if self._wanted_groups - self._joined_groups:
            try:
                async with asyncio.timeout(1.0):
                    await self._groups_joined.wait()
            except TimeoutError:
                log.warning("The channel layer is slow; continuing without it")

    def publish(self, events: list[Event]) -> None:
        """Queues events. A background task sends them to the other processes in the order in which they were queued."""
        self._outgoing += events
        self._outgoing_added.set()

    # ── Background tasks ─────────────────────────────────────────────────────────────────────────────────────────
    async def _get_channel(self) -> str:
        async with self._channel_lock:
            while self._channel is None:
                try:
                    self._channel = await self._layer.new_channel("hub.")
                except Exception as error:
                    log.warning("The channel layer is unavailable: %s", type(error).__name__)
                    await asyncio.sleep(1)
            return self._channel

    async def _update_groups(self) -> None:
        channel = await self._get_channel()
        while True:
            await self._groups_changed.wait()
            self._groups_changed.clear()
            try:
                for group in self._wanted_groups - self._joined_groups:
                    await self._layer.group_add(group, channel)
                    self._joined_groups.add(group)
                for group in self._joined_groups - self._wanted_groups:
                    await self._layer.group_discard(group, channel)
                    self._joined_groups.discard(group)
                if not self._wanted_groups - self._joined_groups:
                    self._groups_joined.set()
            except Exception as error:
                log.warning("The channel layer is unavailable: %s", type(error).__name__)
                self._groups_changed.set()
                await asyncio.sleep(0.5)

    async def _receive_events(self) -> None:
        channel = await self._get_channel()
        while True:
            try:
                message = await self._layer.receive(channel)
                if message["from"] != self._process_id:
                    self._receive(_decode(message[MESSAGE_TYPE]))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("Events from the channel layer could not be received: %s", type(error).__name__)
                await asyncio.sleep(0.2)

    async def _publish_events(self) -> None:
        """Sends queued events to the other processes, in an endless loop.

        All queued events for the same channel-layer group are sent in one message.
        """
        while True:
            await self._outgoing_added.wait()
            self._outgoing_added.clear()
            events, self._outgoing = self._outgoing, []
            for group, group_events in group_by_channel_group(events).items():
                message = {"type": MESSAGE_TYPE, "from": self._process_id, MESSAGE_TYPE: _encode(group_events)}
                try:
                    # Not `wait_for`: in Python 3.11 it may ignore the cancellation of this task.
                    async with asyncio.timeout(2.0):
                        await self._layer.group_send(group, message)
                    metrics.is_redis_down = False
                except Exception as error:
                    metrics.is_redis_down = True
                    log.warning("Events could not be published: %s; reconciliation sends them", type(error).__name__)
                    await asyncio.sleep(0.05)


def group_by_channel_group(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Groups events by the channel-layer group to which they are sent. The events of a group keep their order."""
    groups: dict[str, list[Event]] = {}
    for event in events:
        if isinstance(event, ConversationEvent):
            group = f"conversation.{event.conversation_id}"
        elif isinstance(event, UserEvent | Disconnect | RefreshVisibility):
            group = f"user.{event.user_id}"
        else:
            group = "online" if event.conversations or event.users else event.group
        groups.setdefault(group, []).append(event)
    return groups


def publish_without_hub(events: list[Event]) -> None:
    """Sends events from a process without WebSocket connections (such as a management command) to the server processes.

    Without Redis, does nothing. The server process then finds the changes in the database by reconciliation: it
    compares its data with the database every few seconds.
    """
    if not settings.REDIS_URL:
        return
    layer = get_channel_layer()
    started = time.monotonic()

    async def send() -> None:
        for group, group_events in group_by_channel_group(events).items():
            message = {"type": MESSAGE_TYPE, "from": "outside", MESSAGE_TYPE: _encode(group_events)}
            await layer.group_send(group, message)

    try:
        async_to_sync(send)()
    except Exception as error:
        log.warning("Events could not be published in %.1f s: %s", time.monotonic() - started, type(error).__name__)
