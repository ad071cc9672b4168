"""Handles the WebSocket commands `typing` and `view`, and sends presence events to the connections of this process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import ClassVar, NoReturn

from django.utils import timezone

from messenger.core import database
from messenger.core.errors import ApplicationError, not_found
from messenger.live.commands import command
from messenger.live.consumer import LiveConsumer
from messenger.live.hub import get_hub
from messenger.live.transport import OutgoingFrame
from presence import hooks, schemas, typing_state, visibility
from presence.payloads import TypingPayload, ViewPayload
from presence.tracker import get_tracker
from presence.viewers import ConversationViewers

log = logging.getLogger(__name__)

COLLECT_SECONDS = 0.1  # how often changes of presence and viewers are collected
TELL_SECONDS = 0.25  # at least between two times that collected changes are sent to connections
END_TYPING_SECONDS = 0.25  # how often the end of typing is published
LAST_SEEN_SECONDS = 60.0  # how often `last_seen_at` of users without a connection is stored


class PresenceBroadcaster:
    """Tells the connections of this process which users came online or went offline, who views a conversation, how many
    users are online, and when users stop typing.

    It also stores the time when users were last online. It is used in the event loop only.
    """

    def __init__(self) -> None:
        self.viewing = ConversationViewers()
        self._changes: dict[int, datetime | None] = {}  # not yet told: see `visibility.presence_events`
        self._told_at = 0.0

    async def run(self) -> None:
        """Runs the periodic steps of this class in an endless loop. One step, for example, tells who came online.

        Each step has its own asyncio task, so the end of typing is published while another step waits for the database.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_run_every(END_TYPING_SECONDS, self._end_typing))
            tasks.create_task(_run_every(COLLECT_SECONDS, self._tell_changes))
            tasks.create_task(_run_every(LAST_SEEN_SECONDS, self._store_last_seen))

    async def _end_typing(self) -> None:
        typing_state.publish_changes(typing_state.local_state.collect_due())

    async def _tell_changes(self) -> None:
        changes = get_tracker().collect_changes()
        self._changes |= dict.fromkeys(changes.arrived)
        self._changes |= {departure.user_id: departure.left_at for departure in changes.departures}
        self.viewing.mark_changed(*changes.conversation_ids)
        self.viewing.end_views_of_non_members()
        if changes.head_count is not None:
            get_hub().receive([schemas.head_count_event(changes.head_count)])
        now = time.monotonic()
        if (self._changes or self.viewing.has_changes()) and now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            await self.viewing.tell_changes()
            await self._tell_presence()

    async def _tell_presence(self) -> None:
        if not self._changes:
            return
        changes, self._changes = self._changes, {}
        try:
            events = await database.run_in_thread(visibility.presence_events, changes)
        except ApplicationError:
            self._changes = changes | self._changes  # the database is down: try again at the next step
            raise
        get_hub().receive(events)
        left_at = {user_id: at for user_id, at in changes.items() if at is not None}
        await database.run_in_thread(visibility.store_last_seen, left_at)

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

    @command("typing", TypingPayload)
    async def typing(self, payload: TypingPayload) -> None:
        connection = self.connection
        if payload.conversation_id not in connection.conversations:
            raise not_found()
        if payload.conversation_id not in self._seen_in:
            if payload.conversation_id in await database.run_in_thread(hooks.list_new_pair_ids, connection.user_id):
                return
            self._seen_in.add(payload.conversation_id)
        changes = typing_state.local_state.update(
            connection.connection_id, connection.user_id, payload.conversation_id, payload.active
        )
        typing_state.publish_changes(changes)

    @command("view", ViewPayload)
    def view(self, payload: ViewPayload) -> None:
        connection = self.connection
        if payload.conversation_id is not None and payload.conversation_id not in connection.conversations:
            raise not_found()
        self.broadcaster.viewing.set_view(connection, payload.conversation_id)

    async def connecting(self) -> None:
        connection = self.connection
        self._seen_in: set[int] = set()  # ids of conversations in which others may see this user type
        get_tracker().open_connection(connection.connection_id, connection.user_id, connection.network)

    async def connected(self) -> None:
        count = schemas.head_count_event(get_tracker().get_head_count())
        self.connection.enqueue_ephemeral(count.key, OutgoingFrame(count.text))

    async def disconnected(self) -> None:
        connection = self.connection
        self.broadcaster.viewing.remove_connection(connection)
        typing_state.publish_changes(typing_state.local_state.remove_source(connection.connection_id))
        get_tracker().close_connection(connection.connection_id)

    @classmethod
    async def run(cls) -> None:
        await cls.broadcaster.run()
