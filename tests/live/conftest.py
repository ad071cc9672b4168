"""Fixtures for tests of the hub: the object that delivers events to the open WebSocket connections of a process.

With `environment`, the hub, actions (functions that change data) and events are real and run in the test process.
Sockets are replaced by `RecordingTransport`. With `workspace`, a server runs, with real sockets.
"""

from __future__ import annotations

import asyncio
import itertools

import httpx
import msgspec
import pytest

from messenger.core import database
from messenger.live import events, hub
from messenger.live.connection import Connection
from messenger.live.handshake import Identity
from tests.client import Client
from tests.live.client_state import ClientState, load_client_state
from tests.servers import Site

_numbers = itertools.count(1)


class RecordingTransport:
    """Replaces the network side of a WebSocket connection and records the frames that are written to it.

    Tests set `pending_bytes`, the number of bytes that wait to be sent, to simulate a client that reads slowly.
    """

    def __init__(self):
        self.texts: list[str] = []
        self.writes = 0
        self.pending_bytes = 0
        self.aborted = False

    def write(self, frames, joined):
        self.writes += 1
        self.texts += [frame.text for frame in frames]

    def buffered_bytes(self):
        return self.pending_bytes

    def close(self, code, reason):
        return False

    def abort(self):
        self.aborted = True


class Listener:
    """A connection to the hub (the object that delivers events to open connections) with a simulated client.

    The received events are applied to the state of this client.
    """

    def __init__(self, connection: Connection, transport: RecordingTransport, client_state: ClientState):
        self.connection, self.transport, self.client_state = connection, transport, client_state
        self.closed_with: int | None = None

    def apply_received(self) -> ClientState:
        """Applies the frames received since the last call to the state of the simulated client.

        Returns this state.
        """
        texts, self.transport.texts = self.transport.texts, []
        for text in texts:
            self.client_state.apply_event(msgspec.json.decode(text))
        return self.client_state

    def types(self) -> list[str]:
        return [msgspec.json.decode(text)["type"] for text in self.transport.texts]


class Environment:
    """Opens connections to the hub (`connect`), and runs functions that change data and publish events (`run`).

    The hub, the object that delivers events in a process, sends these events to the connections.
    """

    def __init__(self):
        self.hub = hub.get_hub()

    async def connect(self, user, sign_in_id: str = "") -> Listener:
        transport = RecordingTransport()
        listener: Listener

        async def send(event):
            listener.closed_with = event.get("code")

        identity = Identity(user.pk, sign_in_id or f"sign-in-{next(_numbers)}")
        connection = Connection(self.hub, transport, send, identity, f"connection-{next(_numbers)}", "127.0.0.1")
        client_state = await self.run(load_client_state, user.pk)
        listener = Listener(connection, transport, client_state)
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
        """Runs an action (a function that changes data) in a thread and waits for the delivery of its events.

        Returns the result of the action.
        """
        result = await database.run_in_thread(action, *args, **kwargs)
        await self.settle()
        return result

    async def settle(self):
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def environment(transactional_db, settings):
    """Provides an `Environment` with a new hub (the object that delivers events to open connections) for each test.

    The hub's background loop, which searches the database for lost events, does not run.
    """
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


class Workspace:
    """A running site with the users alice, bob and mallory, and an API token for each.

    alice and bob have a direct conversation and a group that is new for each test. mallory has no conversations.
    """

    def __init__(self, site: Site, tokens: dict[str, str]):
        self.site, self.tokens = site, tokens
        self.url, self.ws_url = site.url, site.ws_url
        self.group = self.direct_conversation = 0

    def http(self, name: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30)

    def client(self, name: str) -> Client:
        return Client(self.ws_url, self.tokens[name])


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def running_site(request, tmp_path_factory, django_db_blocker):
    site = Site(tmp_path_factory.mktemp("site"), None, "", False, django_db_blocker.unblock, {"LIMITS": "off"})
    site.start(request.param)
    site.create_users("alice", "bob", "mallory")
    yield site
    site.end()


@pytest.fixture
async def workspace(running_site):
    workspace = Workspace(running_site, {name: running_site.create_token(name) for name in ("alice", "bob", "mallory")})
    async with workspace.http("alice") as http:
        bob = (await http.get("/api/v1/users/", params={"q": "bob"})).json()["results"][0]["id"]
        group = {"kind": "group", "title": "Room", "user_ids": [bob]}
        workspace.group = (await http.post("/api/v1/conversations/", json=group)).json()["id"]
        workspace.direct_conversation = (
            await http.post("/api/v1/conversations/", json={"kind": "direct", "user_id": bob})
        ).json()["id"]
    return workspace
