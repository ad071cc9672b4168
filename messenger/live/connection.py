"""One open socket: who it is, what it listens to, what waits to be written to it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from django.conf import settings
from django.utils import translation

from messenger.core import database
from messenger.core.errors import ApplicationError
from messenger.live.frames import encode_frame
from messenger.live.identity import Identity
from messenger.live.transport import Outgoing, Wire
from messenger.live.visibility import Visibility

if TYPE_CHECKING:
    from messenger.live.hub import Hub

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)

CALM = 64 * 1024  # bytes waiting above which typing and presence stand back
TOO_SLOW = 1013


class Connection:
    __slots__ = (
        "_commands_full_at",
        "_early",
        "_hub",
        "_later",
        "_left",
        "_pending",
        "_send",
        "_wire",
        "address",
        "closing",
        "connection_id",
        "conversations",
        "ears",
        "groups",
        "language",
        "sign_in_id",
        "user_id",
        "violations",
    )

    def __init__(self, hub: Hub, wire: Wire, send: Callable, identity: Identity, connection_id: str, address: str):
        self._hub, self._wire, self._send = hub, wire, send
        self.user_id, self.sign_in_id = identity.user_id, identity.sign_in_id
        self.language = identity.language or settings.LANGUAGE_CODE
        self.connection_id, self.address = connection_id, address
        self.conversations: set[int] = set()  # member of and listening to; kept by the hub
        self.groups: set[str] = set()  # passing groups
        self.ears: Visibility | None = None  # what is not to be heard of others; None: everything is
        self.closing = False
        self.violations: list[tuple[float, float]] = []
        self._commands_full_at = 0.0
        self._pending: list[Outgoing] = []
        self._later: dict[str, Outgoing] | None = None
        self._early: list[Outgoing] | None = []
        self._left: dict[int, int] = {}  # while opening: conversations that ended for this person, at which version

    # ── Out ──
    def write(self, outgoing: Outgoing) -> None:
        """Durable: nothing but the end of the connection keeps this from its reader, and its order stays."""
        if self._early is not None:
            self._early.append(outgoing)
            return
        if not self._pending:
            self._hub.flush_soon(self)
        self._pending.append(outgoing)

    def write_passing(self, key: str, outgoing: Outgoing) -> None:
        """Best effort: while the line is slow only the newest of each key is kept, and messages go first."""
        if self._early is not None:
            return
        if self._later is not None or self._wire.waiting() > CALM:
            if self._later is None:
                self._later = {}
                asyncio.get_running_loop().call_later(0.5, self._try_later)
            self._later[key] = outgoing
            return
        self.write(outgoing)

    def _try_later(self) -> None:
        if self.closing or self._later is None:
            return
        if self._wire.waiting() > CALM:
            asyncio.get_running_loop().call_later(0.5, self._try_later)
            return
        waiting, self._later = self._later, None
        for outgoing in waiting.values():
            self.write(outgoing)

    def flush(self) -> None:
        """What waits for this socket in one turn of the loop goes out in one write."""
        pending, self._pending = self._pending, []
        if self.closing or not pending:
            return
        self._wire.write(pending)
        waiting = self._wire.waiting()
        if waiting > CALM and waiting > settings.SLOW_READER_BYTES:  # (asking settings takes longer than both)
            self.close(TOO_SLOW)

    def opened(self, welcome: str) -> None:
        """First of all `welcome`, then what happened while it was made."""
        early, self._early = self._early or [], None
        self._left.clear()
        self.write(Outgoing(welcome))
        for outgoing in early:
            self.write(outgoing)

    def note_left(self, conversation_id: int, version: int) -> None:
        if self._early is not None:
            self._left[conversation_id] = version

    def left_since(self, conversation_id: int, version: int) -> bool:
        """Whether this person was removed after that version was read, while the connection was opening."""
        return self._left.get(conversation_id, 0) > version

    def send(self, text: str) -> None:
        """A frame for this reader alone."""
        self.write(Outgoing(text))

    def answer(self, ref: str | None, payload: Any) -> None:
        self.send(encode_frame("ack", payload, ref))

    def refuse(self, ref: str | None, refused: ApplicationError) -> None:
        with translation.override(self.language):
            self.send(encode_frame("error", refused.schema(), ref))

    # ── End ──
    def close(self, code: int) -> None:
        """Close with this code. A reader too slow to take even that is cut off soon after."""
        if self.closing:
            return
        if self._pending and code != TOO_SLOW:
            self._wire.write(self._pending)
        self.closing, self._pending = True, []
        loop = asyncio.get_running_loop()
        if not self._wire.close(code):
            task = loop.create_task(self._close(code))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        loop.call_later(5.0, self._wire.abort)

    async def _close(self, code: int) -> None:
        await self._send({"type": "websocket.close", "code": code})

    # ── In ──
    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A verb or a look-up, in a thread with its own database connection, in the language of its person."""

        def worded() -> T:
            with translation.override(self.language):
                return work(*args, **kwargs)

        return await database.run_in_thread(worded)

    def violated(self, weight: float) -> bool:
        """Note a frame that no well-made client sends. True when there were too many in a minute."""
        now = time.monotonic()
        self.violations = [(at, weighs) for at, weighs in self.violations if at > now - 60]
        self.violations.append((now, weight))
        return sum(weighs for _, weighs in self.violations) >= settings.VIOLATIONS_PER_MINUTE

    def may_command(self) -> float:
        """Seconds until another command is welcome: 100 at once, then 40 a second, whatever they are."""
        if not settings.LIMITS:
            return 0.0
        gap, burst, now = 1 / 40, 100, time.monotonic()
        full = max(self._commands_full_at, now) + gap
        if full - now > burst * gap:
            return full - now - burst * gap
        self._commands_full_at = full
        return 0.0
