"""Reconciliation: if this process has missed events, reads them from the database and delivers them.

The channel layer may lose events, and a process may die between the commit and the publishing of an event. But the
database has all changes. Each change of a conversation increases its version number. If the hub, which delivers events
to connections, notices that a version is missing, the missed events are read soon. In addition, a loop compares all
delivered versions with the database every few seconds. One query reads the missed events of a conversation for all its
subscribers, and one query reads the versions of many conversations.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from messenger.core import database
from messenger.core.metrics import metrics
from messenger.live.events import ConversationEvent, UserEvent
from messenger.live.streams import UNKNOWN, E, OrderedStream
from messenger.live.visibility import Visibility

if TYPE_CHECKING:
    from messenger.live.hub import Hub

log = logging.getLogger(__name__)

BATCH_SIZE = 500  # ids in one query
COLLECT_SECONDS = 0.05  # how long new conversations are collected, so that many new connections cost one query


def _no_visibility(user_ids: list[int]) -> dict[int, Visibility]:
    return {}


@dataclass(frozen=True)
class ReconciliationSource:
    """The database queries for reconciliation (finding events that this process has missed). The apps provide them.

    The queries are synchronous and run in database threads.
    """

    conversation_versions: Callable[[list[int]], dict[int, int]]  # conversation ids → version of each
    user_versions: Callable[[list[int]], dict[int, int]]  # user ids → `me_version` of each
    # (conversation id, version) → the events after that version, and the version that they lead to
    missed_conversation_events: Callable[[int, int], tuple[list[ConversationEvent], int]]
    # (user id, me_version) → the events after that version, and the version that they lead to
    missed_user_events: Callable[[int, int], tuple[list[UserEvent], int]]
    # (user id, sign-in id) pairs → close code of each sign-in that has ended, by sign-in id
    ended_sign_ins: Callable[[list[tuple[int, str]]], dict[str, int]]
    visibility_by_user: Callable[[list[int]], dict[int, Visibility]] = _no_visibility  # without unrestricted users


class Reconciler:
    """Finds the events that the hub of this process has missed, and delivers them to connections through this hub.

    It runs in the event loop of the hub.
    """

    def __init__(self, hub: Hub, source: ReconciliationSource):
        self._hub, self._source, self._loop = hub, source, hub.loop
        self._to_recheck: set[int] = set()  # conversation ids
        # One reconciliation at a time, in the order in which gaps were found. The loop compares conversations first, so
        # a client gets messages before the unread count that includes them.
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task] = set()

    # ── The loop ─────────────────────────────────────────────────────────────────────────────────────────────────
    async def run(self) -> None:
        """Looks for missed events, for ended sign-ins and for changes of who may see whom, every few seconds.

        Never returns.
        """
        while True:
            await asyncio.sleep(settings.SWEEP_SECONDS)
            try:
                await self.compare_conversations(list(self._hub.conversations))
                await self.compare_users()
                await self.check_sign_ins()
                await self.refresh_visibility(list(self._hub.users))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("A round of reconciliation was skipped: %s", type(error).__name__)

    async def compare_conversations(self, conversation_ids: list[int]) -> None:
        """Compares the versions (numbers of the last change) of these conversations with the database."""
        await self._compare(self._hub.conversations, conversation_ids, self._source.conversation_versions)

    async def compare_users(self) -> None:
        """Compares the versions of the own data of all connected users with the database."""
        await self._compare(self._hub.users, list(self._hub.users), self._source.user_versions)

    async def _compare(
        self,
        streams: Mapping[int, OrderedStream],
        ids: list[int],
        load_versions: Callable[[list[int]], dict[int, int]],
    ) -> None:
        """Compares the delivered versions of these streams with the database.

        If a version in the database is higher, schedules reading the missed events. Leaves out streams that received an
        event during the query, because the missing events are probably on their way.
        """
        for batch in _batches(ids):
            before = {id: streams[id].delivered_version for id in batch if id in streams}
            versions = await database.run_in_thread(load_versions, list(before))
            for id, version in versions.items():
                stream = streams.get(id)
                if stream is not None and version > stream.delivered_version == before[id] != UNKNOWN:
                    stream.reconcile_later(version, settings.EVENT_GAP_SECONDS * 4)

    async def check_sign_ins(self) -> None:
        """Closes connections whose sign-in has ended, for example because the user has signed out.

        A `Disconnect` event does this at once, but such an event may get lost.
        """
        open_sign_ins = {connection.sign_in_id: connection for connection in self._hub.connections()}
        for batch in _batches([(connection.user_id, sign_in_id) for sign_in_id, connection in open_sign_ins.items()]):
            ended = await database.run_in_thread(self._source.ended_sign_ins, batch)
            for connection in self._hub.connections() if ended else ():
                if code := ended.get(connection.sign_in_id):
                    self._hub.unregister(connection)
                    connection.close(code)

    async def refresh_visibility(self, user_ids: list[int]) -> None:
        """Reads again from the database which other users these users may see, and stores it in their connections."""
        for batch in _batches(user_ids):
            visibility_by_user = await database.run_in_thread(self._source.visibility_by_user, batch)
            for user_id in batch:
                user = self._hub.users.get(user_id)
                for connection in user.connections if user else ():
                    connection.visibility = visibility_by_user.get(user_id)

    # ── On demand ────────────────────────────────────────────────────────────────────────────────────────────────
    def reconcile_conversation_soon(self, stream: OrderedStream[ConversationEvent]) -> None:
        self._spawn(self._reconcile(self._hub.conversations, stream, self._source.missed_conversation_events))

    def reconcile_user_soon(self, stream: OrderedStream[UserEvent]) -> None:
        self._spawn(self._reconcile(self._hub.users, stream, self._source.missed_user_events))

    def refresh_visibility_soon(self, user_id: int) -> None:
        if user_id in self._hub.users:
            self._spawn(self.refresh_visibility([user_id]))

    def recheck_soon(self, conversation_id: int) -> None:
        """Compares the version of a conversation with the database after a moment, to find missed events.

        Called when the first connection of this process has subscribed to the conversation.
        """
        if conversation_id in self._hub.conversations:
            self._to_recheck.add(conversation_id)
            if len(self._to_recheck) == 1:
                self._spawn(self._recheck())

    async def _recheck(self) -> None:
        await asyncio.sleep(COLLECT_SECONDS)
        conversation_ids, self._to_recheck = list(self._to_recheck), set()
        await self.compare_conversations(conversation_ids)

    async def _reconcile(
        self,
        streams: Mapping[int, OrderedStream[E]],
        stream: OrderedStream[E],
        load_missed: Callable[[int, int], tuple[list[E], int]],
    ) -> None:
        """Reads the missed events of a stream from the database and delivers them, and then those that waited."""
        async with self._lock:
            if streams.get(stream.id) is not stream:  # its last connection has been closed
                return
            missed, version = await database.run_in_thread(load_missed, stream.id, stream.delivered_version)
            if streams.get(stream.id) is not stream:
                return
            if missed:
                metrics.missed_events += len(missed)
                log.info("%s: delivered %s missed events", type(missed[0]).__name__, len(missed))
            stream.deliver_missed(missed, version)

    def _spawn(self, work: Coroutine) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("A reconciliation failed: %s; the next round tries again", type(error).__name__)


def _batches(items: list) -> Iterable[list]:
    return (items[start : start + BATCH_SIZE] for start in range(0, len(items), BATCH_SIZE))
