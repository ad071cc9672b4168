"""Tests of presence on the WebSocket: who is online, types or views a conversation.

The tests use the real `PresenceConsumer` and the real hub (which passes events to WebSockets), but fakes instead of the
functions of the app `chat`.
"""

from __future__ import annotations

import asyncio
import json

import pytest
from channels.testing import WebsocketCommunicator

from messenger.core.errors import unavailable
from messenger.core.timestamps import format_timestamp
from messenger.live import events
from messenger.live import hub as hub_module
from messenger.live.handshake import AuthMiddleware, Identity
from messenger.live.reconcile import ReconciliationSource
from presence import hooks
from presence.consumers import PresenceBroadcaster, PresenceConsumer
from tests.presence.conftest import TIMEOUTS

CONVERSATION, OTHER_CONVERSATION = 12, 13


class Socket:
    """A WebSocket client. `frames` are the received frames (WebSocket messages) that `receive` has not returned yet."""

    def __init__(self, app, user_id: int):
        headers = [(b"authorization", f"Bearer {user_id}".encode())]
        self._communicator = WebsocketCommunicator(app, "/ws/v1/", headers)
        self.frames: list[dict] = []

    async def open(self) -> Socket:
        accepted, _ = await self._communicator.connect()
        assert accepted
        return self

    async def send(self, type: str, ref: str | None = None, **payload) -> None:
        await self._communicator.send_to(text_data=json.dumps({"type": type, "payload": payload, "ref": ref}))

    async def receive(self, type: str, within: float = 3.0, **expected) -> dict:
        """Returns the payload of the first frame (WebSocket message) that has this type and contains these values.

        Removes the frame from `frames`. If there is no such frame yet, waits for one; the test fails after `within`
        seconds.
        """

        def take_matching_frame() -> dict | None:
            for frame in self.frames:
                if frame["type"] == type and expected.items() <= frame["payload"].items():
                    self.frames.remove(frame)
                    return frame["payload"]
            return None

        until = asyncio.get_running_loop().time() + within
        while (payload := take_matching_frame()) is None:
            seconds_left = until - asyncio.get_running_loop().time()
            is_closed = any(frame["type"] == "websocket.close" for frame in self.frames)
            assert seconds_left > 0 and not is_closed, f"no {type} {expected} in {self.frames}"
            await self.collect(min(seconds_left, 0.05))
        return payload

    async def collect(self, seconds: float) -> list[dict]:
        """Waits for `seconds` seconds and adds the frames (WebSocket messages) received in this time to `frames`.

        Returns all of `frames`.
        """
        until = asyncio.get_running_loop().time() + seconds
        while (seconds_left := until - asyncio.get_running_loop().time()) > 0:
            if not await self._communicator.receive_nothing(min(seconds_left, 0.02), 0.005):
                event = await self._communicator.receive_output()
                self.frames.append(json.loads(event["text"]) if "text" in event else event)
        return self.frames

    async def assert_none(self, seconds: float, *types: str) -> None:
        await self.collect(seconds)
        assert not [frame for frame in self.frames if frame["type"] in types]

    async def close(self) -> None:
        await self._communicator.disconnect()


@pytest.fixture
async def open_socket(presence_tracker, transactional_db, monkeypatch):
    """Returns an async function: `open_socket(user, *conversation_ids)` opens a WebSocket of this user.

    The user is a member of these conversations; without ids, of the conversation CONVERSATION.
    """
    conversation_ids = {}  # user id: ids of the conversations of this user
    monkeypatch.setattr(
        hooks,
        "conversation_ids_hook",
        lambda user_ids: {user_id: tuple(conversation_ids[user_id]) for user_id in user_ids},
    )
    monkeypatch.setattr(
        hooks, "read_markers_hook", lambda conversation_id, user_ids: {user_id: 88 for user_id in user_ids}
    )
    monkeypatch.setattr(hub_module, "_hub", None)
    empty_source = ReconciliationSource(lambda ids: {}, lambda ids: {}, lambda *_: [], lambda *_: [], lambda _: {})
    monkeypatch.setattr(hub_module, "_source", empty_source)

    class App(PresenceConsumer):
        broadcaster = PresenceBroadcaster()

        @staticmethod
        def list_versions(user_id: int) -> tuple[dict[int, int], int]:
            return {conversation_id: 1 for conversation_id in conversation_ids[user_id]}, 1

        @staticmethod
        def get_epoch() -> str:
            return "an epoch"

    def authenticate(headers, subprotocols, cookies) -> Identity:
        user_id = int(headers[b"authorization"].split()[1])
        return Identity(user_id, f"sign-in {user_id}", by_bearer=True)

    monkeypatch.setattr(hub_module, "_background", tuple(App.background_tasks()))
    publisher = events._publisher

    sockets: list[Socket] = []

    async def open_for(user, *conversations: int) -> Socket:
        conversation_ids.setdefault(user.pk, list(conversations or (CONVERSATION,)))
        sockets.append(await Socket(AuthMiddleware(App.as_asgi(), authenticate), user.pk).open())
        await sockets[-1].receive("welcome")
        await sockets[-1].receive("online")
        return sockets[-1]

    yield open_for
    for socket in sockets:
        await socket.close()
    for task in hub_module.get_hub()._tasks:
        task.cancel()
    events.set_publisher(publisher)


