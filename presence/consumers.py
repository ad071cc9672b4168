"""Presence on the socket: its commands, and what it does as connections come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from django.utils import timezone

from messenger.core import database
from messenger.core.errors import ApplicationError, not_found
from messenger.live.commands import Command, Part
from messenger.live.events import publish_now
from messenger.live.transport import Outgoing
from presence import schemas, typing_state, visibility
from presence.store import Tick
from presence.tracker import tracker
from presence.viewers import Viewing

if TYPE_CHECKING:
    from messenger.live.connection import Connection

log = logging.getLogger(__name__)

PULSE = 0.25  # seconds: how long changes of viewers are gathered, and how exactly typing ends
TICK = 1.0  # seconds: how often leases are renewed and looked through
SEEN = 60.0  # seconds: how often it is stored that people without a socket were here


class PresencePart(Part):
    def __init__(self) -> None:
        self.commands = (
            Command("typing", schemas.TypingPayload, self.typing),
            Command("view", schemas.ViewPayload, self.view),
        )
        self.viewing = Viewing()
        self._first: set[str] = set()  # connections with which somebody came, until their `welcome` is sent
        # What is to be told: who came, and in which conversations (None: to be looked up); and who may have left.
        self._came: dict[int, tuple[int, ...] | None] = {}
        self._leaving: list[Tick] = []

    # ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────
    async def typing(self, connection: Connection, payload: schemas.TypingPayload) -> None:
        if payload.conversation_id not in connection.conversations:
            raise not_found()
        heard = connection.connection_id, connection.user_id, payload.conversation_id, payload.active
        typing_state.tell(typing_state.here.heard(*heard))

    async def view(self, connection: Connection, payload: schemas.ViewPayload) -> None:
        if payload.conversation_id is not None and payload.conversation_id not in connection.conversations:
            raise not_found()
        await self.viewing.look(connection, payload.conversation_id)

    # ── Connections ──────────────────────────────────────────────────────────────────────────────────────────────
    async def opening(self, connection: Connection) -> None:
        if await tracker().opening(connection.connection_id, connection.user_id, connection.address):
            self._first.add(connection.connection_id)

    async def opened(self, connection: Connection) -> None:
        count = schemas.head_count(tracker().last_count())
        connection.write_passing(count.key, Outgoing(count.text))
        if connection.connection_id in self._first:
            self._first.discard(connection.connection_id)
            self._came[connection.user_id] = tuple(connection.conversations)

    async def closed(self, connection: Connection) -> None:
        self._first.discard(connection.connection_id)
        self.viewing.forget(connection)
        typing_state.tell(typing_state.here.stopped(connection.connection_id))
        await tracker().closed(connection.connection_id)

    # ── The clock ────────────────────────────────────────────────────────────────────────────────────────────────
    async def run(self) -> None:
        # Side by side: what asks the database may be kept waiting, and leases are to be renewed meanwhile.
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_every(PULSE, self._end_typing))
            tasks.create_task(_every(PULSE, self.viewing.tell))
            tasks.create_task(_every(PULSE, self._tell))
            tasks.create_task(_every(TICK, self._tick))
            tasks.create_task(_every(SEEN, self._store_seen))

    async def _end_typing(self) -> None:
        typing_state.tell(typing_state.here.pulse())

    async def _tick(self) -> None:
        tick = await tracker().tick()
        self.viewing.stir(*tick.stirred)
        await self.viewing.leave_lost()
        if tick.head_count_changed:
            publish_now([schemas.head_count(tick.head_count)])
        for user_id in tick.arrived:
            self._came.setdefault(user_id, None)
        if tick.leaving:
            self._leaving.append(tick)

    async def _tell(self) -> None:
        came, self._came = self._came, {}
        leaving, self._leaving = self._leaving, []
        if came:
            try:
                publish_now(await database.run_in_thread(visibility.news_of_coming, came))
            except ApplicationError:
                self._came = came | self._came  # when the database is back
                raise
        for tick in leaving:
            left_at = {user_id: timezone.now() - timedelta(seconds=ago) for user_id, ago in tick.leaving}
            news_of = await database.run_in_thread(visibility.news_of_going, left_at)
            # Only now, so that nobody is lost where the database did not answer: a later tick finds them again.
            gone = await tracker().settle(tick, left_at)
            publish_now([news for user_id in gone for news in news_of.get(user_id, ())])
            await database.run_in_thread(visibility.store_last_seen, {user_id: left_at[user_id] for user_id in gone})

    async def _store_seen(self) -> None:
        if signed := tracker().signed():
            await database.run_in_thread(visibility.store_last_seen, dict.fromkeys(signed, timezone.now()))


async def _every(seconds: float, step: Callable[[], Awaitable[None]]) -> NoReturn:
    while True:
        await asyncio.sleep(seconds)
        try:
            await step()
        except ApplicationError:
            pass  # the database is away, and says so itself
        except Exception:
            log.exception("A step of presence failed; it goes on.")


PART = PresencePart()
