"""Handles the WebSocket commands `typing` and `view`, and publishes presence events when connections open or close."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import ClassVar, NoReturn

from django.utils import timezone

from messenger.core import database
from messenger.core.errors import ApplicationError, not_found
from messenger.live.commands import command
from messenger.live.consumer import LiveConsumer
from messenger.live.events import publish_now
from messenger.live.transport import OutgoingFrame
from presence import schemas, typing_state, visibility
from presence.store import TickResult
from presence.tracker import get_tracker
from presence.viewers import ConversationViewers

log = logging.getLogger(__name__)

PUBLISH_SECONDS = 0.25  # how often collected changes of viewers and presence, and the end of typing, are published
TICK_SECONDS = 1.0  # how often leases are renewed and checked
LAST_SEEN_SECONDS = 60.0  # how often `last_seen_at` of users without a connection is stored


class PresenceBroadcaster:
    """Publishes which users came online or went offline, who views a conversation, and when users stop typing.

    It also stores the time when users were last online. It is used in the event loop only.
    """

    def __init__(self) -> None:
        self.viewing = ConversationViewers()
        # Ids of connections whose user was offline before. Removed when the connection's `welcome` has been sent.
        self.first_connections: set[str] = set()
        # Users who came online, which is not yet published, and their conversations (None: read from the database)
        self._arrivals: dict[int, tuple[int, ...] | None] = {}
        self._ticks_with_departures: list[TickResult] = []

    def add_arrival(self, user_id: int, conversation_ids: tuple[int, ...]) -> None:
        """Stores that a user came online. The next periodic step publishes this to members of the user's conversations.

        `conversation_ids` are these conversations.
        """
        self._arrivals[user_id] = conversation_ids

    async def run(self) -> None:
        """Runs the periodic steps of this class in an endless loop. One step, for example, publishes who came online.

        Each step has its own asyncio task. So the process still renews its leases (the entries for its open connections
        in the presence store) while another step waits for the database.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_run_every(PUBLISH_SECONDS, self._end_typing))
            tasks.create_task(_run_every(PUBLISH_SECONDS, self.viewing.publish_changes))
            tasks.create_task(_run_every(PUBLISH_SECONDS, self._publish_arrivals_and_departures))
            tasks.create_task(_run_every(TICK_SECONDS, self._tick))
            tasks.create_task(_run_every(LAST_SEEN_SECONDS, self._store_last_seen))

    async def _end_typing(self) -> None:
        typing_state.publish_changes(typing_state.local_state.collect_due())

    async def _tick(self) -> None:
        tick = await get_tracker().tick()
        self.viewing.mark_changed(*tick.changed_conversation_ids)
        await self.viewing.end_views_of_non_members()
        if tick.head_count_changed:
            publish_now([schemas.head_count_event(tick.head_count)])
        for user_id in tick.arrived:
            self._arrivals.setdefault(user_id, None)
        if tick.departures:
            self._ticks_with_departures.append(tick)

    async def _publish_arrivals_and_departures(self) -> None:
        arrivals, self._arrivals = self._arrivals, {}
        ticks, self._ticks_with_departures = self._ticks_with_departures, []
        if arrivals:
            try:
                publish_now(await database.run_in_thread(visibility.online_events, arrivals))
            except ApplicationError:
                self._arrivals = arrivals | self._arrivals  # the database is down: try again at the next step
                raise
        for tick in ticks:
            left_at = {user_id: timezone.now() - timedelta(seconds=ago) for user_id, ago in tick.departures}
            events_by_user = await database.run_in_thread(visibility.offline_events, left_at)
            # Confirmed only after the query: if the query fails, the departure is not lost, a later tick has it again.
            departed = await get_tracker().confirm_departures(tick, left_at)
            publish_now([event for user_id in departed for event in events_by_user.get(user_id, ())])
            departed_at = {user_id: left_at[user_id] for user_id in departed}
            await database.run_in_thread(visibility.store_last_seen, departed_at)

    async def _store_last_seen(self) -> None:
        if user_ids := get_tracker().pop_active_user_ids():
            await database.run_in_thread(visibility.store_last_seen, dict.fromkeys(user_ids, timezone.now()))


async def _run_every(seconds: float, step: Callable[[], Awaitable[None]]) -> NoReturn:
    while True:
        await asyncio.sleep(seconds)
        try:
            await step()
        except ApplicationError:
            pass  # the database is down, which is logged elsewhere
        except Exception:
            log.exception("A step of presence failed; it goes on.")


class PresenceConsumer(LiveConsumer):
    broadcaster: ClassVar[PresenceBroadcaster] = PresenceBroadcaster()  # shared by all connections of the process

    @command("typing", schemas.TypingPayload)
    async def typing(self, payload: schemas.TypingPayload) -> None:
        connection = self.connection
        if payload.conversation_id not in connection.conversations:
            raise not_found()
        changes = typing_state.local_state.update(
            connection.connection_id, connection.user_id, payload.conversation_id, payload.active
        )
        typing_state.publish_changes(changes)

    @command("view", schemas.ViewPayload)
    async def view(self, payload: schemas.ViewPayload) -> None:
        connection = self.connection
        if payload.conversation_id is not None and payload.conversation_id not in connection.conversations:
            raise not_found()
        await self.broadcaster.viewing.set_view(connection, payload.conversation_id)

    async def connecting(self) -> None:
        connection = self.connection
        is_first = await get_tracker().open_connection(connection.connection_id, connection.user_id, connection.network)
        if is_first:
            self.broadcaster.first_connections.add(connection.connection_id)

    async def connected(self) -> None:
        connection = self.connection
        count = schemas.head_count_event(get_tracker().get_last_head_count())
        connection.enqueue_ephemeral(count.key, OutgoingFrame(count.text))
        if connection.connection_id in self.broadcaster.first_connections:
            self.broadcaster.first_connections.discard(connection.connection_id)
            self.broadcaster.add_arrival(connection.user_id, tuple(connection.conversations))

    async def disconnected(self) -> None:
        connection = self.connection
        self.broadcaster.first_connections.discard(connection.connection_id)
        self.broadcaster.viewing.remove_connection(connection)
        typing_state.publish_changes(typing_state.local_state.remove_source(connection.connection_id))
        await get_tracker().close_connection(connection.connection_id)

    @classmethod
    async def run(cls) -> None:
        await cls.broadcaster.run()
