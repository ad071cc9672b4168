"""Two real server processes, one Redis: what people see when one of them is killed, and when Redis is emptied."""

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
    """A token client that keeps what it hears."""

    def __init__(self, server: Server, username: str):
        self._server, self._username = server, username
        self.heard: list[dict] = []

    async def __aenter__(self) -> Client:
        login = {"login": self._username, "password": PASSWORD}
        answer = await asyncio.to_thread(httpx.post, f"{self._server.url}/api/v1/auth/token/", json=login)
        self.headers = {"Authorization": f"Bearer {answer.json()['access']}"}
        self._line = await websockets.connect(self._server.ws_url, additional_headers=self.headers)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_) -> None:
        self._reading.cancel()
        await self._line.close()

    async def _read(self) -> None:
        async for text in self._line:
            self.heard.append(json.loads(text))

    async def say(self, type: str, **payload) -> None:
        await self._line.send(json.dumps({"type": type, "payload": payload}))

    async def hear(self, type: str, within: float, **expected) -> float:
        """How many seconds it took until such a frame came."""
        began = time.monotonic()
        while time.monotonic() - began < within:
            for frame in self.heard:
                if frame["type"] == type and expected.items() <= frame["payload"].items():
                    self.heard.remove(frame)
                    return time.monotonic() - began
            await asyncio.sleep(0.05)
        raise AssertionError(f"no {type} {expected} within {within} s in {self.heard}")

    async def shown(self, server: Server, *user_ids: int) -> set[int]:
        """Who of these is here, as a server says."""
        query = {"user_ids": ",".join(map(str, user_ids))}
        url = f"{server.url}/api/v1/presence/"
        answer = await asyncio.to_thread(httpx.get, url, params=query, headers=self.headers)
        return {shape["user_id"] for shape in answer.json()["results"] if shape["online"]}


async def test_a_killed_process_and_an_emptied_redis(make_site, redis_server):
    site = make_site(REDIS_URL=redis_server.url)

    def begin():
        alice, bob = site.people("alice", "bob")
        with site.orm():
            room = actions.create_group(alice.pk, "Room", [bob.pk])
        return alice.pk, bob.pk, room.id, site.start("daphne"), site.start("uvicorn")

    alice, bob, room, first, second = await asyncio.to_thread(begin)
    async with Client(first, "alice") as hers:
        async with Client(second, "bob") as his:
            await hers.hear("presence", 3, user_id=bob, online=True)
            await hers.hear("online", 4, count=2)
            await hers.say("view", conversation_id=room)
            await his.say("view", conversation_id=room)
            await hers.hear("viewers", 3, count=2)
            await his.say("typing", conversation_id=room, active=True)
            await hers.hear("typing", 1, user_id=bob, active=True)
            await hers.hear("typing", 7, user_id=bob, active=False)

            redis_server.flush()
            await hers.hear("presence", 5, user_id=bob, online=True)
            assert await hers.shown(first, alice, bob) == await hers.shown(second, alice, bob) == {alice, bob}

            second.kill()
            await hers.hear("presence", 20, user_id=bob, online=False)
            await hers.hear("viewers", 2, count=1)
            assert await hers.shown(first, alice, bob) == {alice}

        await asyncio.to_thread(second.start)
        redis_server.kill()
        async with Client(second, "bob") as his:
            await his.hear("welcome", 10)
            await hers.say("ping")
            await hers.hear("pong", 3)
            redis_server.start()
            await hers.hear("presence", 5, user_id=bob, online=True)
            assert await hers.shown(first, alice, bob) == {alice, bob}
