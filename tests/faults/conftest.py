"""A town under fault: clients that talk all the while, and the audit afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter

import httpx
import pytest

from tests.client import Client, token_for


class Talk:
    """Some people in one room, each sending without end until told to stop. Then everybody must agree with the rows."""

    def __init__(self, site, room: int, clients: dict[str, Client]):
        self.site, self.room, self.clients = site, room, clients
        self.sent: Counter[str] = Counter()
        self.waits: list[float] = []  # seconds from sending to ack
        self._stop = asyncio.Event()
        self._talkers: list[asyncio.Task] = []

    def start(self, pause: float = 0.02) -> None:
        self._talkers = [asyncio.create_task(self._talk(name, pause)) for name in self.clients]

    async def _talk(self, name: str, pause: float) -> None:
        while not self._stop.is_set():
            number = self.sent[name] = self.sent[name] + 1
            begun = time.monotonic()
            await self.clients[name].send(self.room, f"{name} {number}", within=60)
            self.waits.append(time.monotonic() - begun)
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.gather(*self._talkers)

    async def audit(self, within: float = 20) -> None:
        """0 lost, 0 twice, one order, nothing seen that was never stored, unread the same number everywhere."""
        token = next(iter(self.clients.values())).token
        stored = await self._stored(token)
        bodies = [message["body"] for message in stored]
        assert Counter(bodies) == Counter(
            f"{name} {number + 1}" for name, count in self.sent.items() for number in range(count)
        )
        assert [message["seq"] for message in stored] == list(range(1, len(stored) + 1))
        for name in self.clients:  # in the order in which each sent them
            own = [int(body.split()[1]) for body in bodies if body.startswith(f"{name} ")]
            assert own == sorted(own)
        acknowledged = {
            message["id"]: message["seq"] for c in self.clients.values() for message in c.acknowledged.values()
        }
        assert acknowledged == {message["id"]: message["seq"] for message in stored}
        for name, client in self.clients.items():
            with contextlib.suppress(TimeoutError):
                await client.sees(lambda replica: replica.bodies(self.room) == bodies, within)
            assert client.replica.bodies(self.room) == bodies, f"{name} sees something else"
            created = [f["payload"]["message"]["id"] for f in client.replica.heard if f["type"] == "message.created"]
            assert len(created) == len(set(created)), f"{name} was told something twice"

    async def _stored(self, token: str) -> list[dict]:
        headers = {"Authorization": f"Bearer {token}"}
        stored: list[dict] = []
        async with httpx.AsyncClient(base_url=self.site.url, headers=headers, timeout=30) as http:
            while True:
                params = {"after": stored[-1]["seq"] if stored else 0, "limit": 100}
                answer = await http.get(f"/api/v1/conversations/{self.room}/messages/", params=params)
                answer.raise_for_status()
                stored += answer.json()["results"]
                if not answer.json()["has_after"]:
                    return [message for message in stored if message["kind"] == "text"]


@pytest.fixture
async def talking(request):
    """`await talking(site, "alice", "bob", …)`: a `Talk` whose clients are connected through the site's address."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(site, *names: str, urls: list[str] | None = None) -> Talk:
            people = await asyncio.to_thread(site.people, *names)
            tokens = [await token_for(site.url, name) for name in names]
            headers = {"Authorization": f"Bearer {tokens[0]}"}
            async with httpx.AsyncClient(base_url=site.url, headers=headers, timeout=30) as http:
                group = {"kind": "group", "title": "Room", "user_ids": [person.pk for person in people[1:]]}
                answer = await http.post("/api/v1/conversations/", json=group)
                room = answer.raise_for_status().json()["id"]
            addresses = urls or [site.ws_url]
            clients = {}
            for number, (name, token) in enumerate(zip(names, tokens, strict=True)):
                clients[name] = await stack.enter_async_context(Client(addresses[number % len(addresses)], token))
            return Talk(site, room, clients)

        yield begin
