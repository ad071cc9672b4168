"""A well-made client of the protocol, with a WebSocket library that others wrote. It survives what a test does to it.

It keeps what it sent until it is acknowledged, comes back by itself, asks on holes, and notes all it saw.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from typing import Any

import httpx
import websockets

from tests.live.client_state import Replica
from tests.servers import PASSWORD


async def token_for(url: str, username: str) -> str:
    async with httpx.AsyncClient(base_url=url, timeout=10) as http:
        answer = await http.post("/api/v1/auth/token/", json={"login": username, "password": PASSWORD})
        answer.raise_for_status()
        return answer.json()["access"]


class Refusal(Exception):
    def __init__(self, payload: dict):
        super().__init__(payload["code"], payload["detail"])
        self.code, self.payload = payload["code"], payload


class Client:
    """`async with Client(site.ws_url, token) as alice: await alice.send(room, "hello")`"""

    def __init__(self, ws_url: str, token: str, *, patience: float = 0.2):
        self.ws_url, self.token, self.patience = ws_url, token, patience
        self.replica = Replica(0)
        self.connects = 0
        self.closed_with: list[int] = []
        self.acknowledged: dict[str, dict] = {}  # client_id: message
        self._pending: dict[str, dict] = {}  # client_id: payload, in the order of sending
        self._answers: dict[str, asyncio.Future] = {}
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

    # ── Commands ──
    async def command(self, kind: str, **payload: Any) -> dict:
        """Ask once, over the socket that is open now. Raises Refusal, or ConnectionError where it closed meanwhile."""
        self._refs += 1
        ref = f"r{self._refs}"
        self._answers[ref] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"type": kind, "payload": payload, "ref": ref}))
        return await asyncio.wait_for(self._answers[ref], 15)

    async def send(self, conversation_id: int, body: str, client_id: str = "", within: float = 60, **more: Any) -> dict:
        """Until it is acknowledged, whatever happens meanwhile."""
        client_id = client_id or str(uuid.uuid4())
        self._pending[client_id] = {"conversation_id": conversation_id, "client_id": client_id, "body": body, **more}
        with contextlib.suppress(OSError, websockets.WebSocketException):
            await self._write(client_id)
        async with asyncio.timeout(within):
            while client_id not in self.acknowledged:
                if error := self._pending[client_id].get("refused"):
                    raise Refusal(error)
                await asyncio.sleep(0.005)
        return self.acknowledged[client_id]

    async def _write(self, client_id: str) -> None:
        payload = {name: value for name, value in self._pending[client_id].items() if name != "refused"}
        if self._socket is not None:
            await self._socket.send(json.dumps({"type": "message.send", "payload": payload, "ref": client_id}))

    async def raw(self, text: str | bytes) -> None:
        await self._socket.send(text)

    # ── The line ──
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
                    await self._listen()
                    self.closed_with.append(self._socket.close_code)  # 1000 and 1001 end it quietly
            except websockets.ConnectionClosed as closed:
                self.closed_with.append(closed.rcvd.code if closed.rcvd else 1006)
            except (OSError, TimeoutError, websockets.WebSocketException):
                pass
            self._open.clear()
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionError("closed"))
            self._answers.clear()
            if self.closed_with[-1:] in ([4401], [4403]):
                return
            await asyncio.sleep(self.patience)

    async def _listen(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            kind, payload, ref = frame["type"], frame["payload"], frame.get("ref")
            if kind == "welcome":
                await self._welcome(payload)
            elif kind == "ack" and ref == "sync":
                await self._synced(payload)
            elif kind in ("ack", "error") and ref in self._pending:
                self._answered(ref, kind, payload)
            elif kind in ("ack", "error", "pong") and ref in self._answers:
                answer = self._answers.pop(ref)
                if not answer.done():
                    if kind == "error":
                        answer.set_exception(Refusal(payload))
                    else:
                        answer.set_result(payload)
            else:
                self.replica.hear(frame)
                if self.replica.behind or self.replica.me_behind:
                    await self._ask()

    async def _welcome(self, payload: dict) -> None:
        self.replica.user_id = payload["user_id"]
        await self._ask()
        for client_id, pending in list(self._pending.items()):
            if client_id not in self.acknowledged and "refused" not in pending:
                await self._write(client_id)

    async def _ask(self) -> None:
        payload = self.replica.sync_payload()
        await self._socket.send(json.dumps({"type": "sync", "payload": payload, "ref": "sync"}))

    async def _synced(self, payload: dict) -> None:
        if self.replica.caught_up(payload):
            self._open.set()
        else:
            await self._ask()

    def _answered(self, client_id: str, kind: str, payload: dict) -> None:
        if kind == "ack":
            self.acknowledged[client_id] = payload["message"]
        elif payload["code"] in ("rate_limited", "unavailable"):
            wait = payload.get("retry_after") or 1
            asyncio.get_running_loop().call_later(wait, lambda: asyncio.ensure_future(self._again(client_id)))
        else:
            self._pending[client_id]["refused"] = payload

    async def _again(self, client_id: str) -> None:
        with contextlib.suppress(OSError, websockets.WebSocketException):
            await self._write(client_id)

    # ── What it saw ──
    async def sees(self, condition, within: float = 10) -> None:
        """Wait until `condition(replica)` holds."""
        async with asyncio.timeout(within):
            while not condition(self.replica):
                await asyncio.sleep(0.02)
