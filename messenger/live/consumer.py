"""Defines `LiveConsumer`, the base class of the WebSocket consumer.

It accepts connections, sends the first frame (`welcome`), runs commands and handles the end of connections.

It replaces the dispatching of Channels' own consumers, which check database connections in a thread before each event,
and keep a channel-layer queue for each socket. Here, events come from the hub, an object that each process has once,
and a command is passed directly to its handler.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar, Protocol

import msgspec
from channels.consumer import AsyncConsumer
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from messenger.core import database
from messenger.core.errors import ApplicationError
from messenger.core.field_types import Timestamp, keyed_by_id
from messenger.core.timestamps import format_timestamp
from messenger.live.commands import Command
from messenger.live.connection import Connection
from messenger.live.frames import decode_incoming, encode_frame
from messenger.live.handshake import SUBPROTOCOL, TOO_MANY, Identity, SocketRefused, socket_network
from messenger.live.hub import INTERNAL_ERROR, get_hub
from messenger.live.transport import daphne_protocol, transport_for
from messenger.live.visibility import Visibility

log = logging.getLogger(__name__)

TOO_LARGE = 1009
MAX_REF_LENGTH = 100

Hook = Callable[[Any], Coroutine[Any, Any, None]]


class ListVersions(Protocol):
    """A function that returns the version numbers of a user's conversations, by conversation id, and `me_version`.

    A version number is the number of the last change. `me_version` is that of the user's own data, such as settings.
    """

    def __call__(self, user_id: int, /) -> tuple[dict[int, int], int]: ...


class Heartbeat(msgspec.Struct):
    """How the server checks the connection, in seconds. It sends a WebSocket ping every `interval`. It closes the
    connection if the pong does not come within `timeout`.
    """

    interval: float
    timeout: float


class Welcome(msgspec.Struct):
    """The first frame of a connection. `versions` maps the id of each conversation of the user to its version, the
    number of its last change. A client that has an older version of a conversation sends `sync` to get what it has
    missed.
    """

    user_id: int
    connection_id: str
    server_time: Timestamp
    heartbeat: Heartbeat
    versions: Annotated[dict[int, int], keyed_by_id()]
    me_version: int


class EmptyPayload(msgspec.Struct):
    """A payload without fields: `{}`."""


class LiveConsumer(AsyncConsumer):
    """The base class of the WebSocket consumer. Methods with the decorator `@command` handle commands of clients.

    Each connection has its own instance. The apps add commands and hooks in subclasses of this class, which the
    consumer of the site combines. The hooks are `connecting`, `connected`, `disconnected`, and `run` (a background task
    of the process). A hook is called for each class that defines it, in method resolution order. So an implementation
    must not call `super()`.
    """

    commands: ClassVar[dict[str, Command]] = {}
    # The database query for a new connection. `messenger.consumers` sets it to a function of the apps.
    list_versions: ClassVar[ListVersions]
    _hooks: ClassVar[dict[str, tuple[Hook, ...]]] = {}

    connection: Connection

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.commands = _collect_commands(cls)
        cls._hooks = {
            name: tuple(vars(base)[name] for base in cls.__mro__ if base is not LiveConsumer and name in vars(base))
            for name in ("connecting", "connected", "disconnected", "run")
        }

    # ── For subclasses ───────────────────────────────────────────────────────────────────────────────────────────
    @staticmethod
    def visibility_by_user(user_ids: list[int]) -> dict[int, Visibility]:
        """Returns a `Visibility` (the rules about which other users a user may see) for each user, by user id.

        Users without restrictions are left out.
        """
        return {}

    async def connecting(self) -> None:
        """Hook that is called after authentication, before the first frame (`welcome`).

        It may raise `SocketRefused`, which closes the connection.
        """

    async def connected(self) -> None:
        """Hook that is called after the first frame (`welcome`) was sent."""

    async def disconnected(self) -> None:
        """Hook that is called once for each authenticated connection when it has ended, for whatever reason."""

    @classmethod
    async def run(cls) -> None:
        """Hook for a background task of the process. It is called once in each process, at the first connection.

        It should not return.
        """

    @classmethod
    def background_tasks(cls) -> list[Callable[[], Coroutine]]:
        """Returns the hooks named `run` of all base classes. Each is a background task."""
        return [run.__get__(None, cls) for run in cls._hooks["run"]]

    # ── Connecting and disconnecting ─────────────────────────────────────────────────────────────────────────────
    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        event = await receive()
        if event["type"] != "websocket.connect":
            return
        identity: Identity | SocketRefused = scope["identity"]  # set by AuthMiddleware
        if isinstance(identity, SocketRefused):
            await self._refuse(identity, scope, send)
            return
        await send({"type": "websocket.accept", "subprotocol": identity.subprotocol})
        network = socket_network(scope)
        self.connection = Connection(get_hub(), transport_for(send), send, identity, uuid.uuid4().hex, network)
        scope.clear()  # frees headers and cookies: an idle connection should need little memory
        try:
            await self._serve(receive)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("A socket failed")
            self.connection.close(INTERNAL_ERROR)
        finally:
            get_hub().unregister(self.connection)
            for hook in self._hooks["disconnected"]:
                try:
                    await hook(self)
                except Exception:
                    log.exception("The hook %s failed", hook.__qualname__)

    async def _refuse(self, refused: SocketRefused, scope: dict, send: Callable) -> None:
        subprotocol = SUBPROTOCOL if SUBPROTOCOL in scope["subprotocols"] else None
        await send({"type": "websocket.accept", "subprotocol": subprotocol})
        if protocol := daphne_protocol(send):
            protocol.sendClose(refused.code, refused.reason)  # daphne itself leaves out the reason
        await send({"type": "websocket.close", "code": refused.code, "reason": refused.reason})

    async def _serve(self, receive: Callable) -> None:
        try:
            for hook in self._hooks["connecting"]:
                await hook(self)
        except SocketRefused as refused:
            self.connection.close(refused.code, refused.reason)
            return
        await self._send_welcome()
        for hook in self._hooks["connected"]:
            await hook(self)
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            if not self.connection.closing:
                await self._receive_frame(event)

    async def _send_welcome(self) -> None:
        """Registers the connection with the hub (it delivers events), then reads the conversations and sends `welcome`.

        The order matters: if events are published while the database is read, they are queued and sent after `welcome`.
        """
        connection = self.connection
        await get_hub().register(connection)
        versions, me_version, connection.visibility = await database.run_in_thread(
            self._read_initial_state, connection.user_id
        )
        subscribed = await get_hub().subscribe_to_conversations(connection, versions, me_version)
        heartbeat = Heartbeat(settings.HEARTBEAT_INTERVAL, settings.HEARTBEAT_TIMEOUT)
        now = format_timestamp(timezone.now())
        welcome = Welcome(connection.user_id, connection.connection_id, now, heartbeat, subscribed, me_version)
        connection.send_welcome(encode_frame("welcome", welcome))

    def _read_initial_state(self, user_id: int) -> tuple[dict[int, int], int, Visibility | None]:
        return *self.list_versions(user_id), self.visibility_by_user([user_id]).get(user_id)

    # ── Frames ───────────────────────────────────────────────────────────────────────────────────────────────────
    async def _receive_frame(self, event: dict) -> None:
        """Decodes a frame and runs its command. Sends any error as an `error` frame, and the connection stays open.

        The connection is closed if the frame is too large, or if the client sent too many faulty frames.
        """
        connection = self.connection
        ref = None
        try:
            text = event.get("text")
            if text is None:
                raise MalformedFrame("invalid", "Text frames only.")
            data = text.encode()
            if len(data) > settings.FRAME_LIMIT:
                connection.close(TOO_LARGE, f"A frame may have {settings.FRAME_LIMIT} bytes.")
                return
            incoming = _decode(decode_incoming, data)
            ref = incoming.ref if incoming.ref is None or len(incoming.ref) <= MAX_REF_LENGTH else None
            if wait := connection.acquire_command():
                raise CommandFlood("rate_limited", "Too fast.", retry_after=round(wait, 2))
            if incoming.type == "ping":
                connection.send(encode_frame("pong", {}, ref))
                return
            command = self.commands.get(incoming.type)
            if command is None:
                raise MalformedFrame("invalid", "No such command.")
            payload = _decode(command.decode, bytes(incoming.payload))
            await self._run_command(command, payload, ref)
        except ApplicationError as error:
            connection.send_error(ref, error)
            if isinstance(error, MalformedFrame | CommandFlood) and connection.record_violation(error.weight):
                connection.close(TOO_MANY, "Too many malformed frames, or commands above the rate limit.")

    async def _run_command(self, command: Command, payload: Any, ref: str | None) -> None:
        try:
            if command.is_deferred:
                command.handler(self, payload, ref)
                return
            answer = command.handler(self, payload)
            if inspect.isawaitable(answer):
                answer = await answer
        except ApplicationError:
            raise
        except Exception as error:
            log.exception("The command %s failed", command.name)
            raise ApplicationError("unavailable", "Not possible just now.", retry_after=5) from error
        if answer is not None:
            self.connection.send_ack(ref, answer)


def _collect_commands(cls: type[LiveConsumer]) -> dict[str, Command]:
    """Returns the commands of a consumer and its base classes by name.

    Raises ImproperlyConfigured if two methods handle the same command, for example of two apps.
    """
    methods: dict[str, str] = {}  # by command name
    commands: dict[str, Command] = {}
    for base in reversed(cls.__mro__):
        for method, value in vars(base).items():
            command = getattr(value, "command", None)
            if not isinstance(command, Command):
                continue
            if methods.setdefault(command.name, method) != method:
                raise ImproperlyConfigured(
                    f"{cls.__name__}: {methods[command.name]} and {method} handle the same command, {command.name}."
                )
            commands[command.name] = command
    return commands


_registered: list[type[LiveConsumer]] = []


def register_consumer(consumer: type[LiveConsumer]) -> None:
    """Adds the commands and hooks of an app to the consumer of the site. Call it in `AppConfig.ready`."""
    if consumer not in _registered:
        _registered.append(consumer)


def registered_consumers() -> tuple[type[LiveConsumer], ...]:
    return tuple(_registered)


class MalformedFrame(ApplicationError):
    """Raised for a frame that no correct client sends.

    Twenty such frames in a minute close the connection (settings.VIOLATIONS_PER_MINUTE).
    """

    weight = 1.0


class CommandFlood(ApplicationError):
    """Raised for a command above the rate limit of its connection.

    Two hundred such commands in a minute close the connection.
    """

    weight = 0.1


def _decode(decode: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return decode(data)
    except RecursionError:
        raise MalformedFrame("invalid", "Nested too deeply.") from None
    except ApplicationError as error:  # of `__post_init__` of a payload
        raise MalformedFrame(error.code, error.detail, error.fields) from None
    except (msgspec.MsgspecError, UnicodeError, ValueError) as error:
        raise MalformedFrame("invalid", str(error)) from None
