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
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Annotated, Any, ClassVar, Protocol

import msgspec
from channels.consumer import AsyncConsumer
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from messenger.core import database, log_context
from messenger.core.client_ip import set_current_ip
from messenger.core.errors import ApplicationError, internal, unavailable
from messenger.core.field_types import Timestamp, keyed_by_id
from messenger.core.metrics import metrics
from messenger.core.timestamps import format_timestamp
from messenger.live.commands import Command
from messenger.live.connection import ABORT_SECONDS, Connection
from messenger.live.frames import decode_incoming, encode_frame
from messenger.live.handshake import SUBPROTOCOL, TOO_MANY, Identity, SocketRefused, socket_ip, socket_network
from messenger.live.hub import INTERNAL_ERROR, get_hub
from messenger.live.transport import transport_for
from messenger.live.visibility import Visibility

log = logging.getLogger(__name__)

TOO_LARGE = 1009
MAX_REF_LENGTH = 100
COMMANDS_AT_ONCE = 16  # of one connection; its further frames are read when one of them is done

Hook = Callable[[Any], Coroutine[Any, Any, None]]


class ListVersions(Protocol):
    """A function that returns the version numbers of a user's conversations, by conversation id, and `me_version`.

    A version number is the number of the last change. `me_version` is that of the user's own data, such as settings.
    """

    def __call__(self, user_id: int, /) -> tuple[dict[int, int], int]: ...


class GetEpoch(Protocol):
    """A function that returns the epoch of the database, which changes when it was restored from a backup."""

    def __call__(self) -> str: ...


class Heartbeat(msgspec.Struct):
    """How the server checks the connection, in seconds. It sends a WebSocket ping every `interval`. It closes the
    connection if the pong does not come within `timeout`.
    """

    interval: float
    timeout: float


