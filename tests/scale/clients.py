"""Clients of the measurements: many sockets that send and receive messages and check that none is lost or doubled."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable

import msgspec

from tests.scale.contenders import Contender
from tests.scale.environment import Environment
from tests.scale.sockets import Socket, open_all

BODY = "The quick brown fox jumps over the lazy dog, number {}, and goes home."
DELIVERY_TIMEOUT = 60.0  # seconds after the last send; messages that arrive later count as lost


class ClientPool:
    """The simulated users of a measurement, each with an open WebSocket for one conversation.

    Each sender first sends `window` messages. Then it sends the next message whenever the server has answered an
    earlier one, until the time `until`. So `window` of its messages are always unanswered.
    """

    def __init__(self, contender: Contender, environment: Environment):
        self.contender, self.environment = contender, environment
        self.sockets: list[Socket] = []
        self.window, self.until = 0, 0.0
        self.first_sent = self.last_received = 0.0
        self.deliveries = 0
        self.ack_times: list[float] = []  # seconds from send to answer
        self.delivery_times: list[float] = []  # seconds from send to each reader, if `records_delivery_times`
        self.records_delivery_times = False
        self.cpu_seconds = 0.0  # processor time of the server from `start_sending` to the end of `wait_for_deliveries`
        self._sent_at: dict[str, float] = {}
        self._unanswered: dict[str, Socket] = {}  # sends that are not answered yet
        self._answered: set[str] = set()
        self._error: Exception | None = None  # the first error in a received frame

    async def open(self, users_and_conversations: Iterable[tuple[int, int]]) -> None:
        """Opens a WebSocket for each pair: (number of a simulated user, id of a conversation)."""
        pairs = list(users_and_conversations)
        urls_and_cookies = [
            (self.contender.path(conversation_id), self.environment.cookies[user]) for user, conversation_id in pairs
        ]
        self.sockets = await open_all(self.contender.server.port, urls_and_cookies, self._on_frame)
        for socket, (_, conversation_id) in zip(self.sockets, pairs, strict=True):
            socket.state = {"conversation_id": conversation_id, "last_position": None, "received_positions": set()}
        await asyncio.sleep(1.0)  # wait for the end of welcome and presence events

    def close(self) -> None:
        for socket in self.sockets:
            assert not socket.closed, socket.ended
            socket.close()

    def send(self, socket: Socket) -> str:
        ref = str(uuid.uuid4())
        self._unanswered[ref] = socket
        self._sent_at[ref] = time.perf_counter()
        self.first_sent = self.first_sent or self._sent_at[ref]
        socket.send(self.contender.command(socket.state["conversation_id"], ref, BODY.format(len(self._sent_at))))
        return ref

    def start_sending(self, senders: Iterable[Socket], window: int, seconds: float) -> None:
        self.cpu_seconds = -self.contender.server.cpu_seconds()
        self.window, self.until = window, time.perf_counter() + seconds
        for socket in senders:
            for _ in range(window):
                self.send(socket)

    async def wait_for_deliveries(self, readers: int) -> None:
        """Waits until the server has answered each sent message and has delivered it to `readers` users.

        Raises AssertionError if a message is missing after DRAINS_WITHIN seconds, or if a message arrives twice.
        """
        while time.perf_counter() < self.until:
            self._check()
            await asyncio.sleep(0.02)
        end = time.perf_counter() + DELIVERY_TIMEOUT
        while self._unanswered or self.deliveries < readers * len(self._sent_at):
            self._check()
            if time.perf_counter() > end:
                expected = readers * len(self._sent_at)
                raise AssertionError(
                    f"Not answered: {len(self._unanswered)}. Received: {self.deliveries} of {expected}."
                )
            await asyncio.sleep(0.005)
        self.cpu_seconds += self.contender.server.cpu_seconds()
        await asyncio.sleep(0.1)
        self._check()
        assert self.deliveries == readers * len(self._sent_at), "A message was received twice"

    def _check(self) -> None:
        if self._error:
            raise self._error

    def check_stored(self) -> None:
        stored = self.contender.stored(self._answered)
        assert stored == len(self._answered) == len(self._sent_at), f"{stored} stored of {len(self._sent_at)} answered"

    @property
    def sent(self) -> int:
        return len(self._sent_at)

    @property
    def seconds(self) -> float:
        return self.last_received - self.first_sent

    def _on_frame(self, socket: Socket, frame: bytes) -> None:
        try:
            self._record_frame(socket, frame)
        except Exception as error:  # `_check` raises it later: here it would only close the socket
            self._error = self._error or error

    def _record_frame(self, socket: Socket, frame: bytes) -> None:
        received = self.contender.parse_frame(frame)
        if received.delivers:
            self._check_order(socket, received.position)
            self.deliveries += 1
            self.last_received = now = time.perf_counter()
            if self.records_delivery_times:
                self.delivery_times.append(now - self._sent_at[received.ref])
        if received.answers and self._unanswered.get(received.ref) is socket:
            del self._unanswered[received.ref]
            self._answered.add(received.ref)
            self.last_received = now = time.perf_counter()
            self.ack_times.append(now - self._sent_at[received.ref])
            if now < self.until:
                self.send(socket)

    def _check_order(self, socket: Socket, position: int) -> None:
        state = socket.state
        if self.contender.ordered:
            last = state["last_position"]
            assert last in (None, position - 1), f"received {position} after {last}"
            state["last_position"] = position
        else:
            assert position not in state["received_positions"], f"received {position} twice"
            state["received_positions"].add(position)


# ── Requests with an answer (our server only) ──────────────────────────────────────────────────────────────────────
class RequestClient:
    """A WebSocket to our server that sends one command at a time and waits for its answer."""

    def __init__(self) -> None:
        self.welcome: dict = {}
        self._answer: asyncio.Future | None = None

    async def open(self, environment: Environment, user: int) -> None:
        server = environment.servers["ours"]
        [self.socket] = await open_all(server.port, [("/ws/v1/", environment.cookies[user])], self._on_frame)
        while not self.welcome:
            await asyncio.sleep(0.005)

    async def request(self, command: str, payload: dict) -> bytes:
        self._answer = asyncio.get_running_loop().create_future()
        self.socket.send(msgspec.json.encode({"type": command, "payload": payload, "ref": "request"}))
        return await asyncio.wait_for(self._answer, 30)

    def _on_frame(self, socket: Socket, frame: bytes) -> None:
        if not self.welcome:
            self.welcome = msgspec.json.decode(frame)["payload"]
        elif b'"ref":"request"' in frame and self._answer:
            self._answer.set_result(frame)
