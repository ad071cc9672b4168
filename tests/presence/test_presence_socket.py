"""Presence as sockets hear it: the real consumer, hub and part, with nothing of chat."""

from __future__ import annotations

import asyncio
import json

import pytest
from channels.testing import WebsocketCommunicator

from messenger.live import events
from messenger.live import hub as hub_module
from messenger.live.consumer import LiveConsumer
from messenger.live.identity import Identity
from messenger.live.reconcile import Source
from presence import hooks
from presence.consumers import PresencePart
from presence.schemas import moment
from tests.presence.conftest import TIMES

ROOM, OTHER = 12, 13


class Socket:
    """A client. What it has heard is kept in `heard`, so that a test may also ask what was not said."""

    def __init__(self, app, user_id: int):
        headers = [(b"authorization", f"Bearer {user_id}".encode())]
        self._line = WebsocketCommunicator(app, "/ws/v1/", headers)
        self.heard: list[dict] = []

    async def open(self) -> Socket:
        accepted, _ = await self._line.connect()
        assert accepted
        return self

    async def say(self, type: str, ref: str | None = None, **payload) -> None:
        await self._line.send_to(text_data=json.dumps({"type": type, "payload": payload, "ref": ref}))

    async def hear(self, type: str, within: float = 3.0, **expected) -> dict:
        """The next frame of this type with these values, heard before or to come."""

        def found() -> dict | None:
            for frame in self.heard:
                if frame["type"] == type and expected.items() <= frame["payload"].items():
                    self.heard.remove(frame)
                    return frame["payload"]
            return None

        until = asyncio.get_running_loop().time() + within
        while (frame := found()) is None:
            left = until - asyncio.get_running_loop().time()
            closed = any(frame["type"] == "websocket.close" for frame in self.heard)
            assert left > 0 and not closed, f"no {type} {expected} in {self.heard}"
            await self.listen(min(left, 0.05))
        return frame

    async def listen(self, seconds: float) -> list[dict]:
        until = asyncio.get_running_loop().time() + seconds
        while (left := until - asyncio.get_running_loop().time()) > 0:
            if not await self._line.receive_nothing(min(left, 0.02), 0.005):
                event = await self._line.receive_output()
                self.heard.append(json.loads(event["text"]) if "text" in event else event)
        return self.heard

    async def silent(self, seconds: float, *types: str) -> None:
        await self.listen(seconds)
        assert not [frame for frame in self.heard if frame["type"] in types]

    async def close(self) -> None:
        await self._line.disconnect()


@pytest.fixture
async def site(here, transactional_db, monkeypatch):
    """`await site(user_id)` opens a socket. Everybody is a member of ROOM; only user 1 (alice) of OTHER."""
    members = {}
    monkeypatch.setattr(hooks, "conversations_of", lambda user_id: members[user_id])
    monkeypatch.setattr(hooks, "read_marks", lambda conversation_id, user_ids: {user_id: 88 for user_id in user_ids})
    monkeypatch.setattr(hub_module, "_hub", None)
    nothing = Source(lambda ids: {}, lambda ids: {}, lambda *_: [], lambda *_: [], lambda _: {})
    monkeypatch.setattr(hub_module, "_source", nothing)
    part = PresencePart()
    monkeypatch.setattr(hub_module, "_background", (part.run,))
    outlet = events._publisher

    class App(LiveConsumer):
        parts = (part,)

        @staticmethod
        def authenticate(headers, subprotocols, cookies) -> Identity:
            user_id = int(headers[b"authorization"].split()[1])
            return Identity(user_id, f"sign-in {user_id}", by_bearer=True)

        @staticmethod
        def versions(user_id: int) -> tuple[dict[int, int], int]:
            return {conversation_id: 1 for conversation_id in members[user_id]}, 1

    opened: list[Socket] = []

    async def open(person, *conversations: int) -> Socket:
        members.setdefault(person.pk, list(conversations or (ROOM,)))
        opened.append(await Socket(App(), person.pk).open())
        await opened[-1].hear("welcome")
        await opened[-1].hear("online")
        return opened[-1]

    yield open
    for socket in opened:
        await socket.close()
    for task in hub_module.get_hub()._tasks:
        task.cancel()
    events.set_publisher(outlet)


async def test_a_fresh_socket_hears_how_many_are_here(site, alice, bob):
    hers = await site(alice)
    await hers.hear("online", count=1)
    await site(bob)
    await hers.hear("online", count=2)


async def test_people_who_share_a_conversation_hear_who_comes_and_goes(site, alice, bob, mallory):
    hers, strangers = await site(alice), await site(mallory, 99)
    his = await site(bob)
    assert (await hers.hear("presence", user_id=bob.pk)) == {"user_id": bob.pk, "online": True, "last_seen": None}
    second = await site(bob)
    await his.close()
    await hers.silent(TIMES.grace * 2, "presence")
    await second.close()
    gone = await hers.hear("presence", user_id=bob.pk)
    assert gone["online"] is False
    assert gone["last_seen"].endswith("Z")
    await strangers.silent(0.1, "presence")


async def test_last_seen_is_stored_when_somebody_goes(site, alice, bob):
    hers, his = await site(alice), await site(bob)
    await hers.hear("presence", online=True)
    await his.close()
    told = await hers.hear("presence", online=False)
    await asyncio.sleep(0.1)
    stored = await asyncio.to_thread(_last_seen, bob)
    assert told["last_seen"] == moment(stored)


