"""Tests that clients are told who is online after a server process was killed, or after Redis has lost its data.

The site has two real server processes and one Redis.
"""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import pytest
import websockets

from chat import actions
from tests.servers import PASSWORD, Server

pytestmark = pytest.mark.faults


class Client:
    """A WebSocket client, signed in with a token, that records the frames it receives."""

    def __init__(self, server: Server, username: str):
        self._server, self._username = server, username
        self.frames: list[dict] = []

    async def __aenter__(self) -> Client:
        login = {"login": self._username, "password": PASSWORD}
        response = await asyncio.to_thread(httpx.post, f"{self._server.url}/api/v1/auth/token/", json=login)
        self.headers = {"Authorization": f"Bearer {response.json()['access']}"}
        self._socket = await websockets.connect(self._server.ws_url, additional_headers=self.headers)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_) -> None:
        self._reading.cancel()
        await self._socket.close()

    async def _read(self) -> None:
        async for text in self._socket:
            self.frames.append(json.loads(text))

    async def send(self, type: str, **payload) -> None:
        await self._socket.send(json.dumps({"type": type, "payload": payload}))

    async def receive(self, type: str, within: float, **expected) -> float:
        """Waits for a frame (a WebSocket message in JSON) of this type with these values in its payload.

        Returns how many seconds it has waited.
        """
        began = time.monotonic()
        while time.monotonic() - began < within:
            for frame in self.frames:
                if frame["type"] == type and expected.items() <= frame["payload"].items():
                    self.frames.remove(frame)
                    return time.monotonic() - began
            await asyncio.sleep(0.05)
        raise AssertionError(f"no {type} {expected} within {within} s in {self.frames}")

    async def wait_until_online(self, server: Server, expected: set[int], user_ids: set[int], within: float) -> None:
        """Asks the REST API of `server` which of `user_ids` are online, until the answer is exactly `expected`.

        Fails after `within` seconds. Each server process reports its own users to Redis every few seconds, so after a
        fault the answer is complete only when all processes have reported.
        """
        query = {"user_ids": ",".join(map(str, user_ids))}
        url = f"{server.url}/api/v1/presence/"
        last = time.monotonic() + within
        while True:
            response = await asyncio.to_thread(httpx.get, url, params=query, headers=self.headers)
            online = {presence["user_id"] for presence in response.json()["results"] if presence["online"]}
            if online == expected:
                return
            assert time.monotonic() < last, f"{online} are online for {server.url} after {within} s, not {expected}"
            await asyncio.sleep(0.1)


@pytest.mark.long
async def test_presence_survives_a_killed_process_and_an_emptied_redis(make_site, redis_server):
    site = make_site(REDIS_URL=redis_server.url)

    def start_site():
        alice, bob = site.create_users("alice", "bob")
        with site.orm():
            group = actions.create_group(alice.pk, "Group", [bob.pk])
        return alice.pk, bob.pk, group.id, site.start("daphne"), site.start("uvicorn")

    alice, bob, conversation_id, first, second = await asyncio.to_thread(start_site)
    async with Client(first, "alice") as hers:
        async with Client(second, "bob") as his:
            await hers.receive("presence", 3, user_id=bob, online=True)
            await hers.receive("online", 4, count=2)
            await hers.send("view", conversation_id=conversation_id)
            await his.send("view", conversation_id=conversation_id)
            await hers.receive("viewers", 3, count=2)
            await his.send("typing", conversation_id=conversation_id, active=True)
            await hers.receive("typing", 10, user_id=bob, active=True)
            await hers.receive("typing", 20, user_id=bob, active=False)

            redis_server.flush()
            hers.frames.clear()
            for _ in range(10):
                for server in (first, second):
                    await hers.wait_until_online(server, {alice, bob}, {alice, bob}, within=0)
                await asyncio.sleep(0.2)
            assert not [frame for frame in hers.frames if frame["type"] in ("presence", "online")]

            second.kill()
            await hers.receive("presence", 20, user_id=bob, online=False)
            await hers.receive("viewers", 20, count=1)
            await hers.wait_until_online(first, {alice}, {alice, bob}, within=20)

        await asyncio.to_thread(second.start)
        redis_server.kill()
        async with Client(second, "bob") as his:
            await his.receive("welcome", 10)
            await hers.send("ping")
            await hers.receive("pong", 10)
            redis_server.start()
            await hers.receive("presence", 20, user_id=bob, online=True)
            await hers.wait_until_online(first, {alice, bob}, {alice, bob}, within=20)
