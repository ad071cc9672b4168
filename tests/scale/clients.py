"""Clients of the measurements: many sockets that send and receive messages and check that none is lost or doubled."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable

import msgspec

from tests.scale.contenders import Side
from tests.scale.environment import Stage
from tests.scale.sockets import Socket, open_all

BODY = "The quick brown fox jumps over the lazy dog, number {}, and goes home."
DRAINS_WITHIN = 60.0  # seconds after the last send; messages that arrive later count as lost


class Crowd:
    """The simulated users of a measurement, each with an open WebSocket for one conversation.

    Each sender first sends `window` messages. Then it sends the next message whenever the server has answered an
    earlier one, until the time `until`. So `window` of its messages are always unanswered.
    """

    def __init__(self, side: Side, stage: Stage):
        self.side, self.stage = side, stage
        self.sockets: list[Socket] = []
        self.window, self.until = 0, 0.0
        self.first_sent = self.last_heard = 0.0
        self.deliveries = 0
        self.waits: list[float] = []  # seconds from send to answer
        self.journeys: list[float] = []  # seconds from send to each reader, if `timed`
        self.timed = False
        self.busy = 0.0  # processor seconds of the server from `flood` to the end of `drain`
        self._sent: dict[str, float] = {}
        self._mine: dict[str, Socket] = {}  # sends that are not answered yet
        self._answered: set[str] = set()
        self._fault: Exception | None = None  # the first error in a received frame

    async def open(self, places: Iterable[tuple[int, int]]) -> None:
        """Opens a WebSocket for each pair in `places`: (number of a simulated user, id of a conversation)."""
        places = list(places)
        urls_and_cookies = [(self.side.path(room), self.stage.cookies[person]) for person, room in places]
        self.sockets = await open_all(self.side.server.port, urls_and_cookies, self._hear)
        for socket, (_, room) in zip(self.sockets, places, strict=True):
            socket.mind = {"room": room, "place": None, "seen": set()}
        await asyncio.sleep(1.0)  # wait for the end of welcome and presence events

    def close(self) -> None:
        for socket in self.sockets:
            assert not socket.closed, socket.ended
            socket.close()

    def send(self, socket: Socket) -> str:
        ref = str(uuid.uuid4())
        self._mine[ref] = socket
        self._sent[ref] = time.perf_counter()
        self.first_sent = self.first_sent or self._sent[ref]
        socket.send(self.side.command(socket.mind["room"], ref, BODY.format(len(self._sent))))
        return ref

    def flood(self, senders: Iterable[Socket], window: int, seconds: float) -> None:
        self.busy = -self.side.server.busy()
        self.window, self.until = window, time.perf_counter() + seconds
        for socket in senders:
            for _ in range(window):
                self.send(socket)

    async def drain(self, readers: int) -> None:
        """Waits until the server has answered each sent message and has delivered it to `readers` users.

        Raises AssertionError if a message is missing after DRAINS_WITHIN seconds, or if a message arrives twice.
        """
        while time.perf_counter() < self.until:
            self._check()
            await asyncio.sleep(0.02)
        end = time.perf_counter() + DRAINS_WITHIN
        while self._mine or self.deliveries < readers * len(self._sent):
            self._check()
            if time.perf_counter() > end:
                wanted = readers * len(self._sent)
                raise AssertionError(f"Not answered: {len(self._mine)}. Received: {self.deliveries} of {wanted}.")
            await asyncio.sleep(0.005)
        self.busy += self.side.server.busy()
        await asyncio.sleep(0.1)
        self._check()
        assert self.deliveries == readers * len(self._sent), "A message was received twice"

    def _check(self) -> None:
        if self._fault:
            raise self._fault

    def check_stored(self) -> None:
        stored = self.side.stored(self._answered)
        assert stored == len(self._answered) == len(self._sent), f"{stored} stored of {len(self._sent)} answered"

    @property
    def sent(self) -> int:
        return len(self._sent)

    @property
    def seconds(self) -> float:
        return self.last_heard - self.first_sent

    def _hear(self, socket: Socket, frame: bytes) -> None:
        try:
            self._note(socket, frame)
        except Exception as fault:  # `_check` raises it later: here it would only close the socket
            self._fault = self._fault or fault

    def _note(self, socket: Socket, frame: bytes) -> None:
        received = self.side.parse_frame(frame)
        if received.brings:
            self._in_order(socket, received.place)
            self.deliveries += 1
            self.last_heard = now = time.perf_counter()
            if self.timed:
                self.journeys.append(now - self._sent[received.ref])
        if received.answers and self._mine.get(received.ref) is socket:
            del self._mine[received.ref]
            self._answered.add(received.ref)
            self.last_heard = now = time.perf_counter()
            self.waits.append(now - self._sent[received.ref])
            if now < self.until:
                self.send(socket)

    def _in_order(self, socket: Socket, place: int) -> None:
        mind = socket.mind
        if self.side.ordered:
            assert mind["place"] in (None, place - 1), f"received {place} after {mind['place']}"
            mind["place"] = place
        else:
            assert place not in mind["seen"], f"received {place} twice"
            mind["seen"].add(place)


# ── Requests with an answer (our server only) ──────────────────────────────────────────────────────────────────────
class Asker:
    """A socket to our server that sends one command at a time and waits for its answer."""

    def __init__(self) -> None:
        self.welcome: dict = {}
        self._answer: asyncio.Future | None = None

    async def open(self, stage: Stage, person: int) -> None:
        server = stage.servers["ours"]
        [self.socket] = await open_all(server.port, [("/ws/v1/", stage.cookies[person])], self._hear)
        while not self.welcome:
            await asyncio.sleep(0.005)

    async def ask(self, kind: str, payload: dict) -> bytes:
        self._answer = asyncio.get_running_loop().create_future()
        self.socket.send(msgspec.json.encode({"type": kind, "payload": payload, "ref": "asked"}))
        return await asyncio.wait_for(self._answer, 30)

    def _hear(self, socket: Socket, frame: bytes) -> None:
        if not self.welcome:
            self.welcome = msgspec.json.decode(frame)["payload"]
        elif b'"ref":"asked"' in frame and self._answer:
            self._answer.set_result(frame)
