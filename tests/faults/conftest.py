"""Fixtures for fault tests: clients send messages all the time while a test kills servers or cuts connections.

At the end `Traffic.assert_consistent` checks that no message was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter

import httpx
import pytest

from tests.client import Client
from tests.search_index import find_index_differences


def pytest_terminal_summary(terminalreporter):
    """Prints a table of all faults with what the clients sent, if bin/faults asks for it."""
    if not os.environ.get("FAULT_TABLE"):
        return
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, ())
        if report.when == "call"
    ]
    terminalreporter.section("faults")
    terminalreporter.write_line("| fault | result | messages sent | slowest acknowledgement | duration |")
    terminalreporter.write_line("| --- | --- | --- | --- | --- |")
    for report in reports:
        figures = report.user_properties
        sent = sum(value for name, value in figures if name == "sent")
        slowest = max((value for name, value in figures if name == "slowest"), default=0.0)
        name = report.nodeid.rpartition("::test_")[2].replace("_", " ")
        columns = [
            name,
            report.outcome,
            str(sent or ""),
            f"{slowest:.1f} s" if slowest else "",
            f"{report.duration:.0f} s",
        ]
        terminalreporter.write_line(f"| {' | '.join(columns)} |")


class Traffic:
    """Simulated clients in one group. Each of them sends messages all the time, from `start` until `stop`.

    `assert_consistent` compares what the clients have received with the stored messages.
    """

    def __init__(self, site, group: int, clients: dict[str, Client], figures: list[tuple[str, object]]):
        self.site, self.group, self.clients = site, group, clients
        self._figures = figures  # of the test, for the table that bin/faults prints
        self.sent: Counter[str] = Counter()
        self.ack_seconds: list[float] = []  # for each message: seconds from sending it to its acknowledgement
        self._stop = asyncio.Event()
        self._senders: list[asyncio.Task] = []

    def start(self, pause: float = 0.02) -> None:
        self._senders = [asyncio.create_task(self._send_repeatedly(name, pause)) for name in self.clients]

    async def _send_repeatedly(self, name: str, pause: float) -> None:
        while not self._stop.is_set():
            number = self.sent[name] = self.sent[name] + 1
            started = time.monotonic()
            await self.clients[name].send(self.group, f"{name} {number}", within=60)
            self.ack_seconds.append(time.monotonic() - started)
            await asyncio.sleep(pause)

    async def wait_for_acks(self, count: int, within: float = 20) -> None:
        """Waits until this number of further messages is acknowledged; raises TimeoutError after `within` seconds."""
        reached = len(self.ack_seconds) + count
        async with asyncio.timeout(within):
            while len(self.ack_seconds) < reached:
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.gather(*self._senders)

    async def assert_consistent(self, within: float = 20) -> None:
        """Asserts that each sent message is stored once, and that all clients have received all messages in this order.

        Also asserts that the search index has exactly these messages. Waits at most `within` seconds until the clients
        have received all messages.
        """
        self._figures += [("sent", sum(self.sent.values())), ("slowest", max(self.ack_seconds, default=0.0))]
        token = next(iter(self.clients.values())).token
        stored = await self._stored(token)
        assert await asyncio.to_thread(self.find_index_differences) == []
        bodies = [message["body"] for message in stored]
        assert Counter(bodies) == Counter(
            f"{name} {number + 1}" for name, count in self.sent.items() for number in range(count)
        )
        assert [message["seq"] for message in stored] == list(range(1, len(stored) + 1))
        for name in self.clients:  # the messages of each sender are stored in the order of sending
            own = [int(body.split()[1]) for body in bodies if body.startswith(f"{name} ")]
            assert own == sorted(own)
        acknowledged = {
            message["id"]: message["seq"] for c in self.clients.values() for message in c.acknowledged.values()
        }
        assert acknowledged == {message["id"]: message["seq"] for message in stored}
        for name, client in self.clients.items():
            with contextlib.suppress(TimeoutError):
                await client.wait_for(lambda client_state: client_state.bodies(self.group) == bodies, within)
            assert client.client_state.bodies(self.group) == bodies, f"{name} shows other messages"
            events = client.client_state.events
            created = [f["payload"]["message"]["id"] for f in events if f["type"] == "message.created"]
            assert len(created) == len(set(created)), f"{name} received an event twice"

    def find_index_differences(self) -> list[str]:
        """Returns the differences between the messages and the search index."""
        with self.site.orm():
            return find_index_differences()

    async def _stored(self, token: str) -> list[dict]:
        headers = {"Authorization": f"Bearer {token}"}
        stored: list[dict] = []
        async with httpx.AsyncClient(base_url=self.site.url, headers=headers, timeout=30) as http:
            while True:
                params = {"after": stored[-1]["seq"] if stored else 0, "limit": 100}
                response = await http.get(f"/api/v1/conversations/{self.group}/messages/", params=params)
                response.raise_for_status()
                stored += response.json()["results"]
                if not response.json()["has_after"]:
                    return [message for message in stored if message["kind"] == "text"]


@pytest.fixture
async def start_traffic(request):
    """Provides a function that creates users and a group, connects a client for each user, and returns a `Traffic`.

    Use: `traffic = await start_traffic(site, "alice", "bob")`; then `traffic.start()` lets the clients send messages.
    They connect to the WebSocket address of the site, or in turn to the addresses in `urls`.
    """
    async with contextlib.AsyncExitStack() as stack:

        async def connect_clients(site, *names: str, urls: list[str] | None = None) -> Traffic:
            users = await asyncio.to_thread(site.create_users, *names)
            tokens = [site.create_token(name) for name in names]
            headers = {"Authorization": f"Bearer {tokens[0]}"}
            async with httpx.AsyncClient(base_url=site.url, headers=headers, timeout=30) as http:
                payload = {"kind": "group", "title": "Room", "user_ids": [user.pk for user in users[1:]]}
                response = await http.post("/api/v1/conversations/", json=payload)
                group = response.raise_for_status().json()["id"]
            addresses = urls or [site.ws_url]
            clients = {}
            for number, (name, token) in enumerate(zip(names, tokens, strict=True)):
                clients[name] = await stack.enter_async_context(Client(addresses[number % len(addresses)], token))
            return Traffic(site, group, clients, request.node.user_properties)

        yield connect_clients
