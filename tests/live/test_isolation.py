"""Tests that one locked conversation, slow query or blocked database delays nobody else, and that all get an answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import websockets

from tests.client import Client, CommandError

ANSWERED_WITHIN = 5.0  # seconds


class Room:
    """A running site with `members` in the group `locked`, and carol in the group `other`."""

    def __init__(self, site, members: tuple[str, ...]):
        self.site, self.members, self.locked, self.other = site, members, 0, 0
        self.tokens: dict[str, str] = {}

    async def build(self) -> Room:
        users = await asyncio.to_thread(self.site.create_users, *self.members, "carol")
        self.tokens = {name: self.site.create_token(name) for name in (*self.members, "carol")}
        ids = [user.pk for user in users[1 : len(self.members)]]
        self.locked = await self._create_group("alice", ids)
        self.other = await self._create_group("carol", [])
        return self

    async def _create_group(self, name: str, user_ids: list[int]) -> int:
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        async with httpx.AsyncClient(base_url=self.site.url, headers=headers, timeout=30) as http:
            payload = {"kind": "group", "title": "Room", "user_ids": user_ids}
            return (await http.post("/api/v1/conversations/", json=payload)).raise_for_status().json()["id"]

    def client(self, name: str) -> Client:
        return Client(self.site.ws_url, self.tokens[name])


async def start_room(make_site, database: str, server: str = "daphne", members: tuple = ("alice", "bob")) -> Room:
    site = make_site(database, LIMITS="off")
    await asyncio.to_thread(site.start, server)
    return await Room(site, members).build()


@contextlib.asynccontextmanager
async def held_row(room: Room):
    """Holds the lock of the row of the conversation `room.locked`, as a transaction of another process could."""
    connection = await psycopg.AsyncConnection.connect(room.site.database_url)
    async with connection:
        await connection.execute("SELECT 1 FROM chat_conversation WHERE id = %s FOR UPDATE", [room.locked])
        yield


AT_ONCE = 3.0  # seconds; less than LOCK_TIMEOUT, so who answers within it has not waited for the lock


async def timed(awaitable) -> tuple[float, object]:
    started = time.monotonic()
    try:
        result: object = await awaitable
    except CommandError as error:
        result = error
    return time.monotonic() - started, result


async def test_a_locked_conversation_delays_only_its_own_commands(make_site, each_server):
    members = ("alice", "bob", "dave", "erin", "frank", "grace", "heidi")
    room = await start_room(make_site, "postgres", each_server, members)
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(room.client(name)) for name in room.members]
        carol = await stack.enter_async_context(room.client("carol"))
        message = await clients[0].send(room.locked, "hello")
        other = await carol.send(room.other, "hello")
        async with held_row(room):
            reactions = [
                asyncio.create_task(
                    timed(client.command("reaction.set", message_id=message["id"], emoji="👍", active=True))
                )
                for client in clients
                for _ in range(3)
            ]
            await asyncio.sleep(0.5)
            for number in range(5):
                seconds, _ = await timed(carol.command("message.edit", message_id=other["id"], body=f"edited {number}"))
                assert seconds < AT_ONCE
                seconds, _ = await timed(carol.command("sync", cursors={}, me=0))
                assert seconds < AT_ONCE
                started = time.monotonic()
                async with room.client("carol"):
                    assert time.monotonic() - started < AT_ONCE
                for client in clients[:2]:  # their own sockets are not blocked either
                    seconds, _ = await timed(client.command("ping"))
                    assert seconds < AT_ONCE
                    seconds, _ = await timed(client.command("sync", cursors={}, me=0))
                    assert seconds < AT_ONCE
            answers = await asyncio.gather(*reactions)
        assert max(seconds for seconds, _ in answers) < ANSWERED_WITHIN
        assert {getattr(answer, "code", "stored") for _, answer in answers} == {"unavailable"}
        seconds, answer = await timed(
            clients[0].command("reaction.set", message_id=message["id"], emoji="👍", active=True)
        )
        assert seconds < ANSWERED_WITHIN and not isinstance(answer, CommandError)


async def test_a_change_waits_for_a_short_lock_and_is_stored(make_site):
    room = await start_room(make_site, "postgres")
    async with room.client("alice") as alice:
        message = await alice.send(room.locked, "hello")
        async with held_row(room):
            change = asyncio.create_task(alice.command("message.edit", message_id=message["id"], body="new words"))
            await asyncio.sleep(1)
        assert (await change)["message"]["body"] == "new words"


async def test_commands_on_one_message_keep_their_order(make_site):
    room = await start_room(make_site, "postgres")
    async with room.client("alice") as alice:
        message = await alice.send(room.locked, "hello")
        async with held_row(room):
            edits = [
                asyncio.create_task(alice.command("message.edit", message_id=message["id"], body=f"text {number}"))
                for number in range(10)
            ]
            await asyncio.sleep(0.5)
        versions = [(await edit)["message"]["version"] for edit in edits]
        assert versions == sorted(versions)
        assert (await edits[-1])["message"]["body"] == "text 9"


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_every_command_is_answered_within_five_seconds_while_the_database_is_locked(make_site, database):
    room = await start_room(make_site, database)
    async with room.client("alice") as alice:
        message = await alice.send(room.locked, "hello")
    token = room.tokens["alice"]
    async with websockets.connect(
        room.site.ws_url, additional_headers={"Authorization": f"Bearer {token}"}, max_size=None
    ) as socket:
        await socket.recv()
        with ThreadPoolExecutor(1) as thread, locked_for_writing(room, database, thread):
            sent_at, answered = {}, {}
            until = time.monotonic() + 9
            receiving = asyncio.create_task(receive_answers(socket, answered))
            number = 0
            while time.monotonic() < until:
                for kind, payload in {
                    "message.edit": {"message_id": message["id"], "body": f"text {number}"},
                    "read": {"conversation_id": room.locked, "seq": 1},
                    "message.send": {
                        "conversation_id": room.locked,
                        "client_id": f"00000000-0000-4000-8000-{number:012}",
                        "body": "hello",
                    },
                }.items():
                    ref = f"{kind} {number}"
                    sent_at[ref] = time.monotonic()
                    await socket.send(json.dumps({"type": kind, "payload": payload, "ref": ref}))
                number += 1
                await asyncio.sleep(1)
            await asyncio.sleep(ANSWERED_WITHIN)
            receiving.cancel()
    late = {ref: answered.get(ref, 99) - at for ref, at in sent_at.items()}
    assert {ref: round(seconds, 1) for ref, seconds in late.items() if seconds > ANSWERED_WITHIN} == {}


async def receive_answers(socket, answered: dict[str, float]) -> None:
    while True:
        frame = json.loads(await socket.recv())
        if frame.get("ref"):
            assert frame["ref"] not in answered, "answered twice"
            answered[frame["ref"]] = time.monotonic()


@contextlib.contextmanager
def locked_for_writing(room: Room, database: str, thread: ThreadPoolExecutor):
    """Keeps other transactions from writing, for as long as the block runs."""
    if database == "postgres":
        with psycopg.connect(room.site.database_url) as connection:
            connection.execute("LOCK TABLE chat_conversation, chat_membership IN EXCLUSIVE MODE")
            yield
        return
    path = urlsplit(room.site.database_url).path
    connection = thread.submit(sqlite3.connect, path, 5, isolation_level=None).result()
    thread.submit(connection.execute, "BEGIN IMMEDIATE").result()
    yield
    thread.submit(connection.close).result()


def test_postgresql_ends_transactions_that_run_no_statement(make_site):
    site = make_site("postgres")
    show = "SHOW idle_in_transaction_session_timeout"
    code = f"from django.db import connection as c; k = c.cursor(); k.execute({show!r}); print(k.fetchone()[0])"
    assert site.manage("shell", "-v", "0", "-c", code).split()[-1] == "10s"
