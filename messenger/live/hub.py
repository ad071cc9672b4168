"""Defines the hub: the object in a server process that delivers events to the WebSocket connections of this process.

The path of an event: `publish → receive → OrderedStream.receive → _send_to_conversation → Connection.enqueue → flush →
transport.write`.

Each change of a conversation increases the version number of the conversation by one, and clients get the events in
order of version. Other server processes send their events through the channel layer (Redis). The process joins the
groups of the channel layer (`conversation.12`, `user.3`, `online`) once for all its connections.

An event may get lost in the channel layer or in a crash, but the database has all changes. If a version is missing, the
hub waits a moment for it and then reads the missed events from the database. Every few seconds the hub also compares
the last delivered versions with the database (messenger.live.reconcile).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable

from django.conf import settings

from messenger.core.metrics import metrics
from messenger.live import events
from messenger.live.channel_layer import ProcessChannelLayer
from messenger.live.connection import Connection
from messenger.live.events import ConversationEvent, Disconnect, EphemeralEvent, Event, RefreshVisibility, UserEvent
from messenger.live.reconcile import Reconciler, ReconciliationSource
from messenger.live.shutdown import call_before_shutdown
from messenger.live.streams import UNKNOWN, OrderedStream
from messenger.live.transport import JoinedFrames, OutgoingFrame

log = logging.getLogger(__name__)
GOING_AWAY = 1001
INTERNAL_ERROR = 1011

COMBINE_SECONDS = 0.2  # the first combined event of a key is sent at once, then only the newest per interval
RECHECK_SECONDS = 0.2  # after the first subscription to a conversation its version is compared once more

BackgroundTask = Callable[[], Coroutine]


class ConversationStream(OrderedStream[ConversationEvent]):
    """The stream of a conversation, with what the hub keeps about its subscribers in this process.

    It is deleted when the conversation has no subscribed connection left in this process.
    """

    __slots__ = ("combined", "joining")

    def __init__(
        self,
        id: int,
        delivered_version: int,
        send: Callable[[ConversationStream, ConversationEvent], None],
        reconcile: Callable[[ConversationStream], None],
    ):
        super().__init__(id, delivered_version, send, reconcile)
        # (version, connection): the connection is subscribed as soon as the version is delivered.
        self.joining: list[tuple[int, Connection]] = []
        # Newest event by key, to be sent when COMBINE_SECONDS have passed. None: the next event is sent at once.
        self.combined: dict[str, EphemeralEvent] | None = None


UserStream = OrderedStream[UserEvent]


class Hub:
    """Delivers events to the WebSocket connections of this process. A hub belongs to one asyncio event loop.

    All methods except `publish_threadsafe` must be called in this event loop.
    """

    def __init__(self, source: ReconciliationSource):
        self.conversations: dict[int, ConversationStream] = {}
        self.users: dict[int, UserStream] = {}
        self.groups: dict[str, set[Connection]] = {}  # subscribers of groups for ephemeral events
        self.loop = asyncio.get_running_loop()
        self.reconciler = Reconciler(self, source)
        self._layer = ProcessChannelLayer(self.receive) if settings.REDIS_URL else None
        self._connections_to_flush: list[Connection] = []
        self._tasks: list[asyncio.Task] = []

    def start(self, background: Iterable[BackgroundTask] = ()) -> None:
        """Starts the background tasks of the hub. After that, all events of this process are published through the hub.

        Also makes the hub close all connections before the process shuts down.
        """
        if self._layer:
            self._layer.start()
        self._tasks = [self.loop.create_task(task()) for task in (self.reconciler.run, *background)]
        events.set_publisher(self.publish_threadsafe)
        call_before_shutdown(self._close_all_threadsafe)

    # ── Publishing and receiving ─────────────────────────────────────────────────────────────────────────────────
    def publish_threadsafe(self, event_list: list[Event]) -> None:
        """Publishes events to all processes of the site. May be called in any thread."""
        try:
            in_loop = asyncio.get_running_loop() is self.loop
        except RuntimeError:
            in_loop = False
        if in_loop:
            self.publish(event_list)
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.publish, event_list)

    def publish(self, event_list: list[Event]) -> None:
        """Delivers events to the connections of this process at once, and sends them to the site's other processes."""
        if self._layer:
            self._layer.publish(event_list)
        self.receive(event_list)

    def receive(self, event_list: Iterable[Event]) -> None:
        """Delivers events to the connections of this process. The events come from this process or from another one."""
        for event in event_list:
            if isinstance(event, ConversationEvent):
                if conversation := self.conversations.get(event.conversation_id):
                    conversation.receive(event)
            elif isinstance(event, UserEvent):
                if user := self.users.get(event.user_id):
                    user.receive(event)
            elif isinstance(event, EphemeralEvent):
                self._deliver_ephemeral(event)
            elif isinstance(event, RefreshVisibility):
                self.reconciler.refresh_visibility_soon(event.user_id)
            else:
                self._disconnect(event)

    # ── Conversation events and user events: the streams call these in order of version ───────────────────────────
    def _send_to_conversation(self, stream: ConversationStream, event: ConversationEvent) -> None:
        """Queues an event for all connections that are subscribed to its conversation.

        If the event says that a user joins or leaves the conversation, this user does not receive it.
        """
        if event.left_user_id and (user := self.users.get(event.left_user_id)):
            for connection in user.connections:
                self._unsubscribe_from_conversation(connection, event.conversation_id, event.version)
        frame = OutgoingFrame(event.text)
        metrics.deliveries += len(stream.connections)
        for connection in stream.connections:
            connection.enqueue(frame)
        if event.joined_user_id and (user := self.users.get(event.joined_user_id)):
            for connection in user.connections:
                self._subscribe_to_conversation(stream, connection, event.conversation_id)
        if stream.joining:
            ready = [connection for version, connection in stream.joining if version <= stream.delivered_version]
            stream.joining = [entry for entry in stream.joining if entry[0] > stream.delivered_version]
            for connection in ready:
                self._subscribe_to_conversation(stream, connection, event.conversation_id)

    def _send_to_user(self, stream: UserStream, event: UserEvent) -> None:
        """Queues an event for all connections of the user whom it concerns.

        If the event says that this user has joined or left a conversation, also starts or ends the subscription of
        these connections to the conversation.
        """
        frame = OutgoingFrame(event.text)
        for connection in list(stream.connections):
            if event.left_conversation_id:
                self._leave_at(connection, event.left_conversation_id, event.version)
            connection.enqueue(frame)
            if event.joined_conversation_id:
                shown_version = event.conversation_version or event.version
                self._join_at(connection, event.joined_conversation_id, event.version, shown_version)

    def _join_at(self, connection: Connection, conversation_id: int, version: int, shown_version: int) -> None:
        stream = self._get_stream(conversation_id, shown_version)
        if stream.delivered_version >= version:
            self._subscribe_to_conversation(stream, connection, conversation_id)
        else:
            stream.joining.append((version, connection))

    def _leave_at(self, connection: Connection, conversation_id: int, version: int) -> None:
        """Ends the subscription of a connection to a conversation that the user left in the change number `version`.

        Does nothing if the events of the conversation were already delivered up to this version. In that case the
        subscription has ended already, and the user may have joined the conversation again since.
        """
        stream = self.conversations.get(conversation_id)
        if stream is None:
            connection.record_left(conversation_id, version)
        elif stream.delivered_version < version:
            stream.joining = [entry for entry in stream.joining if entry[1] is not connection or entry[0] > version]
            self._unsubscribe_from_conversation(connection, conversation_id, version)

    # ── Ephemeral events ─────────────────────────────────────────────────────────────────────────────────────────
    def _deliver_ephemeral(self, event: EphemeralEvent) -> None:
        if event.combine_in_conversation and (stream := self.conversations.get(event.combine_in_conversation)):
            if stream.combined is not None:
                stream.combined[event.key] = event
                return
            stream.combined = {}
            self.loop.call_later(COMBINE_SECONDS, self._send_combined, stream)
        self._send_ephemeral(event)

    def _send_combined(self, stream: ConversationStream) -> None:
        combined, stream.combined = stream.combined, None
        if combined:
            stream.combined = {}
            self.loop.call_later(COMBINE_SECONDS, self._send_combined, stream)
            for event in combined.values():
                self._send_ephemeral(event)

    def _send_ephemeral(self, event: EphemeralEvent) -> None:
        frame = OutgoingFrame(event.text)
        for connection in self._recipients(event):
            user_id = connection.user_id
            if user_id == event.skip_user or user_id in event.skip_users:
                continue
            if event.allowed_users is not None and user_id not in event.allowed_users:
                continue
            visibility = connection.visibility
            if event.subject_id and visibility is not None and not visibility.allows(event.subject_id, event.topic):
                continue
            connection.enqueue_ephemeral(event.key, frame)

    def _recipients(self, event: EphemeralEvent) -> Iterable[Connection]:
        if event.conversations or event.users:
            subscribers = [
                self.conversations[cid].connections for cid in event.conversations if cid in self.conversations
            ]
            addressed = [self.users[user_id].connections for user_id in event.users if user_id in self.users]
            return set().union(*subscribers, *addressed)
        kind, _, number = event.group.partition(".")
        if kind == "conversation":
            conversation = self.conversations.get(int(number))
            return conversation.connections if conversation else ()
        if kind == "user":
            user = self.users.get(int(number))
            return user.connections if user else ()
        return self.groups.get(event.group, ())

    def _disconnect(self, event: Disconnect) -> None:
        user = self.users.get(event.user_id)
        for connection in list(user.connections) if user else ():
            if event.sign_in_id and connection.sign_in_id != event.sign_in_id:
                continue
            if event.keep_sign_in_id and connection.sign_in_id == event.keep_sign_in_id:
                continue
            self.unregister(connection)
            connection.close(event.code)

    # ── Subscriptions ────────────────────────────────────────────────────────────────────────────────────────────
    async def register(self, connection: Connection) -> None:
        """Adds a connection to the list of its user's connections.

        The caller must then call `subscribe_to_conversations`.
        """
        user = self.users.get(connection.user_id)
        if user is None:
            user = self.users[connection.user_id] = UserStream(
                connection.user_id, UNKNOWN, self._send_to_user, self.reconciler.reconcile_user_soon
            )
        user.connections.add(connection)
        await self._join_layer_groups([f"user.{connection.user_id}", "online"])
        self.subscribe(connection, "online")

    async def subscribe_to_conversations(
        self, connection: Connection, versions: dict[int, int], me_version: int
    ) -> dict[int, int]:
        """Subscribes a connection to all conversations in `versions`, except those that the user has left meanwhile.

        `versions` (by conversation id) and `me_version` (of the user's own data) are the numbers of the last changes.
        They were read from the database for the first frame, `welcome`. Returns a version for each subscribed
        conversation, by conversation id. The connection receives all events after this version.
        """
        user = self.users.get(connection.user_id)
        if user is not None and user.delivered_version == UNKNOWN:  # otherwise older connections still wait for events
            user.advance(me_version)
        subscribed = {}
        for conversation_id, version in versions.items():
            if connection.has_left_since(conversation_id, version):
                continue
            stream = self._get_stream(conversation_id, version)
            self._subscribe_to_conversation(stream, connection, conversation_id)
            subscribed[conversation_id] = max(version, stream.delivered_version)
        await self._join_layer_groups([f"conversation.{conversation_id}" for conversation_id in subscribed])
        return subscribed

    def _get_stream(self, conversation_id: int, version: int) -> ConversationStream:
        """Returns the delivery state (connections, last delivered version) of a conversation in this process.

        If there is none, creates one with `version` as the last delivered version.
        """
        stream = self.conversations.get(conversation_id)
        if stream is None:
            stream = self.conversations[conversation_id] = ConversationStream(
                conversation_id, version, self._send_to_conversation, self.reconciler.reconcile_conversation_soon
            )
            self._join_layer_group(f"conversation.{conversation_id}")
            # The conversation may have changed after `version` was read and before the process joined the group.
            self.loop.call_later(RECHECK_SECONDS, self.reconciler.recheck_soon, conversation_id)
        return stream

    def _subscribe_to_conversation(
        self, stream: ConversationStream, connection: Connection, conversation_id: int
    ) -> None:
        user = self.users.get(connection.user_id)
        if user is not None and connection in user.connections:
            stream.connections.add(connection)
            connection.conversations.add(conversation_id)

    def _unsubscribe_from_conversation(self, connection: Connection, conversation_id: int, version: int = 0) -> None:
        connection.record_left(conversation_id, version)
        connection.conversations.discard(conversation_id)
        self.unsubscribe(connection, f"presence.{conversation_id}")
        if stream := self.conversations.get(conversation_id):
            stream.connections.discard(connection)
            self._remove_if_unused(conversation_id, stream)

    def _remove_if_unused(self, conversation_id: int, stream: ConversationStream) -> None:
        if not stream.connections and not stream.joining:
            stream.cancel_reconciliation()
            self.conversations.pop(conversation_id, None)
            self._leave_layer_group(f"conversation.{conversation_id}")

    def subscribe(self, connection: Connection, group: str) -> None:
        """Subscribes a connection to a group, such as `presence.12`, whose events are not stored in the database.

        Each process sends the events of these groups to its own connections only.
        """
        self.groups.setdefault(group, set()).add(connection)
        connection.groups.add(group)

    def unsubscribe(self, connection: Connection, group: str) -> None:
        connection.groups.discard(group)
        subscribers = self.groups.get(group)
        if subscribers is not None:
            subscribers.discard(connection)
            if not subscribers:
                del self.groups[group]

    def unregister(self, connection: Connection) -> None:
        """Removes a connection and all its subscriptions from the hub. May be called more than once."""
        for conversation_id in list(connection.conversations):
            self._unsubscribe_from_conversation(connection, conversation_id)
        for group in list(connection.groups):
            self.unsubscribe(connection, group)
        user = self.users.get(connection.user_id)
        if user is not None:
            user.connections.discard(connection)
            if not user.connections:
                user.cancel_reconciliation()
                del self.users[connection.user_id]
                self._leave_layer_group(f"user.{connection.user_id}")
                if not self.users:
                    self._leave_layer_group("online")

    def connections(self) -> list[Connection]:
        return [connection for user in self.users.values() for connection in user.connections]

    # ── Writing: once per iteration of the event loop ────────────────────────────────────────────────────────────
    def flush_soon(self, connection: Connection) -> None:
        """Writes the queued frames of this connection after the callbacks that are already scheduled in the event loop.

        These callbacks may queue more frames for the connection, and all its frames are then written together.
        """
        if not self._connections_to_flush:
            self.loop.call_soon(self._flush)
        self._connections_to_flush.append(connection)

    def _flush(self) -> None:
        connections, self._connections_to_flush = self._connections_to_flush, []
        joined = JoinedFrames()
        for connection in connections:
            try:
                connection.flush(joined)
            except Exception:
                log.exception("A socket could not be written to")
                connection.close(INTERNAL_ERROR)

    # ── The channel layer ────────────────────────────────────────────────────────────────────────────────────────
    def _join_layer_group(self, group: str) -> None:
        if self._layer:
            self._layer.subscribe(group)

    def _leave_layer_group(self, group: str) -> None:
        if self._layer:
            self._layer.unsubscribe(group)

    async def _join_layer_groups(self, groups: list[str]) -> None:
        if self._layer:
            for group in groups:
                self._layer.subscribe(group)
            await self._layer.wait_until_subscribed()

    # ── Shutdown ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _close_all_threadsafe(self) -> None:
        self.loop.call_soon_threadsafe(self._close_all)

    def _close_all(self) -> None:
        """Closes all connections with code 1001 (going away).

        The clients then connect again, to another process of the site or after its restart.
        """
        for connection in self.connections():
            connection.close(GOING_AWAY)


# ── The hub of this process ──────────────────────────────────────────────────────────────────────────────────────
_hub: Hub | None = None
_source: ReconciliationSource | None = None
_background: tuple[BackgroundTask, ...] = ()


def configure(source: ReconciliationSource, background: Iterable[BackgroundTask]) -> None:
    """Stores the queries and background tasks that `get_hub` gives to a new hub (it delivers events to connections).

    The queries are for reconciliation: if the hub has missed events, it reads them from the database.
    """
    global _source, _background
    _source, _background = source, tuple(background)


def peek_hub() -> Hub | None:
    """Returns the hub of this process, or None before the first connection. May be called in any thread."""
    return _hub


def get_hub() -> Hub:
    """Returns the hub of this process, which delivers events to WebSocket connections.

    The first call creates the hub and starts it in the running event loop.
    """
    global _hub
    loop = asyncio.get_running_loop()
    if _hub is None or _hub.loop is not loop:
        assert _source is not None, "messenger.consumers has not been imported"
        _hub = Hub(_source)
        _hub.start(_background)
    return _hub