async def test_a_new_socket_receives_the_head_count(open_socket, alice, bob):
    hers = await open_socket(alice)
    await hers.receive("online", count=1)
    await open_socket(bob)
    await hers.receive("online", count=2)


async def test_users_with_a_common_conversation_receive_presence(open_socket, alice, bob, mallory):
    hers, outsiders = await open_socket(alice), await open_socket(mallory, 99)
    his = await open_socket(bob)
    assert (await hers.receive("presence", user_id=bob.pk)) == {"user_id": bob.pk, "online": True, "last_seen": None}
    second = await open_socket(bob)
    await his.close()
    await hers.assert_none(TIMEOUTS.grace * 2, "presence")
    await second.close()
    offline = await hers.receive("presence", user_id=bob.pk)
    assert offline["online"] is False
    assert offline["last_seen"].endswith("Z")
    await outsiders.assert_none(0.1, "presence")


async def test_last_seen_is_stored_when_a_user_goes_offline(open_socket, alice, bob):
    hers, his = await open_socket(alice), await open_socket(bob)
    await hers.receive("presence", online=True)
    await his.close()
    event = await hers.receive("presence", online=False)
    await asyncio.sleep(0.1)
    stored = await asyncio.to_thread(_last_seen, bob)
    assert event["last_seen"] == format_timestamp(stored)


async def test_presence_is_sent_after_the_database_was_down(open_socket, alice, bob, monkeypatch):
    hers = await open_socket(alice)

    def fail(changes):
        raise unavailable()

    with monkeypatch.context() as patch:
        patch.setattr("presence.visibility.presence_events", fail)
        his = await open_socket(bob)
        await hers.assert_none(0.6, "presence")
    await hers.receive("presence", user_id=bob.pk, online=True)
    with monkeypatch.context() as patch:
        patch.setattr("presence.visibility.presence_events", fail)
        await his.close()
        await hers.assert_none(TIMEOUTS.grace * 2, "presence")
    await hers.receive("presence", user_id=bob.pk, online=False)
    await asyncio.sleep(0.1)
    assert await asyncio.to_thread(_last_seen, bob)


async def test_presence_of_a_user_who_hides_is_not_published(open_socket, alice, make_user):
    hidden = await asyncio.to_thread(make_user, "hidden", show_presence="nobody")
    hers = await open_socket(alice)
    theirs = await open_socket(hidden)
    await hers.receive("online", count=2)
    await theirs.close()
    await hers.receive("online", count=1)
    await hers.assert_none(0.3, "presence")
    assert await asyncio.to_thread(_last_seen, hidden) is None


async def test_other_members_receive_typing_and_it_expires(open_socket, alice, bob, monkeypatch):
    monkeypatch.setattr("presence.typing_state.EXPIRES_AFTER", 0.5)
    hers, second, his = await open_socket(alice), await open_socket(alice), await open_socket(bob)
    await hers.send("typing", conversation_id=CONVERSATION, active=True)
    assert await his.receive("typing") == {"conversation_id": CONVERSATION, "user_id": alice.pk, "active": True}
    assert await his.receive("typing") == {"conversation_id": CONVERSATION, "user_id": alice.pk, "active": False}
    await hers.assert_none(0.1, "typing", "error")
    await second.assert_none(0.1, "typing")


async def test_before_the_first_message_of_a_direct_conversation_nobody_sees_the_other_type_or_view(
    open_socket, alice, bob, monkeypatch
):
    new_pair_ids = {CONVERSATION}
    monkeypatch.setattr(hooks, "new_pair_ids_hook", lambda _user_id: set(new_pair_ids))
    alice_socket, bob_socket = await open_socket(alice), await open_socket(bob)
    for socket in (alice_socket, bob_socket):
        await socket.send("view", conversation_id=CONVERSATION)
        await socket.send("typing", conversation_id=CONVERSATION, active=True)
    for user, socket in ((alice, alice_socket), (bob, bob_socket)):
        await socket.collect(0.8)
        viewers = [frame["payload"] for frame in socket.frames if frame["type"] == "viewers"]
        assert viewers and all(each["count"] == 1 for each in viewers)
        assert all(each["readers"] == [{"user_id": user.pk, "seq": 88}] for each in viewers)
        await socket.assert_none(0.1, "typing", "error")
    new_pair_ids.clear()  # the first message was sent
    await bob_socket.send("typing", conversation_id=CONVERSATION, active=True)
    await alice_socket.receive("typing", user_id=bob.pk, active=True)


