"""Defines `Connection`: an open WebSocket connection with its user, its subscriptions and its queued frames."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from django.conf import settings
from django.utils import timezone, translation

from messenger.core import database
from messenger.core.errors import ApplicationError, unavailable
from messenger.core.metrics import metrics
from messenger.live.frames import encode_frame
from messenger.live.handshake import TRY_AGAIN_LATER, Identity
from messenger.live.transport import JoinedFrames, OutgoingFrame, SocketTransport
from messenger.live.visibility import Visibility

if TYPE_CHECKING:
    from messenger.live.hub import Hub

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)

EPHEMERAL_BUFFER_LIMIT = 64 * 1024  # buffered bytes above which ephemeral events (typing, presence) are deferred
DEFERRED_RETRY_SECONDS = 0.5
ABORT_SECONDS = 5.0  # a client that does not answer the close frame for this time is disconnected
READS_AT_ONCE = 2
COMMAND_BURST, COMMANDS_PER_SECOND = 100, 40  # limit for all commands of one connection together
TOO_SLOW = TRY_AGAIN_LATER


class Connection:
    __slots__ = (
        "_before_welcome",
        "_commands_full_at",
        "_deferred",
        "_hub",
        "_left_versions",
        "_queue",
        "_reads",
        "_send",
        "_transport",
        "closing",
        "connection_id",
        "conversations",
        "groups",
        "language",
        "network",
        "sign_in_id",
        "time_zone",
        "user_id",
        "violations",
        "visibility",
    )

    def __init__(
        self,
        hub: Hub,
        transport: SocketTransport,
        send: Callable,
        identity: Identity,
        connection_id: str,
        network: str,
    ):
        self._hub, self._transport, self._send = hub, transport, send
        self.user_id, self.sign_in_id = identity.user_id, identity.sign_in_id
        self.language = identity.language or settings.LANGUAGE_CODE
        self.time_zone = identity.time_zone or settings.TIME_ZONE
        self.connection_id, self.network = connection_id, network
        self.conversations: set[int] = set()  # ids of the conversations it is subscribed to; kept by the hub
        self.groups: set[str] = set()  # groups for ephemeral events that it is subscribed to; kept by the hub
        self.visibility: Visibility | None = None  # None: unrestricted
        self.closing = False
        self.violations: list[tuple[float, float]] = []  # time and weight of malformed frames
        self._commands_full_at = 0.0  # GCRA: time at which the bucket of commands is full again
        self._queue: list[OutgoingFrame] = []
        self._reads: list[object] = []  # calls of `read` that a thread is executing
        self._deferred: dict[str, OutgoingFrame] | None = None  # newest ephemeral frame by key; None: no backlog
        self._before_welcome: list[OutgoingFrame] | None = []  # None: `welcome` has been sent
        self._left_versions: dict[int, int] = {}  # before `welcome`: conversation → version at which the user left it

    # ── Outgoing frames ──────────────────────────────────────────────────────────────────────────────────────────
    def enqueue(self, frame: OutgoingFrame) -> None:
        """Queues a frame for sending. Frames keep their order, and none is lost while the connection is open."""
        if self._before_welcome is not None:
            self._before_welcome.append(frame)
            return
        if not self._queue:
            self._hub.flush_soon(self)
        self._queue.append(frame)

    def enqueue_ephemeral(self, key: str, frame: OutgoingFrame) -> None:
        """Queues a frame that may be dropped, such as the news that a user is typing or is online.

        If the client reads slowly, the frame waits and more important frames are sent first. If several waiting frames
        have the same `key`, only the newest is sent.
        """
        if self._before_welcome is not None:
            return
        if self._deferred is not None or self._transport.buffered_bytes() > EPHEMERAL_BUFFER_LIMIT:
            if self._deferred is None:
                self._deferred = {}
                asyncio.get_running_loop().call_later(DEFERRED_RETRY_SECONDS, self._retry_deferred)
            self._deferred[key] = frame
            return
        self.enqueue(frame)

    def _retry_deferred(self) -> None:
        if self.closing or self._deferred is None:
            return
        if self._transport.buffered_bytes() > EPHEMERAL_BUFFER_LIMIT:
            asyncio.get_running_loop().call_later(DEFERRED_RETRY_SECONDS, self._retry_deferred)
            return
        deferred, self._deferred = self._deferred, None
        for frame in deferred.values():
            self.enqueue(frame)

    def flush(self, joined: JoinedFrames) -> None:
        """Writes all queued frames to the socket. `joined` is shared with other connections that are flushed now."""
        frames, self._queue = self._queue, []
        if self.closing or not frames:
            return
        self._transport.write(frames, joined)
        buffered = self._transport.buffered_bytes()
        # The first comparison is not necessary but fast. It mostly avoids the slow access to `settings`.
        if buffered > EPHEMERAL_BUFFER_LIMIT and buffered > settings.SLOW_READER_BYTES:
            self.close(TOO_SLOW)

    def send_welcome(self, welcome: str) -> None:
        """Sends the first frame, `welcome`, and then the frames that were queued while `welcome` was prepared."""
        waiting, self._before_welcome = self._before_welcome or [], None
        self._left_versions.clear()
        self.enqueue(OutgoingFrame(welcome))
        for frame in waiting:
            self.enqueue(frame)

    def record_left(self, conversation_id: int, version: int) -> None:
        """Stores that the user left a conversation before the first frame of this connection (`welcome`) was sent.

        `version` is the number of the change of the conversation with which the user left. Because of this record,
        `welcome` does not subscribe the connection to the conversation (see `has_left_since`). Does nothing after
        `welcome` was sent.
        """
        if self._before_welcome is not None:
            self._left_versions[conversation_id] = version

    def has_left_since(self, conversation_id: int, version: int) -> bool:
        """Returns whether the user left the conversation in a change with a higher number than `version`.

        `version` is the number of the conversation's last change that was read for the first frame (`welcome`).
        """
        return self._left_versions.get(conversation_id, 0) > version

    def send(self, text: str) -> None:
        """Queues a frame that is sent on this connection only."""
        self.enqueue(OutgoingFrame(text))

    def send_ack(self, ref: str | None, payload: Any) -> None:
        self.send(encode_frame("ack", payload, ref))

    def send_error(self, ref: str | None, error: ApplicationError) -> None:
        metrics.refusals[error.code] += 1
        with translation.override(self.language), timezone.override(self.time_zone):
            self.send(encode_frame("error", error.schema(), ref))

    # ── Closing ──────────────────────────────────────────────────────────────────────────────────────────────────
    def close(self, code: int, reason: str = "") -> None:
        """Sends the queued frames and closes the connection with this code, and a reason for authors of clients.

        With code 1013 (the client reads too slowly), the queued frames are dropped. A connection that is still open 5
        seconds later is aborted.
        """
        if self.closing:
            return
        if self._queue and code != TOO_SLOW:
            self._transport.write(self._queue, JoinedFrames())
        self.closing, self._queue = True, []
        metrics.closed_connections[code] += 1
        loop = asyncio.get_running_loop()
        if not self._transport.close(code, reason):
            task = loop.create_task(self._close(code, reason))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        loop.call_later(ABORT_SECONDS, self._transport.abort)

    async def _close(self, code: int, reason: str) -> None:
        await self._send({"type": "websocket.close", "code": code, "reason": reason})

    # ── Incoming commands ────────────────────────────────────────────────────────────────────────────────────────
    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls an action (it changes data in one transaction) in a database thread, and returns its result.

        If rows that it changes are locked, it may be called a second time (`database.run_change`). During the call the
        user's language and time zone are active, so the result has texts and times as this user reads them.
        """

        return await database.run_change(self._for_reader(work), *args, **kwargs)

    async def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a selector (it reads data) like `run`, but in a database thread for reads, which never wait for locks.

        Raises `unavailable` while two earlier reads of this connection are not done, so that a client that repeats a
        slow query does not use up the threads.
        """
        reads = self._reads
        if len(reads) >= READS_AT_ONCE:
            raise unavailable()
        for_reader, number = self._for_reader(work), object()

        def read() -> T:
            reads.append(number)
            try:
                return for_reader(*args, **kwargs)
            finally:
                reads.remove(number)

        return await database.reads.run(read)

    def _for_reader(self, work: Callable[P, T]) -> Callable[P, T]:
        def work_for_reader(*args: P.args, **kwargs: P.kwargs) -> T:
            with translation.override(self.language), timezone.override(self.time_zone):
                return work(*args, **kwargs)

        return work_for_reader

    def record_violation(self, weight: float) -> bool:
        """Records a faulty frame. Returns whether the client sent too many faulty frames in the last minute.

        Returns True if the sum of their weights reaches settings.VIOLATIONS_PER_MINUTE. `weight` is 1 for a malformed
        frame and less for a smaller fault.
        """
        now = time.monotonic()
        self.violations = [(at, recorded) for at, recorded in self.violations if at > now - 60]
        self.violations.append((now, weight))
        return sum(recorded for _, recorded in self.violations) >= settings.VIOLATIONS_PER_MINUTE

    def acquire_command(self) -> float:
        """Takes a token from the rate limit of this connection, because the client has sent a command.

        Returns 0 if a token was left. Otherwise returns the seconds until the next command is allowed.
        """
        if not settings.LIMITS:
            return 0.0
        gap, now = 1 / COMMANDS_PER_SECOND, time.monotonic()
        full_at = max(self._commands_full_at, now) + gap
        wait = full_at - now - COMMAND_BURST * gap
        if wait > 0:
            return wait
        self._commands_full_at = full_at
        return 0.0
