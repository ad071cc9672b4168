"""A hub with listeners, in this process: real verbs, real news, sockets that only note what is written to them."""

from __future__ import annotations

import asyncio
import itertools

import msgspec
import pytest

from messenger.core import database
from messenger.live import events, hub
from messenger.live.connection import Connection
from messenger.live.handshake import Identity
from tests.live.client_state import Replica, loaded

_numbers = itertools.count(1)


class NotingWire:
    """Takes everything at once, and says how much is waiting as a test likes it."""

    def __init__(self):
        self.texts: list[str] = []
        self.writes = 0
        self.stuck = 0
        self.aborted = False

    def write(self, frames):
        self.writes += 1
        self.texts += [frame.text for frame in frames]

    def buffered_bytes(self):
        return self.stuck

    def close(self, code):
        return False

    def abort(self):
        self.aborted = True


class Listener:
    """One open connection of somebody, and what a client would make of what it hears."""

    def __init__(self, connection: Connection, wire: NotingWire, replica: Replica):
        self.connection, self.wire, self.replica = connection, wire, replica
        self.closed_with: int | None = None

    def catch(self) -> Replica:
        """Apply everything that was written so far."""
        texts, self.wire.texts = self.wire.texts, []
        for text in texts:
            self.replica.hear(msgspec.json.decode(text))
        return self.replica

    def types(self) -> list[str]:
        return [msgspec.json.decode(text)["type"] for text in self.wire.texts]


class Stage:
    def __init__(self):
        self.hub = hub.get_hub()

    async def listen(self, user, sign_in_id: str = "") -> Listener:
        wire = NotingWire()
        listener: Listener

        async def send(event):
            listener.closed_with = event.get("code")

        identity = Identity(user.pk, sign_in_id or f"sign-in-{next(_numbers)}")
        connection = Connection(self.hub, wire, send, identity, f"connection-{next(_numbers)}", "127.0.0.1")
        replica = await self.do(loaded, user.pk)
        listener = Listener(connection, wire, replica)
        await self.hub.register(connection)
        from accounts.selectors import privacy
        from chat import selectors

        versions, me_version = await self.do(selectors.list_versions, user.pk)
        connection.visibility = (await self.do(privacy.visibility_for, [user.pk])).get(user.pk)
        await self.hub.subscribe_to_conversations(connection, versions, me_version)
        connection.send_welcome('{"type":"welcome","payload":{}}')
        await self.settle()
        return listener

    async def do(self, verb, *args, **kwargs):
        """A verb, as a door calls it; then time for its news to arrive."""
        result = await database.run_in_thread(verb, *args, **kwargs)
        await self.settle()
        return result

    async def settle(self):
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def stage(transactional_db, settings):
    """A hub of its own for each test. Nothing sweeps unless a test wants it."""
    settings.SWEEP_SECONDS = 3600
    import messenger.consumers  # noqa: F401  (composes)

    hub._hub, kept = None, hub._background
    hub._background = ()
    yield Stage()
    hub._background = kept
    ours = hub._hub
    for task in list(ours._tasks):
        task.cancel()
    hub._hub = None
    events.set_publisher(None)
