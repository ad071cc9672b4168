"""A town with every kind of person in it, listeners who notice all that is told, and a door to it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chat import actions, selectors
from chat.models import Message
from messenger.core import database
from presence import tracker
from tests.actions.entry_points import DOORS
from tests.live import conftest as live
from tests.live.client_state import fresh

stage = live.stage  # the fixture


class Town:
    """A room: alice owns it, adam is an admin, bob and carol are members. alice and bob have a pair. mallory is out."""

    def __init__(self, stage: live.Stage, people: dict[str, Any]):
        self.stage, self.people = stage, people
        self.alice, self.adam, self.bob, self.carol, self.mallory = people.values()
        self.room = self.pair = 0
        self.listeners: dict[str, live.Listener] = {}

    async def build(self) -> None:
        members = [self.adam.pk, self.bob.pk, self.carol.pk]
        self.room = (await database.run_in_thread(actions.create_group, self.alice.pk, "Room", members)).id
        await database.run_in_thread(actions.set_role, self.alice.pk, self.room, self.adam.pk, "admin")
        self.pair = (await database.run_in_thread(actions.open_direct_conversation, self.alice.pk, self.bob.pk))[0].id

    async def say(self, who, body: str = "hello", conversation: int = 0, **options: Any):
        place = conversation or self.room
        return (await database.run_in_thread(actions.send_message, who.pk, place, uuid.uuid4(), body, **options))[0]

    async def listen(self) -> None:
        """From here on, what everybody is told is noted."""
        for name, user in self.people.items():
            self.listeners[name] = await self.stage.listen(user)
            self.listeners[name].wire.texts.clear()

    async def all_agree(self) -> None:
        """State when they began to listen + what they were told since = state fetched afresh."""
        await self.stage.settle()
        for name, listener in self.listeners.items():
            replica = listener.catch()
            assert not replica.behind and not replica.me_behind, f"{name} has a hole"
            replica.agrees_with(await database.run_in_thread(fresh, self.people[name].pk))

    def told_at_all(self) -> list[str]:
        """To anybody."""
        return [text for listener in self.listeners.values() for text in listener.wire.texts]

    def told(self, name: str) -> list[str]:
        return self.listeners[name].types()

    async def message(self, message) -> Any:
        return await database.run_in_thread(selectors.get_message, self.alice.pk, message.id)

    async def mine(self, who, conversation: int = 0) -> Any:
        return (await database.run_in_thread(selectors.get_conversation, who.pk, conversation or self.room)).mine

    async def conversation(self, conversation: int = 0) -> Any:
        return await database.run_in_thread(selectors.get_conversation, self.alice.pk, conversation or self.room)

    async def roles(self) -> dict[str, str]:
        rows = await database.run_in_thread(selectors.list_members, self.alice.pk, self.room)
        return {row.user.username: row.role for row in rows}

    async def last(self, **which: Any) -> Message:
        return await database.run_in_thread(lambda: Message.objects.filter(kind="text", **which).order_by("pk").last())


@pytest.fixture
async def town(stage, person, alice, bob, carol, mallory):
    town = Town(
        stage,
        {
            "alice": alice,
            "adam": await database.run_in_thread(person, "adam"),
            "bob": bob,
            "carol": carol,
            "mallory": mallory,
        },
    )
    await town.build()
    return town


@pytest.fixture
async def make_door(stage):
    """Doors by name, see tests/actions/entry_points.py. They close before the stage does."""
    made = []

    def make(name: str):
        made.append(DOORS[name]())
        return made[-1]

    tracker.set_tracker(tracker.PresenceTracker())
    yield make
    for door in made:
        await door.close()
    tracker.set_tracker(None)


@pytest.fixture
async def door(request, make_door):
    return make_door(request.param)
