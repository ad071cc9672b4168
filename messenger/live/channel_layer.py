"""The way to other processes: this process as one member of channel-layer groups.

Groups are named plainly: `conversation.12`, `user.3`, `presence.12`, `online`. The layer delivers at most once; what
it loses is found by the repair (messenger.live.reconcile).
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

from messenger.live.events import ConversationEvent, Disconnect, Event, RefreshVisibility, UserEvent

log = logging.getLogger(__name__)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Event]).decode


class Layer:
    """This process as one member of channel-layer groups. Redis may be away: nothing here is waited for long."""

    def __init__(self, hear: Callable[[list[Event]], None]):
        self._hear = hear
        self._process_id = uuid.uuid4().hex  # what we sent ourselves has been heard already
        self._layer = get_channel_layer()
        self._channel: str | None = None
        self._naming = asyncio.Lock()  # receiving and membership are of one and the same channel
        self._wanted: set[str] = set()
        self._member: set[str] = set()
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._out: list[Event] = []
        self._filled = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(work()) for work in (self._receive, self._keep_membership, self._publish)]

    def subscribe(self, group: str) -> None:
        self._wanted.add(group)
        if group not in self._member:
            self._settled.clear()
            self._changed.set()

    def unsubscribe(self, group: str) -> None:
        self._wanted.discard(group)
        self._changed.set()

    async def settled(self) -> None:
        """Until we are a member of all that is wanted; a second at most, the sweep does the rest."""
        if self._wanted - self._member:
            try:
                await asyncio.wait_for(self._settled.wait(), 1.0)
            except TimeoutError:
                log.warning("The channel layer is slow; going on without it")

    async def _name(self) -> str:
        async with self._naming:
            while self._channel is None:
                try:
                    self._channel = await self._layer.new_channel("hub.")
                except Exception as error:
                    log.warning("The channel layer is away: %s", type(error).__name__)
                    await asyncio.sleep(1)
            return self._channel

    async def _keep_membership(self) -> None:
        channel = await self._name()
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                for group in self._wanted - self._member:
                    await self._layer.group_add(group, channel)
                    self._member.add(group)
                for group in self._member - self._wanted:
                    await self._layer.group_discard(group, channel)
                    self._member.discard(group)
                if not self._wanted - self._member:
                    self._settled.set()
            except Exception as error:
                log.warning("The channel layer is away: %s", type(error).__name__)
                self._changed.set()
                await asyncio.sleep(0.5)

    async def _receive(self) -> None:
        channel = await self._name()
        while True:
            try:
                message = await self._layer.receive(channel)
                if message["from"] != self._process_id:
                    self._hear(_decode(message["news"]))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("News from the channel layer could not be heard: %s", type(error).__name__)
                await asyncio.sleep(0.2)

    def publish(self, told: list[Event]) -> None:
        self._out += told
        self._filled.set()

    async def _publish(self) -> None:
        """In the order of telling; what is told to one group in the same moment travels together."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            told, self._out = self._out, []
            for group, items in by_group(told).items():
                message = {"type": "news", "from": self._process_id, "news": _encode(items)}
                try:
                    await asyncio.wait_for(self._layer.group_send(group, message), 2.0)
                except Exception as error:
                    log.warning("News could not be published: %s; the sweep will tell it", type(error).__name__)
                    await asyncio.sleep(0.05)


def by_group(told: Iterable[Event]) -> dict[str, list[Event]]:
    groups: dict[str, list[Event]] = {}
    for item in told:
        if isinstance(item, ConversationEvent):
            groups.setdefault(f"conversation.{item.conversation_id}", []).append(item)
        elif isinstance(item, UserEvent | Disconnect | RefreshVisibility):
            groups.setdefault(f"user.{item.user_id}", []).append(item)
        else:
            groups.setdefault("online" if item.conversations or item.users else item.group, []).append(item)
    return groups


def publish_from_outside(told: list[Event]) -> None:
    """From a process without sockets, such as a management command. Without Redis, the server's sweep finds it."""
    if not settings.REDIS_URL:
        return
    layer = get_channel_layer()
    started = time.monotonic()

    async def publish() -> None:
        for group, items in by_group(told).items():
            await layer.group_send(group, {"type": "news", "from": "outside", "news": _encode(items)})

    try:
        async_to_sync(publish)()
    except Exception as error:
        log.warning("News could not be published in %.1f s: %s", time.monotonic() - started, type(error).__name__)
