"""The base of the one socket: handshake, frames in, commands to their handlers, the end. It knows no app.

A Channels consumer whose dispatching is replaced: the stock one makes a thread hop before every event and a queue for
every socket. Here news comes from the process's hub, and a command goes straight to its handler.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol

import msgspec
from channels.consumer import AsyncConsumer
from django.conf import settings
from django.http.cookie import parse_cookie
from django.utils import timezone

from messenger.core import database
from messenger.core.client_ip import client_ip
from messenger.core.errors import ApplicationError
from messenger.live.commands import Command, Part
from messenger.live.connection import Connection
from messenger.live.frames import decode_incoming, encode_frame
from messenger.live.hub import get_hub
from messenger.live.identity import TOO_MANY, Identity, SocketRefused
from messenger.live.origins import origin_allowed
from messenger.live.transport import wire_for
from messenger.live.visibility import Visibility

log = logging.getLogger(__name__)

TOO_LARGE = 1009
INTERNAL = 1011


class Authenticate(Protocol):
    """Who is calling, by headers, subprotocols and cookies. Raises `SocketRefused`."""

    def __call__(
        self, headers: Mapping[bytes, bytes], subprotocols: Iterable[str], cookies: Mapping[str, str], /
    ) -> Identity: ...


class Versions(Protocol):
    """Of all conversations of this person, and their own."""

    def __call__(self, user_id: int, /) -> tuple[dict[int, int], int]: ...


class Heartbeat(msgspec.Struct):
    """In seconds."""

    interval: float
    timeout: float


class Welcome(msgspec.Struct):
    """The first frame. `versions` of all one's conversations; where the page knows less, it asks with `sync`."""

    user_id: int
    connection_id: str
    server_time: str
    heartbeat: Heartbeat
    versions: dict[int, int]
    me_version: int


class Nothing(msgspec.Struct):
    """No payload."""