async def test_typing_ends_when_the_socket_closes(open_socket, alice, bob):
    hers, his = await open_socket(alice), await open_socket(bob)
    await hers.send("typing", conversation_id=CONVERSATION, active=True)
    await his.receive("typing", active=True)
    await hers.close()
    await his.receive("typing", active=False, within=4)  # earlier than it would end by itself


async def test_non_members_can_neither_type_nor_view(open_socket, alice, bob):
    hers, his = await open_socket(alice, CONVERSATION, OTHER_CONVERSATION), await open_socket(bob)
    for conversation_id in (OTHER_CONVERSATION, 4711):
        for command, payload in (("typing", {"active": True}), ("view", {})):
            await his.send(command, ref="r", conversation_id=conversation_id, **payload)
            assert (await his.receive("error"))["code"] == "not_found"
    await hers.assert_none(0.4, "typing", "viewers")


@pytest.mark.parametrize("conversation_id", [0, -1, 2**63, "12", 1.5, True, [12]])
async def test_invalid_ids_are_an_error(open_socket, alice, conversation_id):
    hers = await open_socket(alice)
    for command, payload in (("typing", {"active": True}), ("view", {})):
        await hers.send(command, ref="r", conversation_id=conversation_id, **payload)
        assert (await hers.receive("error"))["code"] == "invalid"


async def test_viewers_receive_the_other_viewers_and_their_read_markers(open_socket, alice, bob, carol):
    hers, his, carols = await open_socket(alice), await open_socket(bob), await open_socket(carol)
    await hers.send("view", conversation_id=CONVERSATION)
    both = [{"user_id": alice.pk, "seq": 88}, {"user_id": bob.pk, "seq": 88}]
    assert await hers.receive("viewers") == {"conversation_id": CONVERSATION, "count": 1, "readers": both[:1]}
    await his.send("view", conversation_id=CONVERSATION)
    for socket in (hers, his):
        assert await socket.receive("viewers") == {"conversation_id": CONVERSATION, "count": 2, "readers": both}
    await his.send("view", conversation_id=None)
    await hers.receive("viewers", count=1)
    await his.send("view", conversation_id=CONVERSATION)
    await hers.receive("viewers", count=2)
    await his.close()
    await hers.receive("viewers", count=1)
    await carols.assert_none(0.1, "viewers")


async def test_a_viewer_who_hides_is_neither_counted_nor_listed(open_socket, alice, make_user):
    hidden = await asyncio.to_thread(make_user, "hidden", show_presence="nobody")
    hers, theirs = await open_socket(alice), await open_socket(hidden)
    await theirs.send("view", conversation_id=CONVERSATION)
    await hers.send("view", conversation_id=CONVERSATION)
    await hers.receive("viewers", count=1, readers=[{"user_id": alice.pk, "seq": 88}])


async def test_many_view_changes_are_published_together(open_socket, alice, bob):
    hers, his = await open_socket(alice), await open_socket(bob)
    await hers.send("view", conversation_id=CONVERSATION)
    await hers.receive("viewers")
    for _ in range(10):
        await his.send("view", conversation_id=CONVERSATION)
        await his.send("view", conversation_id=None)
    await hers.collect(0.8)
    assert len([frame for frame in hers.frames if frame["type"] == "viewers"]) <= 3


async def test_a_removed_member_views_nothing(open_socket, presence_tracker, alice, bob):
    hers, his = await open_socket(alice), await open_socket(bob)
    await his.send("view", conversation_id=CONVERSATION)
    await hers.send("view", conversation_id=CONVERSATION)
    for socket in (hers, his):
        await socket.receive("viewers", count=2)
    hub = hub_module.get_hub()
    (connection,) = hub.users[bob.pk].connections
    hub._unsubscribe_from_conversation(connection, CONVERSATION, 2)
    await hers.receive("viewers", count=1)
    await his.assert_none(0.5, "viewers")
    assert presence_tracker.get_viewers(CONVERSATION) == {alice.pk}


async def test_activity_without_a_socket_is_published(open_socket, presence_tracker, alice, bob):
    hers, his = await open_socket(alice), await open_socket(bob)
    await his.close()
    await hers.receive("presence", user_id=bob.pk, online=False)
    presence_tracker.record_activity(bob.pk)
    await hers.receive("presence", user_id=bob.pk, online=True)
    await hers.receive("presence", user_id=bob.pk, online=False)


async def test_the_eleventh_socket_of_a_user_is_closed(open_socket, settings, alice):
    settings.LIMITS = True
    for _ in range(10):
        await open_socket(alice)
    with pytest.raises(AssertionError, match="4429"):
        await open_socket(alice)


def _last_seen(user):
    user.refresh_from_db()
    return user.last_seen_at
