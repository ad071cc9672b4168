"""A hub with connections in this process: real actions and events, and transports that record what is written."""

from __future__ import annotations

import asyncio
import itertools

import msgspec
import pytest

from messenger.core import database
from messenger.live import events, hub
from messenger.live.connection import Connection
from messenger.live.handshake import Identity
from tests.live.client_state import Replica, load_replica

_numbers = itertools.count(1)


class RecordingTransport:
    """Transport that records all frames. `pending_bytes` is the buffer size that it reports."""

    def __init__(self):
        self.texts: list[str] = []
        self.writes = 0
        self.pending_bytes = 0
        self.aborted = False

    def write(self, frames):
        self.writes += 1
        self.texts += [frame.text for frame in frames]

    def buffered_bytes(self):
        return self.pending_bytes

    def close(self, code):
        return False

    def abort(self):
        self.aborted = True


class Listener:
    """An open connection, and the client state that results from its events."""

    def __init__(self, connection: Connection, transport: RecordingTransport, replica: Replica):
        self.connection, self.transport, self.replica = connection, transport, replica
        self.closed_with: int | None = None

    def apply_received(self) -> Replica:
        """Applies all frames received so far to the replica and returns it."""
        texts, self.transport.texts = self.transport.texts, []
        for text in texts:
            self.replica.apply_event(msgspec.json.decode(text))
        return self.replica

    def types(self) -> list[str]:
        return [msgspec.json.decode(text)["type"] for text in self.transport.texts]


class Environment:
    """The hub of this process, its connections, and actions on it."""

    def __init__(self):
        self.hub = hub.get_hub()

    async def connect(self, user, sign_in_id: str = "") -> Listener:
        transport = RecordingTransport()
        listener: Listener

        async def send(event):
            listener.closed_with = event.get("code")

        identity = Identity(user.pk, sign_in_id or f"sign-in-{next(_numbers)}")
        connection = Connection(self.hub, transport, send, identity, f"connection-{next(_numbers)}", "127.0.0.1")
        replica = await self.run(load_replica, user.pk)
        listener = Listener(connection, transport, replica)
        await self.hub.register(connection)
        from accounts.selectors import privacy
        from chat import selectors

        versions, me_version = await self.run(selectors.list_versions, user.pk)
        connection.visibility = (await self.run(privacy.visibility_for, [user.pk])).get(user.pk)
        await self.hub.subscribe_to_conversations(connection, versions, me_version)
        connection.send_welcome('{"type":"welcome","payload":{}}')
        await self.settle()
        return listener

    async def run(self, action, *args, **kwargs):
        """Runs an action as an entry point does, then waits until its events are delivered."""
        result = await database.run_in_thread(action, *args, **kwargs)
        await self.settle()
        return result

    async def settle(self):
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def environment(transactional_db, settings):
    """A new hub for each test, without the reconciliation loop."""
    settings.SWEEP_SECONDS = 3600
    import messenger.consumers  # noqa: F401  (registers the background loops)

    hub._hub, kept = None, hub._background
    hub._background = ()
    yield Environment()
    hub._background = kept
    ours = hub._hub
    for task in list(ours._tasks):
        task.cancel()
    hub._hub = None
    events.set_publisher(None)
