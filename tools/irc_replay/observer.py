"""A client that owns the groups and listens all the time, keeping to the protocol's rule of versions.

What it shows at the end must be what a fresh load shows: that is what a replay is for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from tools.irc_replay.client import Account
from tools.irc_replay.http_client import Refusal, Trouble

HOLE = 0.3  # seconds to wait for a version that has not come, before asking for it
HEARTBEAT = 5.0  # seconds of silence until a ping

Frame = dict[str, Any]


@dataclass
class Room:
    """One conversation as this client shows it."""

    version: int
    shown: dict[int, Frame] = field(default_factory=dict)  # by seq
    held: dict[int, Frame] = field(default_factory=dict)  # events that came before what they follow, by version
    twice: int = 0  # lines told as new that were on the screen already

    def texts(self) -> list[tuple[str, str, str]]:
        """(client_id, user name, body) in the order of the screen."""
        rows = (self.shown[seq] for seq in sorted(self.shown))
        return [text_of(row) for row in rows if row["kind"] == "text"]


def text_of(message: Frame) -> tuple[str, str, str]:
    return message["client_id"], message["sender"]["username"], message["body"]


class Watcher(Account):
    def __init__(self, url: str, password: str):
        super().__init__(url, password)
        self.rooms: dict[int, Room] = {}
        self.connects = self.syncs = self.events = 0
        self.wrong: list[str] = []  # what the protocol does not allow
        self._socket: ClientConnection | None = None
        self._refs = (f"w{number}" for number in count(1))
        self._task: asyncio.Task | None = None
        self._asking = False

    def watch(self, conversation: Frame) -> None:
        self.rooms.setdefault(conversation["id"], Room(conversation["version"]))

    # ── The line ─────────────────────────────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.web.close()

    async def _run(self) -> None:
        pause = 0.25
        while True:
            try:
                self._socket = await self.open_socket()
                self.connects += 1
                pause = 0.25
                await self._listen(self._socket)
            except (Trouble, Refusal, OSError, TimeoutError, WebSocketException):
                pass
            finally:
                self._socket, self._asking = None, False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _listen(self, socket: ClientConnection) -> None:
        async with socket:
            if any(self._behind(int(pk), version) for pk, version in self.welcome["versions"].items()):
                await self._ask()
            missed_pong = False
            while True:
                try:
                    frame = json.loads(await asyncio.wait_for(socket.recv(), HEARTBEAT))
                except TimeoutError:
                    if missed_pong:
                        return  # the line is dead: another
                    missed_pong = True
                    await socket.send(json.dumps({"type": "ping", "payload": {}}))
                    continue
                missed_pong = False
                await self._hear(frame)

    def _behind(self, conversation_id: int, version: int) -> bool:
        room = self.rooms.get(conversation_id)
        return room is not None and room.version < version

    # ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────
    async def _hear(self, frame: Frame) -> None:
        kind, payload = frame["type"], frame["payload"]
        if kind == "ack" and str(frame.get("ref", "")).startswith("w"):
            await self._caught_up(payload)
        elif kind == "error":
            self._asking = False
            if payload["code"] not in ("rate_limited", "unavailable"):
                self.wrong.append(f"The watcher was refused: {payload['code']}")
                return
            asyncio.get_running_loop().call_later(payload.get("retry_after") or 1, self._ask_soon)
        elif "after" in payload and payload["conversation_id"] in self.rooms:
            self.events += 1
            self._in_order(self.rooms[payload["conversation_id"]], frame)

    def _in_order(self, room: Room, frame: Frame) -> None:
        after, version = frame["payload"]["after"], frame["payload"]["version"]
        if version <= room.version:
            return
        if after > room.version:
            room.held[version] = frame
            asyncio.get_running_loop().call_later(HOLE, self._ask_if_held, room)
            return
        self._apply(room, frame)
        for version in sorted(room.held):
            following = room.held[version]
            if following["payload"]["after"] > room.version:
                break
            del room.held[version]
            if version > room.version:
                self._apply(room, following)

    def _apply(self, room: Room, frame: Frame) -> None:
        payload = frame["payload"]
        room.version = payload["version"]
        if message := payload.get("message"):
            if frame["type"] == "message.created" and message["seq"] in room.shown:
                room.twice += 1
            room.shown[message["seq"]] = message

    # ── Catching up ──────────────────────────────────────────────────────────────────────────────────────────────
    def _ask_if_held(self, room: Room) -> None:
        if room.held:
            self._ask_soon()

    def _ask_soon(self) -> None:
        task = asyncio.ensure_future(self._ask())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _ask(self) -> None:
        if self._socket is None or self._asking:
            return
        self._asking = True
        self.syncs += 1
        known = {"cursors": {str(pk): room.version for pk, room in self.rooms.items()}, "me": 0, "open": None}
        await self._socket.send(json.dumps({"type": "sync", "payload": known, "ref": next(self._refs)}))

    async def _caught_up(self, answer: Frame) -> None:
        for part in answer["conversations"]:
            room = self.rooms.get(part["conversation_id"])
            if room is None or part["version"] <= room.version:
                continue
            for message in part["messages"]:
                room.shown[message["seq"]] = message
            room.version = part["version"]
            room.held = {version: frame for version, frame in room.held.items() if version > room.version}
        self._asking = False
        if not answer["complete"] or any(room.held for room in self.rooms.values()):
            await self._ask()
