"""The observer: a client that owns the groups of a replay (recorded IRC messages sent again) and receives all events.

It applies the events of a conversation in the order of their version numbers, as the protocol requires. At the end, its
messages must be equal to the messages that the server returns. This check is the purpose of the replay.
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

from tools.irc_replay.client import ApiClient
from tools.irc_replay.http_client import RejectedError, TemporaryError

GAP_TIMEOUT = 0.3  # seconds to wait for a missing version before a `sync`
PING_INTERVAL = 5.0  # seconds without a frame before a ping

Frame = dict[str, Any]


@dataclass
class ObservedConversation:
    """A conversation as a client shows it: the observer computes it from the events that it has received."""

    version: int
    messages: dict[int, Frame] = field(default_factory=dict)  # by seq
    held_events: dict[int, Frame] = field(default_factory=dict)  # received after a gap, by version
    duplicates: int = 0  # `message.created` events for messages that were already on the screen

    def texts(self) -> list[tuple[str, str, str]]:
        """Returns (client_id, user name, body) of each text message, in the order in which a client shows them.

        The client_id is a UUID that the sender's client has chosen.
        """
        ordered = (self.messages[seq] for seq in sorted(self.messages))
        return [message_text(message) for message in ordered if message["kind"] == "text"]


def message_text(message: Frame) -> tuple[str, str, str]:
    """Returns (client_id, user name of the sender, body) of a message. The client_id is a UUID chosen by the client."""
    return message["client_id"], message["sender"]["username"], message["body"]


class Observer(ApiClient):
    def __init__(self, url: str, password: str):
        super().__init__(url, password)
        self.conversations: dict[int, ObservedConversation] = {}
        self.connects = self.syncs = self.events = 0
        self.violations: list[str] = []  # answers that the protocol does not allow
        self._socket: ClientConnection | None = None
        self._refs = (f"w{number}" for number in count(1))
        self._task: asyncio.Task | None = None
        self._is_syncing = False

    def observe(self, conversation: Frame) -> None:
        self.conversations.setdefault(conversation["id"], ObservedConversation(conversation["version"]))

    # ── Connection ───────────────────────────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.http.close()

    async def _run(self) -> None:
        pause = 0.25
        while True:
            try:
                self._socket = await self.open_socket()
                self.connects += 1
                pause = 0.25
                await self._read(self._socket)
            except (TemporaryError, RejectedError, OSError, TimeoutError, WebSocketException):
                pass
            finally:
                self._socket, self._is_syncing = None, False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _read(self, socket: ClientConnection) -> None:
        async with socket:
            if any(self._is_behind(int(pk), version) for pk, version in self.welcome["versions"].items()):
                await self._sync()
            is_pong_missing = False
            while True:
                try:
                    # Not `wait_for`: in Python 3.11 it ignores a cancellation at the moment when a frame arrives.
                    async with asyncio.timeout(PING_INTERVAL):
                        frame = json.loads(await socket.recv())
                except TimeoutError:
                    if is_pong_missing:
                        return  # the connection is dead: reconnect
                    is_pong_missing = True
                    await socket.send(json.dumps({"type": "ping", "payload": {}}))
                    continue
                is_pong_missing = False
                await self._receive(frame)

    def _is_behind(self, conversation_id: int, version: int) -> bool:
        conversation = self.conversations.get(conversation_id)
        return conversation is not None and conversation.version < version

    # ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────
    async def _receive(self, frame: Frame) -> None:
        frame_type, payload = frame["type"], frame["payload"]
        if frame_type == "ack" and str(frame.get("ref", "")).startswith("w"):
            await self._apply_sync(payload)
        elif frame_type == "error":
            self._is_syncing = False
            if payload["code"] not in ("rate_limited", "unavailable"):
                self.violations.append(f"The observer received an error: {payload['code']}")
                return
            asyncio.get_running_loop().call_later(payload.get("retry_after") or 1, self._start_sync)
        elif "after" in payload and payload["conversation_id"] in self.conversations:
            self.events += 1
            self._apply_in_order(self.conversations[payload["conversation_id"]], frame)

    def _apply_in_order(self, conversation: ObservedConversation, frame: Frame) -> None:
        """Applies an event if it directly follows the events applied so far. Ignores an event that was applied before.

        If earlier events are missing, keeps the event until they have arrived. If they do not arrive within
        GAP_TIMEOUT, asks the server for them with the command `sync`.
        """
        after, version = frame["payload"]["after"], frame["payload"]["version"]
        if version <= conversation.version:
            return
        if after > conversation.version:
            conversation.held_events[version] = frame
            asyncio.get_running_loop().call_later(GAP_TIMEOUT, self._sync_if_gap, conversation)
            return
        self._apply(conversation, frame)
        for version in sorted(conversation.held_events):
            held_event = conversation.held_events[version]
            if held_event["payload"]["after"] > conversation.version:
                break
            del conversation.held_events[version]
            if version > conversation.version:
                self._apply(conversation, held_event)

    def _apply(self, conversation: ObservedConversation, frame: Frame) -> None:
        payload = frame["payload"]
        conversation.version = payload["version"]
        if message := payload.get("message"):
            if frame["type"] == "message.created" and message["seq"] in conversation.messages:
                conversation.duplicates += 1
            conversation.messages[message["seq"]] = message

    # ── Catching up ──────────────────────────────────────────────────────────────────────────────────────────────
    def _sync_if_gap(self, conversation: ObservedConversation) -> None:
        if conversation.held_events:
            self._start_sync()

    def _start_sync(self) -> None:
        task = asyncio.ensure_future(self._sync())
        # Retrieve the exception, so that asyncio does not log it: a failed connection is handled in `_run`.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _sync(self) -> None:
        if self._socket is None or self._is_syncing:
            return
        self._is_syncing = True
        self.syncs += 1
        cursors = {str(pk): conversation.version for pk, conversation in self.conversations.items()}
        payload = {"cursors": cursors, "me": 0, "open": None}
        await self._socket.send(json.dumps({"type": "sync", "payload": payload, "ref": next(self._refs)}))

    async def _apply_sync(self, answer: Frame) -> None:
        for changes in answer["conversations"]:
            conversation = self.conversations.get(changes["conversation_id"])
            if conversation is None or changes["version"] <= conversation.version:
                continue
            for message in changes["messages"]:
                conversation.messages[message["seq"]] = message
            conversation.version = changes["version"]
            conversation.held_events = {
                version: frame for version, frame in conversation.held_events.items() if version > conversation.version
            }
        self._is_syncing = False
        if not answer["complete"] or any(conversation.held_events for conversation in self.conversations.values()):
            await self._sync()
