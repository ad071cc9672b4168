"""A complete WebSocket client of the messenger for tests, built on the `websockets` library.

It reconnects after a lost connection, sends messages again until the server has acknowledged them, asks for missed
events with the command `sync`, and records all events.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from typing import Any

import websockets

from tests.live.client_state import ClientState


class CommandError(Exception):
    def __init__(self, payload: dict):
        super().__init__(payload["code"], payload["detail"])
        self.code, self.payload = payload["code"], payload


class Client:
    """A signed-in WebSocket client that stays connected in the background.

    Example: `async with Client(site.ws_url, token) as alice: await alice.send(conversation_id, "hello")`. Its attribute
    `client_state` contains the conversations and messages that it has received.
    """

    def __init__(self, ws_url: str, token: str, *, reconnect_delay: float = 0.2):
        self.ws_url, self.token, self.reconnect_delay = ws_url, token, reconnect_delay
        self.client_state = ClientState(0)
        self.epoch: str | None = None
        self.connects = 0
        self.closed_with: list[int] = []
        self.acknowledged: dict[str, dict] = {}  # client_id: stored message
        self._pending: dict[str, dict] = {}  # client_id: payload of a message that was sent, in the order of sending
        self._responses: dict[str, asyncio.Future] = {}
        self._socket: Any = None
        self._task: asyncio.Task | None = None
        self._open = asyncio.Event()
        self._refs = 0

    async def __aenter__(self) -> Client:
        self._task = asyncio.create_task(self._run())
        await asyncio.wait_for(self._open.wait(), 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    # ── Commands ───
    async def command(self, kind: str, **payload: Any) -> dict:
        """Sends one command to the messenger server and returns the payload of its acknowledgement (`ack`).

        Raises CommandError if the server rejects the command, ConnectionError if the WebSocket closes first.
        """
        self._refs += 1
        ref = f"r{self._refs}"
        self._responses[ref] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"type": kind, "payload": payload, "ref": ref}))
        return await asyncio.wait_for(self._responses[ref], 15)

    async def send(self, conversation_id: int, body: str, client_id: str = "", within: float = 60, **more: Any) -> dict:
        """Sends a chat message and returns it as the messenger server has stored it.

        Sends it again after each reconnect until the server has acknowledged it. Raises CommandError if the server
        rejects it, TimeoutError after `within` seconds.
        """
        client_id = client_id or str(uuid.uuid4())
        self._pending[client_id] = {"conversation_id": conversation_id, "client_id": client_id, "body": body, **more}
        with contextlib.suppress(OSError, websockets.WebSocketException):
            await self._write(client_id)
        async with asyncio.timeout(within):
            while client_id not in self.acknowledged:
                if error := self._pending[client_id].get("refused"):
                    raise CommandError(error)
                await asyncio.sleep(0.005)
        return self.acknowledged[client_id]

    async def _write(self, client_id: str) -> None:
        payload = {name: value for name, value in self._pending[client_id].items() if name != "refused"}
        if self._socket is not None:
            await self._socket.send(json.dumps({"type": "message.send", "payload": payload, "ref": client_id}))

    async def send_raw(self, text: str | bytes) -> None:
        await self._socket.send(text)

    # ── Connection ───
    async def _run(self) -> None:
        while True:
            try:
                headers = {"Authorization": f"Bearer {self.token}"}
                async with websockets.connect(
                    self.ws_url,
                    additional_headers=headers,
                    open_timeout=5,
                    ping_interval=2,
                    ping_timeout=4,
                    max_size=None,
                ) as self._socket:
                    self.connects += 1
                    await self._read_frames()
                    self.closed_with.append(self._socket.close_code)  # close codes 1000 and 1001 raise no exception
            except websockets.ConnectionClosed as closed:
                self.closed_with.append(closed.rcvd.code if closed.rcvd else 1006)
            except (OSError, TimeoutError, websockets.WebSocketException):
                pass
            self._open.clear()
            for response in self._responses.values():
                if not response.done():
                    response.set_exception(ConnectionError("closed"))
            self._responses.clear()
            if self.closed_with[-1:] in ([4401], [4403]):
                return
            await asyncio.sleep(self.reconnect_delay)

    async def _read_frames(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            kind, payload, ref = frame["type"], frame["payload"], frame.get("ref")
            if kind == "welcome":
                await self._welcome(payload)
            elif kind == "ack" and ref == "sync":
                await self._apply_sync_response(payload)
            elif kind in ("ack", "error") and ref in self._pending:
                self._handle_response(ref, kind, payload)
            elif kind in ("ack", "error", "pong") and ref in self._responses:
                response = self._responses.pop(ref)
                if not response.done():
                    if kind == "error":
                        response.set_exception(CommandError(payload))
                    else:
                        response.set_result(payload)
            else:
                self.client_state.apply_event(frame)
                if self.client_state.conversations_behind or self.client_state.is_user_behind:
                    await self._request_sync()

    async def _welcome(self, payload: dict) -> None:
        if self.epoch not in (None, payload["epoch"]) or self._is_ahead_of(payload):
            self.client_state = ClientState(0)  # the database was restored from a backup
        self.epoch = payload["epoch"]
        self.client_state.user_id = payload["user_id"]
        await self._request_sync()
        for client_id, pending in list(self._pending.items()):
            if client_id not in self.acknowledged and "refused" not in pending:
                await self._write(client_id)

    def _is_ahead_of(self, welcome: dict) -> bool:
        """Returns whether this client has received changes that the server does not have."""
        known, versions = self.client_state.sync_payload(), welcome["versions"]
        return known["me"] > welcome["me_version"] or any(
            version > versions.get(conversation_id, version) for conversation_id, version in known["cursors"].items()
        )

    async def _request_sync(self) -> None:
        payload = self.client_state.sync_payload()
        await self._socket.send(json.dumps({"type": "sync", "payload": payload, "ref": "sync"}))

    async def _apply_sync_response(self, payload: dict) -> None:
        if self.client_state.apply_sync_response(payload):
            self._open.set()
        else:
            await self._request_sync()

    def _handle_response(self, client_id: str, kind: str, payload: dict) -> None:
        if kind == "ack":
            self.acknowledged[client_id] = payload["message"]
        elif payload["code"] in ("rate_limited", "unavailable"):
            wait = payload.get("retry_after") or 1
            asyncio.get_running_loop().call_later(wait, lambda: asyncio.ensure_future(self._write_again(client_id)))
        else:
            self._pending[client_id]["refused"] = payload

    async def _write_again(self, client_id: str) -> None:
        with contextlib.suppress(OSError, websockets.WebSocketException):
            await self._write(client_id)

    # ── State ───
    async def wait_for(self, condition, within: float = 10) -> None:
        """Waits until `condition(client_state)` is true. Raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while not condition(self.client_state):
                await asyncio.sleep(0.02)


async def rejection_status(url, **options) -> int:
    """Tries to open a WebSocket that the server must reject. Returns how the server rejected it, as a number.

    This is the HTTP status of the response or, if the server first accepts the WebSocket and then closes it, the close
    code. Returns 0 if the server sends a frame, which means that it did not reject the WebSocket.
    """
    try:
        async with websockets.connect(url, **options) as socket:
            await asyncio.wait_for(socket.recv(), 5)
            return 0
    except websockets.InvalidStatus as error:
        return error.response.status_code
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code