class Welcome(msgspec.Struct):
    """The first frame of a connection. `versions` maps the id of each conversation of the user to its version, the
    number of its last change. A client that has an older version of a conversation sends `sync` to get what it has
    missed. `epoch` changes when the database was restored from a backup. A client that knew another epoch forgets all
    that it has received, except messages that it has yet to send, and reads everything afresh.
    """

    user_id: int
    connection_id: str
    server_time: Timestamp
    heartbeat: Heartbeat
    versions: Annotated[dict[int, int], keyed_by_id()]
    me_version: int
    epoch: str


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
    get_epoch: ClassVar[GetEpoch]
    _hooks: ClassVar[dict[str, tuple[Hook, ...]]] = {}

    connection: Connection
    # Commands in progress, and the last one of each order key (see `_order_key`). Created with the first one.
    _tasks: set[asyncio.Task] | None = None
    _last_by_key: dict[Hashable, asyncio.Task]

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
            metrics.rejected_handshakes[str(identity.code)] += 1
            await self._refuse(identity, scope, send)
            return
        await send({"type": "websocket.accept", "subprotocol": identity.subprotocol})
        network = socket_network(scope)
        set_current_ip(socket_ip(scope))  # of all commands of this connection, for the audit log
        self.connection = Connection(get_hub(), transport_for(send), send, identity, uuid.uuid4().hex, network)
        log_context.bind(connection=self.connection.connection_id, user=identity.user_id)
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
        transport = transport_for(send)
        if transport.close(refused.code, refused.reason):  # daphne itself leaves out the reason, and cannot send 1013
            asyncio.get_running_loop().call_later(ABORT_SECONDS, transport.abort)
            return
        await send({"type": "websocket.close", "code": refused.code, "reason": refused.reason})

    async def _serve(self, receive: Callable) -> None:
        try:
            for hook in self._hooks["connecting"]:
                await hook(self)
        except SocketRefused as refused:
            metrics.rejected_handshakes[str(refused.code)] += 1
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
        versions, me_version, epoch, connection.visibility = await database.handshakes.run(
            self._read_initial_state, connection.user_id
        )
        subscribed = await get_hub().subscribe_to_conversations(connection, versions, me_version)
        heartbeat = Heartbeat(settings.HEARTBEAT_INTERVAL, settings.HEARTBEAT_TIMEOUT)
        now = format_timestamp(timezone.now())
        welcome = Welcome(connection.user_id, connection.connection_id, now, heartbeat, subscribed, me_version, epoch)
        connection.send_welcome(encode_frame("welcome", welcome))

    def _read_initial_state(self, user_id: int) -> tuple[dict[int, int], int, str, Visibility | None]:
        # The epoch first: if a backup is restored meanwhile, the client sees the old epoch, and reads afresh later.
        epoch = self.get_epoch()
        return *self.list_versions(user_id), epoch, self.visibility_by_user([user_id]).get(user_id)

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
            if incoming.ref is not None and len(incoming.ref) > MAX_REF_LENGTH:
                raise MalformedFrame("invalid", f"A ref may have {MAX_REF_LENGTH} characters.")
            ref = incoming.ref
            if wait := connection.acquire_command():
                raise CommandFlood("rate_limited", "Too fast.", retry_after=round(wait, 2))
            if incoming.type == "ping":
                connection.send(encode_frame("pong", {}, ref))
                return
            command = self.commands.get(incoming.type)
            if command is None:
                raise MalformedFrame("invalid", "No such command.")
            payload = _decode(command.decode, bytes(incoming.payload))
            if (work := self._start_command(command, payload, ref)) is not None:
                await self._run_in_task(command, payload, ref, work)
        except ApplicationError as error:
            connection.send_error(ref, error)
            if isinstance(error, MalformedFrame | CommandFlood) and connection.record_violation(error.weight):
                connection.close(TOO_MANY, "Too many malformed frames, or commands above the rate limit.")

    def _start_command(self, command: Command, payload: Any, ref: str | None) -> Awaitable[Any] | None:
        """Calls the handler of a command. Returns what must still be awaited, or None if the command is done."""
        metrics.commands[command.name] += 1
        try:
            if command.is_deferred:
                command.handler(self, payload, ref)
                return None
            answer = command.handler(self, payload)
        except ApplicationError:
            raise
        except Exception as error:
            raise _unexpected_error(command, error) from error
        if inspect.isawaitable(answer):
            return answer
        if answer is not None:
            self.connection.send_ack(ref, answer)
        return None

    async def _run_in_task(self, command: Command, payload: Any, ref: str | None, work: Awaitable[Any]) -> None:
        """Lets a command go on in a task of its own, so that `ping` and other commands do not wait for it.

        Commands with the same order key are done one after another.
        """
        if self._tasks is None:
            self._tasks, self._last_by_key = set(), {}
        tasks, last_by_key, key = self._tasks, self._last_by_key, _order_key(command, payload)
        task = asyncio.ensure_future(self._finish_command(command, ref, work, last_by_key.get(key)))
        tasks.add(task)
        last_by_key[key] = task

        def forget(task: asyncio.Task) -> None:
            tasks.discard(task)
            if last_by_key.get(key) is task:
                del last_by_key[key]

        task.add_done_callback(forget)
        while len(tasks) >= COMMANDS_AT_ONCE:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _finish_command(
        self, command: Command, ref: str | None, work: Awaitable[Any], previous: asyncio.Task | None
    ) -> None:
        """Awaits the rest of a command and sends its answer, after ANSWER_SECONDS at the latest.

        Work that no thread has begun until then is not done.
        """
        try:
            async with asyncio.timeout(settings.ANSWER_SECONDS):
                if previous is not None:
                    await asyncio.wait({previous})
                answer = await work
        except ApplicationError as error:
            self.connection.send_error(ref, error)
        except TimeoutError:
            if inspect.iscoroutine(work):
                work.close()  # it was not begun if `previous` took all the time
            self.connection.send_error(ref, unavailable())
        except Exception as error:
            self.connection.send_error(ref, _unexpected_error(command, error))
        else:
            if answer is not None:
                self.connection.send_ack(ref, answer)


def _order_key(command: Command, payload: Any) -> Hashable:
    """Returns what orders commands of a connection: the message that they change, or else the name of the command."""
    message_id = getattr(payload, "message_id", None)
    return command.name if message_id is None else message_id


def _unexpected_error(command: Command, error: Exception) -> ApplicationError:
    log.error("The command %s failed", command.name, exc_info=error)
    if database.is_schema_error(error):
        return internal()
    return ApplicationError("unavailable", "Not possible just now.", retry_after=5)


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
