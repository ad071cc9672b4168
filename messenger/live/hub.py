"""One hub per process: it hears the news and writes them to this process's sockets, in order of version.

The process, not each socket, is a member of channel-layer groups (`conversation.12`, `user.3`, `presence.12`,
`online`). A frame comes encoded and goes to all readers as it is. On a hole in the versions the hub waits a moment,
then reads the rows once for all its readers; every few seconds it compares what it has told with the database. So
the row is the outbox, and whatever the layer or a crash lost is told in the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable

from django.conf import settings

from messenger.live import events
from messenger.live.channel_layer import Layer
from messenger.live.connection import Connection
from messenger.live.events import ConversationEvent, Disconnect, EphemeralEvent, Event, RefreshVisibility, UserEvent
from messenger.live.reconcile import Repair, Source
from messenger.live.shutdown import before_the_end
from messenger.live.transport import Outgoing

log = logging.getLogger(__name__)
GOING_AWAY = 1001

GATHER_SECONDS = 0.2  # in which receipts of one conversation become one for each person; the first is told at once


class _Room:
    """A conversation with listeners here. `told` is the version up to which they have heard everything."""

    __slots__ = ("gathered", "held", "joining", "sockets", "timer", "told")

    def __init__(self, told: int):
        self.told = told
        self.sockets: set[Connection] = set()
        self.joining: list[tuple[int, Connection]] = []  # heard from that version on
        self.held: dict[int, ConversationEvent] = {}  # by version: came before what they follow
        self.timer: asyncio.TimerHandle | None = None
        self.gathered: dict[str, EphemeralEvent] | None = (
            None  # None: nothing has passed just now, the next goes at once
        )


class _Person:
    __slots__ = ("connections", "held", "timer", "told")

    def __init__(self) -> None:
        self.told = -1  # -1: not known yet
        self.connections: set[Connection] = set()
        self.held: dict[int, UserEvent] = {}
        self.timer: asyncio.TimerHandle | None = None


class Hub:
    def __init__(self, source: Source, background: Iterable[Callable[[], Coroutine]] = ()):
        self.rooms: dict[int, _Room] = {}
        self.people: dict[int, _Person] = {}
        self.groups: dict[str, set[Connection]] = {}
        self.loop = asyncio.get_running_loop()
        self._dirty: list[Connection] = []
        self.repair = Repair(self, source)
        self._layer = Layer(self.hear) if settings.REDIS_URL else None
        self._tasks = [self.loop.create_task(work()) for work in (self.repair.sweep, *background)]
        events.set_publisher(self.tell_from_anywhere)
        before_the_end(self._end)

    # ── Telling ──────────────────────────────────────────────────────────────────────────────────────────────────
    def tell_from_anywhere(self, told: list[Event]) -> None:
        try:
            here = asyncio.get_running_loop() is self.loop
        except RuntimeError:
            here = False
        if here:
            self.tell(told)
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.tell, told)

    def tell(self, told: list[Event]) -> None:
        """To our own sockets at once, and once to the other processes."""
        if self._layer:
            self._layer.publish(told)
        self.hear(told)

    def hear(self, told: Iterable[Event]) -> None:
        for item in told:
            if isinstance(item, ConversationEvent):
                self.hear_durable(item)
            elif isinstance(item, UserEvent):
                self._hear_personal(item)
            elif isinstance(item, EphemeralEvent):
                self._hear_passing(item)
            elif isinstance(item, RefreshVisibility):
                self.repair.listen_anew(item.user_id)
            else:
                self._cut(item)

    # ── Durable: in order of version ─────────────────────────────────────────────────────────────────────────────
    def hear_durable(self, item: ConversationEvent) -> None:
        room = self.rooms.get(item.conversation_id)
        if room is None or item.version <= room.told:
            return
        if item.after > room.told:
            room.held[item.version] = item
            if room.timer is None:
                room.timer = self.loop.call_later(settings.HOLE_SECONDS, self.repair.repair_soon, item.conversation_id)
            return
        self._tell_room(room, item)
        if room.held:
            self.tell_held(room)

    def tell_held(self, room: _Room) -> None:
        for version in sorted(room.held):
            item = room.held[version]
            if item.after > room.told:
                return
            del room.held[version]
            if version > room.told:
                self._tell_room(room, item)
        if room.timer:
            room.timer.cancel()
            room.timer = None

    def _tell_room(self, room: _Room, item: ConversationEvent) -> None:
        room.told = item.version
        if item.left and (person := self.people.get(item.left)):
            for connection in person.connections:
                self._leave(connection, item.conversation_id, item.version)
        outgoing = Outgoing(item.text)
        for connection in room.sockets:
            connection.write(outgoing)
        if item.joined and (person := self.people.get(item.joined)):
            for connection in person.connections:
                self._enter(room, connection, item.conversation_id)
        if room.joining:
            ready = [connection for version, connection in room.joining if version <= room.told]
            room.joining = [entry for entry in room.joining if entry[0] > room.told]
            for connection in ready:
                self._enter(room, connection, item.conversation_id)

    # ── Personal ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _hear_personal(self, item: UserEvent) -> None:
        person = self.people.get(item.user_id)
        if person is None:
            return
        if item.me_version and person.told >= 0:
            if item.me_version <= person.told:
                return
            if item.me_version > person.told + 1:
                person.held[item.me_version] = item
                if person.timer is None:
                    person.timer = self.loop.call_later(
                        settings.HOLE_SECONDS, self.repair.repair_person_soon, item.user_id
                    )
                return
        self.tell_person(person, item)
        while person.held and (following := person.held.pop(person.told + 1, None)):
            self.tell_person(person, following)
        if person.timer and not person.held:
            person.timer.cancel()
            person.timer = None

    def tell_person(self, person: _Person, item: UserEvent) -> None:
        if item.me_version:
            person.told = max(person.told, item.me_version)
        outgoing = Outgoing(item.text)
        for connection in list(person.connections):
            if item.leaves:
                self._leave_at(connection, item.leaves, item.version)
            connection.write(outgoing)
            if item.joins:
                self._join_at(connection, item.joins, item.version, item.upto or item.version)

    def _join_at(self, connection: Connection, conversation_id: int, version: int, upto: int) -> None:
        room = self._room(conversation_id, upto)
        if room.told >= version:
            self._enter(room, connection, conversation_id)
        else:
            room.joining.append((version, connection))

    def _leave_at(self, connection: Connection, conversation_id: int, version: int) -> None:
        """Where the conversation's own stream has come so far, it has said so already (or let them in again since)."""
        room = self.rooms.get(conversation_id)
        if room is None:
            connection.note_left(conversation_id, version)
        elif room.told < version:
            room.joining = [e for e in room.joining if e[1] is not connection or e[0] > version]
            self._leave(connection, conversation_id, version)

    # ── Passing and cutting ──────────────────────────────────────────────────────────────────────────────────────
    def _hear_passing(self, item: EphemeralEvent) -> None:
        if item.gathers and (room := self.rooms.get(item.gathers)):
            if room.gathered is not None:
                room.gathered[item.key] = item
                return
            room.gathered = {}
            self.loop.call_later(GATHER_SECONDS, self._tell_gathered, room)
        self._tell_passing(item)

    def _tell_gathered(self, room: _Room) -> None:
        gathered, room.gathered = room.gathered, None
        if gathered:
            room.gathered = {}
            self.loop.call_later(GATHER_SECONDS, self._tell_gathered, room)
            for item in gathered.values():
                self._tell_passing(item)

    def _tell_passing(self, item: EphemeralEvent) -> None:
        outgoing = Outgoing(item.text)
        for connection in self._listeners(item):
            user_id = connection.user_id
            if user_id == item.skip_user or user_id in item.skip_users:
                continue
            if item.only is not None and user_id not in item.only:
                continue
            if item.about and connection.ears is not None and not connection.ears.hear(item.about, item.matter):
                continue
            connection.write_passing(item.key, outgoing)

    def _listeners(self, item: EphemeralEvent) -> Iterable[Connection]:
        if item.conversations or item.users:
            rooms = [self.rooms[cid].sockets for cid in item.conversations if cid in self.rooms]
            people = [self.people[user_id].connections for user_id in item.users if user_id in self.people]
            return set().union(*rooms, *people)
        kind, _, number = item.group.partition(".")
        if kind == "conversation":
            room = self.rooms.get(int(number))
            return room.sockets if room else ()
        if kind == "user":
            person = self.people.get(int(number))
            return person.connections if person else ()
        return self.groups.get(item.group, ())

    def _cut(self, item: Disconnect) -> None:
        person = self.people.get(item.user_id)
        for connection in list(person.connections) if person else ():
            if item.sign_in_id and connection.sign_in_id != item.sign_in_id:
                continue
            if item.keep_sign_in_id and connection.sign_in_id == item.keep_sign_in_id:
                continue
            self.forget(connection)
            connection.close(item.code)

    # ── Who listens to what ──────────────────────────────────────────────────────────────────────────────────────
    async def attend(self, connection: Connection) -> None:
        """From here on what is told to this person reaches the connection; to be followed by `enter_all`."""
        person = self.people.setdefault(connection.user_id, _Person())
        person.connections.add(connection)
        await self._subscribed([f"user.{connection.user_id}", "online"])
        self.listen(connection, "online")

    async def enter_all(self, connection: Connection, versions: dict[int, int], me_version: int) -> dict[int, int]:
        """Listen to these conversations, known at these versions. The versions that its readers here have heard."""
        person = self.people.get(connection.user_id)
        if person is not None and person.told < me_version:
            person.told = me_version
        heard = {}
        for conversation_id, version in versions.items():
            if connection.left_since(conversation_id, version):
                continue
            room = self._room(conversation_id, version)
            self._enter(room, connection, conversation_id)
            heard[conversation_id] = max(version, room.told)
        await self._subscribed([f"conversation.{conversation_id}" for conversation_id in heard])
        return heard

    def _room(self, conversation_id: int, version: int) -> _Room:
        room = self.rooms.get(conversation_id)
        if room is None:
            room = self.rooms[conversation_id] = _Room(version)
            self._subscribe(f"conversation.{conversation_id}")
            # Something may have happened between reading that version and listening.
            self.loop.call_later(0.2, self.repair.look_again, conversation_id)
        return room

    def _enter(self, room: _Room, connection: Connection, conversation_id: int) -> None:
        person = self.people.get(connection.user_id)
        if person is not None and connection in person.connections:
            room.sockets.add(connection)
            connection.conversations.add(conversation_id)

    def _leave(self, connection: Connection, conversation_id: int, version: int = 0) -> None:
        connection.note_left(conversation_id, version)
        connection.conversations.discard(conversation_id)
        self.unlisten(connection, f"presence.{conversation_id}")
        if room := self.rooms.get(conversation_id):
            room.sockets.discard(connection)
            self._close_empty(conversation_id, room)

    def _close_empty(self, conversation_id: int, room: _Room) -> None:
        if not room.sockets and not room.joining:
            if room.timer:
                room.timer.cancel()
            self.rooms.pop(conversation_id, None)
            self._unsubscribe(f"conversation.{conversation_id}")

    def listen(self, connection: Connection, group: str) -> None:
        """Hear what passes in this group."""
        if group not in self.groups:
            self.groups[group] = set()
            self._subscribe(group)
        self.groups[group].add(connection)
        connection.groups.add(group)

    def unlisten(self, connection: Connection, group: str) -> None:
        connection.groups.discard(group)
        listeners = self.groups.get(group)
        if listeners is not None:
            listeners.discard(connection)
            if not listeners:
                del self.groups[group]
                self._unsubscribe(group)

    def forget(self, connection: Connection) -> None:
        """It hears nothing more. Safe to repeat."""
        for conversation_id in list(connection.conversations):
            self._leave(connection, conversation_id)
        for group in list(connection.groups):
            self.unlisten(connection, group)
        person = self.people.get(connection.user_id)
        if person is not None:
            person.connections.discard(connection)
            if not person.connections:
                if person.timer:
                    person.timer.cancel()
                del self.people[connection.user_id]
                self._unsubscribe(f"user.{connection.user_id}")

    def connections(self) -> list[Connection]:
        return [connection for person in self.people.values() for connection in person.connections]

    # ── Writing: once per turn of the loop ───────────────────────────────────────────────────────────────────────
    def flush_soon(self, connection: Connection) -> None:
        if not self._dirty:
            self.loop.call_soon(self._flush)
        self._dirty.append(connection)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            try:
                connection.flush()
            except Exception:
                log.exception("A socket could not be written to")
                connection.close(1011)

    # ── The channel layer ────────────────────────────────────────────────────────────────────────────────────────
    def _subscribe(self, group: str) -> None:
        if self._layer:
            self._layer.subscribe(group)

    def _unsubscribe(self, group: str) -> None:
        if self._layer:
            self._layer.unsubscribe(group)

    async def _subscribed(self, groups: list[str]) -> None:
        if self._layer:
            for group in groups:
                self._layer.subscribe(group)
            await self._layer.settled()

    def _end(self) -> None:
        """The process was told to stop: everybody is to come back, to whoever takes its place."""
        self.loop.call_soon_threadsafe(self._close_all)

    def _close_all(self) -> None:
        for connection in self.connections():
            connection.close(GOING_AWAY)


# ── The hub of this process ──────────────────────────────────────────────────────────────────────────────────────
_hub: Hub | None = None
_source: Source | None = None
_background: tuple[Callable[[], Coroutine], ...] = ()


def configure(source: Source, background: Iterable[Callable[[], Coroutine]]) -> None:
    """What hubs are made with: where the truth is, and the apps' own tasks that each process runs."""
    global _source, _background
    _source, _background = source, tuple(background)


def get_hub() -> Hub:
    """This process's hub; made with its first connection, in the event loop that serves it."""
    global _hub
    loop = asyncio.get_running_loop()
    if _hub is None or _hub.loop is not loop:
        assert _source is not None, "messenger.consumers has not been imported"
        _hub = Hub(_source, _background)
    return _hub