async def test_who_hides_is_not_told_of(site, alice, person):
    hidden = await asyncio.to_thread(person, "hidden", show_presence="nobody")
    hers = await site(alice)
    theirs = await site(hidden)
    await hers.hear("online", count=2)
    await theirs.close()
    await hers.hear("online", count=1)
    await hers.silent(0.3, "presence")
    assert await asyncio.to_thread(_last_seen, hidden) is None


async def test_typing_is_heard_by_the_others_and_ends_by_itself(site, alice, bob, monkeypatch):
    monkeypatch.setattr("presence.typing_state.ENDS_AFTER", 0.5)
    hers, second, his = await site(alice), await site(alice), await site(bob)
    await hers.say("typing", conversation_id=ROOM, active=True)
    assert await his.hear("typing") == {"conversation_id": ROOM, "user_id": alice.pk, "active": True}
    assert await his.hear("typing") == {"conversation_id": ROOM, "user_id": alice.pk, "active": False}
    await hers.silent(0.1, "typing", "error")
    await second.silent(0.1, "typing")


async def test_typing_ends_with_the_socket(site, alice, bob):
    hers, his = await site(alice), await site(bob)
    await hers.say("typing", conversation_id=ROOM, active=True)
    await his.hear("typing", active=True)
    await hers.close()
    await his.hear("typing", active=False, within=0.5)


async def test_strangers_neither_type_nor_look(site, alice, bob):
    hers, his = await site(alice, ROOM, OTHER), await site(bob)
    for conversation_id in (OTHER, 4711):
        for command, payload in (("typing", {"active": True}), ("view", {})):
            await his.say(command, ref="r", conversation_id=conversation_id, **payload)
            assert (await his.hear("error"))["code"] == "not_found"
    await hers.silent(0.4, "typing", "viewers")


@pytest.mark.parametrize("wrong", [0, -1, 2**63, "12", 1.5, True, [12]])
async def test_ids_that_are_none_are_refused(site, alice, wrong):
    hers = await site(alice)
    for command, payload in (("typing", {"active": True}), ("view", {})):
        await hers.say(command, ref="r", conversation_id=wrong, **payload)
        assert (await hers.hear("error"))["code"] == "invalid"


async def test_who_looks_hears_who_else_looks_and_how_far_they_read(site, alice, bob, carol):
    hers, his, carols = await site(alice), await site(bob), await site(carol)
    await hers.say("view", conversation_id=ROOM)
    both = [{"user_id": alice.pk, "seq": 88}, {"user_id": bob.pk, "seq": 88}]
    assert await hers.hear("viewers") == {"conversation_id": ROOM, "count": 1, "readers": both[:1]}
    await his.say("view", conversation_id=ROOM)
    for socket in (hers, his):
        assert await socket.hear("viewers") == {"conversation_id": ROOM, "count": 2, "readers": both}
    await his.say("view", conversation_id=None)
    await hers.hear("viewers", count=1)
    await his.say("view", conversation_id=ROOM)
    await hers.hear("viewers", count=2)
    await his.close()
    await hers.hear("viewers", count=1)
    await carols.silent(0.1, "viewers")


async def test_who_hides_is_neither_counted_nor_named(site, alice, person):
    hidden = await asyncio.to_thread(person, "hidden", show_presence="nobody")
    hers, theirs = await site(alice), await site(hidden)
    await theirs.say("view", conversation_id=ROOM)
    await hers.say("view", conversation_id=ROOM)
    await hers.hear("viewers", count=1, readers=[{"user_id": alice.pk, "seq": 88}])


async def test_many_changes_are_told_together(site, alice, bob):
    hers, his = await site(alice), await site(bob)
    await hers.say("view", conversation_id=ROOM)
    await hers.hear("viewers")
    for _ in range(10):
        await his.say("view", conversation_id=ROOM)
        await his.say("view", conversation_id=None)
    await hers.listen(0.8)
    assert len([frame for frame in hers.heard if frame["type"] == "viewers"]) <= 3


async def test_who_is_removed_looks_at_nothing(site, here, alice, bob):
    hers, his = await site(alice), await site(bob)
    await his.say("view", conversation_id=ROOM)
    await hers.say("view", conversation_id=ROOM)
    for socket in (hers, his):
        await socket.hear("viewers", count=2)
    hub = hub_module.get_hub()
    (connection,) = hub.people[bob.pk].connections
    hub._leave(connection, ROOM, 2)
    await hers.hear("viewers", count=1)
    await his.silent(0.5, "viewers")
    assert await here.viewers(ROOM) == {alice.pk}


async def test_a_sign_of_life_without_a_socket_is_told(site, here, alice, bob):
    hers, his = await site(alice), await site(bob)
    await his.close()
    await hers.hear("presence", user_id=bob.pk, online=False)
    here.notice(bob.pk)
    await hers.hear("presence", user_id=bob.pk, online=True)
    await hers.hear("presence", user_id=bob.pk, online=False)


async def test_the_eleventh_socket_of_a_person_is_closed(site, settings, alice):
    settings.LIMITS = True
    for _ in range(10):
        await site(alice)
    with pytest.raises(AssertionError, match="4429"):
        await site(alice)


def _last_seen(person):
    person.refresh_from_db()
    return person.last_seen_at
