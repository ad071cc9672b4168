"""Fixtures of tests of chat.actions: users of all roles, their open connections, and ways to call an action.

The ways to call an action (entry points) are the API, the pages and the WebSocket.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chat import actions, selectors
from chat.models import Message
from messenger.core import database
from presence import tracker
from tests.actions.entry_points import ENTRY_POINTS
from tests.live import conftest as live
from tests.live.client_state import load_state

environment = live.environment  # imported so that pytest finds this fixture


class Workspace:
    """A group of alice (owner), adam (admin), bob and carol, and a direct conversation of alice and bob.

    mallory is a user who is a member of neither conversation.
    """

    def __init__(self, environment: live.Environment, people: dict[str, Any]):
        self.environment, self.people = environment, people
        self.alice, self.adam, self.bob, self.carol, self.mallory = people.values()
        self.group = self.direct_conversation = 0
        self.listeners: dict[str, live.Listener] = {}

    async def build(self) -> None:
        members = [self.adam.pk, self.bob.pk, self.carol.pk]
        self.group = (await database.run_in_thread(actions.create_group, self.alice.pk, "Room", members)).id
        await database.run_in_thread(actions.set_role, self.alice.pk, self.group, self.adam.pk, "admin")
        self.direct_conversation = (
            await database.run_in_thread(actions.open_direct_conversation, self.alice.pk, self.bob.pk)
        )[0].id
        await database.run_in_thread(actions.open_direct_conversation, self.bob.pk, self.alice.pk)

    async def send_message(self, user, body: str = "hello", conversation: int = 0, **options: Any):
        conversation_id = conversation or self.group
        return (
            await database.run_in_thread(actions.send_message, user.pk, conversation_id, uuid.uuid4(), body, **options)
        )[0]

    async def connect_listeners(self) -> None:
        """Connects each user to the events of the server, as an open WebSocket does.

        From then on, the events that each user receives are recorded in `listeners`.
        """
        for name, user in self.people.items():
            self.listeners[name] = await self.environment.connect(user)
            self.listeners[name].transport.texts.clear()

    async def assert_listeners_match_state(self) -> None:
        """Asserts that the events that each user has received were correct and complete.

        The events are applied to the user's data as they were when the user connected. The result must equal the data
        that are loaded from the database now.
        """
        await self.environment.settle()
        for name, listener in self.listeners.items():
            client_state = listener.apply_received()
            assert not client_state.conversations_behind and not client_state.is_user_behind, f"{name} has a gap"
            client_state.assert_matches(await database.run_in_thread(load_state, self.people[name].pk))

    def all_received(self) -> list[str]:
        """Returns all frames (messages of the WebSocket protocol, as text) that any of the users has received."""
        return [text for listener in self.listeners.values() for text in listener.transport.texts]

    def received_types(self, name: str) -> list[str]:
        return self.listeners[name].types()

    async def get_message(self, message) -> Any:
        return await database.run_in_thread(selectors.get_message, self.alice.pk, message.id)

    async def get_member_state(self, user, conversation: int = 0) -> Any:
        return (await database.run_in_thread(selectors.get_conversation, user.pk, conversation or self.group)).mine

    async def get_conversation(self, conversation: int = 0) -> Any:
        return await database.run_in_thread(selectors.get_conversation, self.alice.pk, conversation or self.group)

    async def get_roles(self) -> dict[str, str]:
        rows = await database.run_in_thread(selectors.list_members, self.alice.pk, self.group)
        return {row.user.username: row.role for row in rows}

    async def last_message(self, **filters: Any) -> Message:
        return await database.run_in_thread(
            lambda: Message.objects.filter(kind="text", **filters).order_by("pk").last()
        )


@pytest.fixture
async def workspace(environment, make_user, alice, bob, carol, mallory):
    workspace = Workspace(
        environment,
        {
            "alice": alice,
            "adam": await database.run_in_thread(make_user, "adam"),
            "bob": bob,
            "carol": carol,
            "mallory": mallory,
        },
    )
    await workspace.build()
    return workspace


@pytest.fixture
async def make_entry_point(environment):
    """Returns a function that creates an entry point: an object that calls actions by API, pages or WebSocket.

    Its argument is a name in ENTRY_POINTS (tests/actions/entry_points.py). All entry points are closed after the test.
    """
    made = []

    def make(name: str):
        made.append(ENTRY_POINTS[name]())
        return made[-1]

    tracker.set_tracker(tracker.PresenceTracker())
    yield make
    for entry_point in made:
        await entry_point.close()
    tracker.set_tracker(None)


@pytest.fixture
async def entry_point(request, make_entry_point):
    return make_entry_point(request.param)
