"""What a hub missed, read from the rows: on a hole in the versions soon, and every few seconds by comparing all.

The layer loses, processes die between commit and telling: the rows know. One query reads for all readers of a
conversation, and one more compares the versions of all that is listened to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings

from messenger.core import database
from messenger.live.events import ConversationEvent, UserEvent
from messenger.live.visibility import Visibility

if TYPE_CHECKING:
    from messenger.live.hub import Hub

log = logging.getLogger(__name__)


class Source:
    """Where the truth is read when something was missed. Synchronous; composed from the apps' functions."""

    def __init__(
        self,
        versions: Callable[[list[int]], dict[int, int]],
        me_versions: Callable[[list[int]], dict[int, int]],
        changes: Callable[[int, int], list[ConversationEvent]],
        personal: Callable[[int, int], tuple[list[UserEvent], int]],
        invalid: Callable[[list[tuple[int, str]]], dict[str, int]],
        ears: Callable[[list[int]], dict[int, Visibility]] = lambda user_ids: {},
    ):
        self.versions, self.me_versions, self.changes = versions, me_versions, changes
        self.personal, self.invalid, self.ears = personal, invalid, ears


class Repair:
    def __init__(self, hub: Hub, source: Source):
        self._hub, self._source, self._loop = hub, source, hub.loop
        self._fresh: set[int] = set()  # rooms to be compared once more, soon
        # One repair at a time, in the order in which they were found needful: a sweep finds conversations first, and
        # so nobody hears how much is unread before the messages that it counts.
        self._repairing = asyncio.Lock()
        self._tasks: set[asyncio.Task] = set()

    def repair_soon(self, conversation_id: int) -> None:
        self._spawn(self._repair(conversation_id))

    def look_again(self, conversation_id: int) -> None:
        if conversation_id in self._hub.rooms:
            self._fresh.add(conversation_id)
            if len(self._fresh) == 1:
                self._spawn(self._compare_fresh())

    async def _compare_fresh(self) -> None:
        await asyncio.sleep(0.05)  # many connections come at once: one query for all their rooms
        wanted, self._fresh = list(self._fresh), set()
        await self.compare(wanted)

    async def _repair(self, conversation_id: int) -> None:
        room = self._hub.rooms.get(conversation_id)
        if room is None:
            return
        room.timer = None
        async with self._repairing:
            missed = await database.run_in_thread(self._source.changes, conversation_id, room.told)
            if missed:
                log.info("conversation %s: told %s changes from the rows", conversation_id, len(missed))
            for item in missed:
                self._hub.hear_durable(item)
            self._hub.tell_held(room)

    def repair_person_soon(self, user_id: int) -> None:
        self._spawn(self._repair_person(user_id))

    async def _repair_person(self, user_id: int) -> None:
        person = self._hub.people.get(user_id)
        if person is None:
            return
        person.timer = None
        async with self._repairing:
            missed, me_version = await database.run_in_thread(self._source.personal, user_id, person.told)
            for item in missed:
                if item.me_version > person.told:
                    self._hub.tell_person(person, item)
            person.told = max(person.told, me_version)
        held, person.held = person.held, {}
        for me_version in sorted(held):
            if me_version > person.told:
                self._hub.tell_person(person, held[me_version])

    async def sweep(self) -> None:
        """Every few seconds: does the database say more than we have told, and are all sign-ins still good?"""
        while True:
            await asyncio.sleep(settings.SWEEP_SECONDS)
            try:
                await self.compare(list(self._hub.rooms))
                await self.compare_people()
                await self.check_sign_ins()
                await self.listen(list(self._hub.people))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("The sweep was skipped: %s", type(error).__name__)

    async def compare(self, conversation_ids: list[int]) -> None:
        for part in _parts(conversation_ids):
            before = {cid: self._hub.rooms[cid].told for cid in part if cid in self._hub.rooms}
            for cid, version in (await database.run_in_thread(self._source.versions, part)).items():
                room = self._hub.rooms.get(cid)
                # Behind, and not catching up by itself: what was just committed is on its way and needs no help.
                if room is not None and room.told < version and room.told == before.get(cid) and room.timer is None:
                    room.timer = self._loop.call_later(settings.HOLE_SECONDS * 4, self._repair_if_behind, cid, version)

    def _repair_if_behind(self, conversation_id: int, version: int) -> None:
        room = self._hub.rooms.get(conversation_id)
        if room is not None:
            room.timer = None
            if room.told < version:
                self.repair_soon(conversation_id)

    async def compare_people(self) -> None:
        for part in _parts([user_id for user_id, person in self._hub.people.items() if person.told >= 0]):
            for user_id, version in (await database.run_in_thread(self._source.me_versions, part)).items():
                person = self._hub.people.get(user_id)
                if person is not None and person.told < version and person.timer is None:
                    person.timer = self._loop.call_later(
                        settings.HOLE_SECONDS * 4, self._repair_person_if_behind, user_id, version
                    )

    def _repair_person_if_behind(self, user_id: int, version: int) -> None:
        person = self._hub.people.get(user_id)
        if person is not None:
            person.timer = None
            if person.told < version:
                self.repair_person_soon(user_id)

    async def check_sign_ins(self) -> None:
        open_now = {connection.sign_in_id: connection for connection in self._hub.connections()}
        for part in _parts([(connection.user_id, sign_in) for sign_in, connection in open_now.items()]):
            ended = await database.run_in_thread(self._source.invalid, part)
            for connection in self._hub.connections() if ended else ():
                if code := ended.get(connection.sign_in_id):
                    self._hub.forget(connection)
                    connection.close(code)

    def listen_anew(self, user_id: int) -> None:
        """What this person is not to hear has changed."""
        if user_id in self._hub.people:
            self._spawn(self.listen([user_id]))

    async def listen(self, user_ids: list[int]) -> None:
        """Read what these people are not to hear of others."""
        for part in _parts(user_ids):
            ears = await database.run_in_thread(self._source.ears, part)
            for user_id in part:
                person = self._hub.people.get(user_id)
                for connection in person.connections if person else ():
                    connection.ears = ears.get(user_id)

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("A repair failed: %s; the next sweep tries again", type(error).__name__)


def _parts(items: list, size: int = 500) -> Iterable[list]:
    return (items[at : at + size] for at in range(0, len(items), size))