class LiveConsumer(AsyncConsumer):
    """Subclassed once, by `messenger.consumers`, which says what it is made of."""

    parts: tuple[Part, ...] = ()
    commands: dict[str, Command] = {}
    decoders: dict[str, Callable[[bytes], Any]] = {}
    authenticate: ClassVar[Authenticate]
    versions: ClassVar[Versions]

    @staticmethod
    def ears(user_ids: list[int]) -> dict[int, Visibility]:
        """What these people are not to hear of others: nothing, unless an app says so."""
        return {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.commands = {command.name: command for part in cls.parts for command in part.commands}
        cls.decoders = {name: msgspec.json.Decoder(command.payload).decode for name, command in cls.commands.items()}

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        event = await receive()
        if event["type"] != "websocket.connect":
            return
        try:
            identity = await self._identify(scope)
        except SocketRefused as refused:
            if refused.code == 0:
                await send({"type": "websocket.close"})  # before accept: HTTP 403
            else:
                await send({"type": "websocket.accept", "subprotocol": _subprotocol(scope)})
                await send({"type": "websocket.close", "code": refused.code})
            return
        await send({"type": "websocket.accept", "subprotocol": identity.subprotocol})
        peer = scope.get("client") or (None,)
        forwarded = _headers(scope).get(b"x-forwarded-for", b"").decode("latin-1")
        address = client_ip(peer[0], forwarded)
        connection = Connection(get_hub(), wire_for(send), send, identity, uuid.uuid4().hex, address)
        scope.clear()  # headers and cookies are of no more use; an idle socket is to be small
        try:
            await self._serve(connection, receive)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("A socket failed")
            connection.close(INTERNAL)
        finally:
            get_hub().forget(connection)
            for part in self.parts:
                try:
                    await part.closed(connection)
                except Exception:
                    log.exception("A connection could not be closed in full")

    # ── Opening ──────────────────────────────────────────────────────────────────────────────────────────────────
    async def _identify(self, scope: dict) -> Identity:
        headers = _headers(scope)
        cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        bearer = headers.get(b"authorization", b"").lower().startswith(b"bearer ") or any(
            name.startswith("bearer.") for name in scope["subprotocols"]
        )
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if not origin_allowed(origins, by_bearer=bearer):
            raise SocketRefused(0)
        return await database.run_in_thread(self.authenticate, headers, scope["subprotocols"], cookies)

    async def _serve(self, connection: Connection, receive: Callable) -> None:
        try:
            for part in self.parts:
                await part.opening(connection)
        except SocketRefused as refused:
            connection.close(refused.code)
            return
        await get_hub().attend(connection)
        versions, me_version, connection.ears = await database.run_in_thread(self._standing, connection.user_id)
        heard = await get_hub().enter_all(connection, versions, me_version)
        heartbeat = Heartbeat(settings.HEARTBEAT_INTERVAL, settings.HEARTBEAT_TIMEOUT)
        now = timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        welcome = Welcome(connection.user_id, connection.connection_id, now, heartbeat, heard, me_version)
        connection.opened(encode_frame("welcome", welcome))
        for part in self.parts:
            await part.opened(connection)
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            if not connection.closing:
                await self._frame(connection, event)

    def _standing(self, user_id: int) -> tuple[dict[int, int], int, Visibility | None]:
        """What is read of a person as their socket opens, in a database thread."""
        return *self.versions(user_id), self.ears([user_id]).get(user_id)

    # ── Frames ───────────────────────────────────────────────────────────────────────────────────────────────────
    async def _frame(self, connection: Connection, event: dict) -> None:
        """One frame in. Whatever it holds is answered, and the socket stays open."""
        ref = None
        try:
            text = event.get("text")
            if text is None:
                raise _malformed("Text frames only.")
            data = text.encode()
            if len(data) > settings.FRAME_LIMIT:
                connection.close(TOO_LARGE)
                return
            incoming = _decoded(decode_incoming, data)
            ref = incoming.ref if incoming.ref is None or len(incoming.ref) <= 100 else None
            if wait := connection.may_command():
                raise Flooding("rate_limited", "Too fast.", retry_after=round(wait, 2))
            if incoming.type == "ping":
                connection.send(encode_frame("pong", {}, ref))
                return
            command = self.commands.get(incoming.type)
            if command is None:
                raise _malformed("No such command.")
            payload = _decoded(self.decoders[command.name], bytes(incoming.payload))
            await self._obey(connection, command, payload, ref)
        except ApplicationError as refused:
            connection.refuse(ref, refused)
            if isinstance(refused, Malformed | Flooding) and connection.violated(refused.weight):
                connection.close(TOO_MANY)

    async def _obey(self, connection: Connection, command: Command, payload: Any, ref: str | None) -> None:
        try:
            if command.answers_itself:
                command.handle(connection, payload, ref)
                return
            answer = command.handle(connection, payload)
            if inspect.isawaitable(answer):
                answer = await answer
        except ApplicationError:
            raise
        except Exception as error:
            log.exception("The command %s failed", command.name)
            raise ApplicationError("unavailable", "Not possible just now.", retry_after=5) from error
        if answer is not None:
            connection.answer(ref, answer)


class Malformed(ApplicationError):
    """A frame that no well-made client sends. Twenty of them in a minute end the connection."""

    weight = 1.0


class Flooding(ApplicationError):
    """One of more commands than anybody needs. Two hundred in a minute end the connection."""

    weight = 0.1


def _malformed(detail: str) -> Malformed:
    return Malformed("invalid", detail)


def _decoded(decode: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return decode(data)
    except RecursionError:
        raise _malformed("Nested too deeply.") from None
    except (msgspec.MsgspecError, UnicodeError, ValueError) as error:
        raise _malformed(str(error)) from None


def _headers(scope: dict) -> dict[bytes, bytes]:
    return dict(scope["headers"])


def _subprotocol(scope: dict) -> str | None:
    return "messenger.v1" if "messenger.v1" in scope["subprotocols"] else None
