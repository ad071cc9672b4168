"""Tests that a user who is blocked, or excluded by privacy settings, receives fewer events over open WebSockets.

The events tell who types, is online, has read messages or views a conversation. Most tests have a third user, carol,
who must still receive the events between alice and bob, because a block concerns only two users.
"""

from __future__ import annotations

import asyncio
import uuid

import msgspec
import pytest
from django.utils import timezone

from accounts import actions as account_actions
from accounts.actions import contacts
from accounts.selectors import privacy
from chat import actions
from messenger.core import database
from presence import tracker, visibility
from presence.viewers import build_viewers_events
from tests.live.conftest import Listener

pytestmark = pytest.mark.usefixtures("presence_tracker")


@pytest.fixture
def presence_tracker():
    tracker.set_tracker(it := tracker.PresenceTracker())
    yield it
    tracker.set_tracker(None)


def payloads_of(listener: Listener, kind: str) -> list[dict]:
    frames = [msgspec.json.decode(text) for text in listener.transport.texts]
    return [frame["payload"] for frame in frames if frame["type"] == kind]


async def settle(environment):
    """Waits until the hub (the object that delivers events to connections) has applied changed blocks and settings.

    The hub reads from the database again which users may see each other, and sends the events that result from a
    change.
    """
    for _ in range(20):
        await asyncio.sleep(0.01)
    await environment.settle()


async def send_typing(environment, user, conversation):
    from presence import schemas

    environment.hub.publish([schemas.typing_event(user.pk, conversation.pk, True)])
    await environment.settle()


@pytest.fixture
async def listeners(environment, group, alice, bob, carol):
    await environment.run(actions.add_members, alice.pk, group.pk, [carol.pk])
    listeners = [await environment.connect(user) for user in (alice, bob, carol)]
    for each in listeners:
        each.transport.texts.clear()
    return listeners


async def test_a_block_stops_typing_events_both_ways_until_it_is_removed(environment, group, listeners, alice, bob):
    hers, his, carols = listeners
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    await settle(environment)
    await send_typing(environment, bob, group)
    await send_typing(environment, alice, group)
    assert payloads_of(hers, "typing") == payloads_of(his, "typing") == []
    assert [each["user_id"] for each in payloads_of(carols, "typing")] == [bob.pk, alice.pk]
    await environment.run(contacts.unblock_user, alice.pk, bob.pk)
    await settle(environment)
    await send_typing(environment, bob, group)
    assert [each["user_id"] for each in payloads_of(hers, "typing")] == [bob.pk]


async def test_a_block_applies_to_sockets_opened_later(environment, group, listeners, alice, bob):
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    late = await environment.connect(bob)
    await send_typing(environment, alice, group)
    assert payloads_of(late, "typing") == []


async def test_typing_makes_no_queries(environment, group, listeners, alice, bob, monkeypatch):
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    await settle(environment)
    monkeypatch.setattr(database, "run_in_thread", lambda *_: pytest.fail("asked"))
    await send_typing(environment, bob, group)
    assert len(payloads_of(listeners[2], "typing")) == 1


async def test_a_block_stops_receipts_both_ways(environment, group, listeners, alice, bob, carol):
    hers, his, carols = listeners
    message, _ = await environment.run(actions.send_message, carol.pk, group.pk, uuid.uuid4(), "hello")
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    await settle(environment)
    for each in listeners:
        each.transport.texts.clear()
    for reader in (alice, bob):
        await environment.run(actions.mark_read, reader.pk, group.pk, message.seq)
    await asyncio.sleep(0.5)
    assert {each["user_id"] for each in payloads_of(carols, "receipt")} == {alice.pk, bob.pk}
    assert bob.pk not in {each["user_id"] for each in payloads_of(hers, "receipt")}
    assert alice.pk not in {each["user_id"] for each in payloads_of(his, "receipt")}


async def test_a_block_removes_presence_and_receipts_and_unblocking_restores_them(
    environment, presence_tracker, group, listeners, alice, bob
):
    hers, his, carols = listeners
    message, _ = await environment.run(actions.send_message, bob.pk, group.pk, uuid.uuid4(), "hello")
    await environment.run(actions.mark_read, alice.pk, group.pk, message.seq)
    for user in (alice, bob):
        presence_tracker.record_heartbeat(f"u:{user.pk}")
    await asyncio.sleep(0.3)
    for action, online, seq in ((contacts.block_user, False, 0), (contacts.unblock_user, True, message.seq)):
        for each in listeners:
            each.transport.texts.clear()
        await environment.run(action, alice.pk, bob.pk)
        await settle(environment)
        for listener, other in ((hers, bob), (his, alice)):
            assert payloads_of(listener, "presence") == [{"user_id": other.pk, "online": online, "last_seen": None}]
            assert {each["read_seq"] for each in payloads_of(listener, "receipt")} == {seq}
        assert payloads_of(carols, "presence") == payloads_of(carols, "receipt") == []


async def test_a_blocked_user_receives_no_event_about_the_block(environment, listeners, alice, bob):
    hers, his, _ = listeners
    await environment.run(contacts.add_contact, bob.pk, alice.pk)
    his.transport.texts.clear()
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    await settle(environment)
    assert set(his.types()) <= {"receipt", "presence"}  # the same events as if alice had only hidden them
    assert [each["contact"]["blocked"] for each in payloads_of(hers, "contact.updated")] == [True]


async def _start_typing(environment, group, alice):
    await send_typing(environment, alice, group)


async def _come_online(environment, group, alice):
    environment.hub.publish(await environment.run(visibility.presence_events, {alice.pk: None}))


async def _go_offline(environment, group, alice):
    environment.hub.publish(await environment.run(visibility.presence_events, {alice.pk: timezone.now()}))


async def _mark_read(environment, group, alice):
    await environment.run(actions.mark_read, alice.pk, group.pk, 99)
    await asyncio.sleep(0.4)


async def _mark_delivered(environment, group, alice):
    await environment.run(actions.mark_delivered, alice.pk, {group.pk: 99})
    await asyncio.sleep(0.4)


async def _hide_presence_and_receipts(environment, group, alice):
    await environment.run(
        account_actions.update_profile, alice.pk, {"show_presence": "nobody", "show_receipts": "nobody"}
    )


async def _mention_bob(environment, group, alice):
    await environment.run(actions.send_message, alice.pk, group.pk, uuid.uuid4(), "hi @bob")


# Function: what alice does after she has blocked bob. List: the types of the events that bob receives.
EXPECTED_EVENTS = {
    _start_typing: [],
    _come_online: [],
    _go_offline: [],
    _mark_read: [],
    _mark_delivered: [],
    _hide_presence_and_receipts: [],
    _mention_bob: ["message.created", "mine.updated"],  # as from every member; only bob's mention count does not change
}


@pytest.mark.parametrize("action", EXPECTED_EVENTS, ids=lambda action: action.__name__.strip("_"))
async def test_a_blocked_user_receives_only_shared_events(
    environment, presence_tracker, group, listeners, alice, bob, carol, action
):
    _hers, his, carols = listeners
    await environment.run(actions.send_message, carol.pk, group.pk, uuid.uuid4(), "hello")
    for user in (alice, bob):
        presence_tracker.record_heartbeat(f"u:{user.pk}")
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    await settle(environment)
    for each in listeners:
        each.transport.texts.clear()
    await action(environment, group, alice)
    await settle(environment)
    assert his.types() == EXPECTED_EVENTS[action]
    assert carols.types() != []  # carol is not blocked and receives the event
    assert [each["mine"]["unread_mention_count"] for each in payloads_of(his, "mine.updated")] in ([], [0])


async def test_presence_limited_to_contacts_is_sent_to_contacts_only(environment, group, listeners, alice, bob, carol):
    _hers, his, carols = listeners
    await environment.run(contacts.add_contact, alice.pk, bob.pk)
    await environment.run(account_actions.update_profile, alice.pk, {"show_presence": "contacts"})
    await settle(environment)
    for each in listeners:
        each.transport.texts.clear()
    environment.hub.publish(await environment.run(visibility.presence_events, {alice.pk: None}))
    await environment.settle()
    assert [each["online"] for each in payloads_of(his, "presence")] == [True]
    assert payloads_of(carols, "presence") == []


async def test_a_user_who_hides_presence_receives_none(environment, group, listeners, alice, bob):
    hers, _his, carols = listeners
    await environment.run(account_actions.update_profile, alice.pk, {"show_presence": "nobody"})
    await settle(environment)
    for each in listeners:
        each.transport.texts.clear()
    environment.hub.publish(await environment.run(visibility.presence_events, {bob.pk: None}))
    await environment.settle()
    assert payloads_of(hers, "presence") == []
    assert len(payloads_of(carols, "presence")) == 1


async def test_presence_of_a_contact_needs_no_shared_conversation(environment, listeners, alice, mallory):
    await environment.run(contacts.add_contact, alice.pk, mallory.pk)
    environment.hub.publish(await environment.run(visibility.presence_events, {mallory.pk: None}))
    await environment.settle()
    assert [each["user_id"] for each in payloads_of(listeners[0], "presence")] == [mallory.pk]
    assert payloads_of(listeners[2], "presence") == []


@pytest.mark.parametrize(
    ("setting", "at", "others"), [("everyone", True, True), ("contacts", True, False), ("nobody", False, False)]
)
async def test_last_seen_has_its_own_setting(environment, listeners, alice, bob, setting, at, others):
    await environment.run(contacts.add_contact, alice.pk, bob.pk)
    await environment.run(account_actions.update_profile, alice.pk, {"show_last_seen": setting})
    events = await environment.run(visibility.presence_events, {alice.pk: timezone.now()})
    for each in listeners:
        each.transport.texts.clear()
    environment.hub.publish(events)
    await environment.settle()
    (his,), (carols,) = payloads_of(listeners[1], "presence"), payloads_of(listeners[2], "presence")
    assert (his["last_seen"] is not None, carols["last_seen"] is not None) == (at, others)


async def test_blocked_users_are_left_out_of_viewers(environment, group, alice, bob, carol):
    await environment.run(actions.add_members, alice.pk, group.pk, [carol.pk])
    looking = {alice.pk, bob.pk, carol.pk}
    (published,) = await environment.run(build_viewers_events, group.pk, looking)
    assert msgspec.json.decode(published.text)["payload"]["count"] == 3
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    views = {
        events.group: msgspec.json.decode(events.text)["payload"]
        for events in await environment.run(build_viewers_events, group.pk, looking)
    }
    seen = {int(name[5:]): {reader["user_id"] for reader in view["readers"]} for name, view in views.items()}
    assert seen == {alice.pk: looking - {bob.pk}, bob.pk: looking - {alice.pk}, carol.pk: looking}
    assert [views[f"user.{user.pk}"]["count"] for user in (alice, bob, carol)] == [2, 2, 3]


async def test_listed_receipts_equal_those_sent(environment, group, listeners, alice, bob, carol):
    from chat import selectors

    def shown_to(user):
        return {each.user_id for each in selectors.list_receipts(user.pk, group.pk)}

    assert await environment.run(shown_to, alice) == {bob.pk, carol.pk}
    await environment.run(contacts.block_user, bob.pk, alice.pk)
    assert await environment.run(shown_to, alice) == {carol.pk}
    assert await environment.run(shown_to, bob) == {carol.pk}
    await environment.run(account_actions.update_profile, carol.pk, {"show_receipts": "contacts"})
    assert await environment.run(shown_to, alice) == set()
    await environment.run(contacts.add_contact, carol.pk, alice.pk)
    assert await environment.run(shown_to, alice) == {carol.pk}
    assert await environment.run(shown_to, carol) == {alice.pk}


async def test_the_reconciliation_loop_reloads_missed_visibility_changes(environment, group, listeners, alice, bob):
    """Simulates that a server process did not receive the event about a new block.

    The reconciliation loop, which searches the database for missed changes, must find the block.
    """
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    await settle(environment)
    for connection in environment.hub.connections():
        connection.visibility = None
    await environment.hub.reconciler.refresh_visibility(list(environment.hub.users))
    await send_typing(environment, bob, group)
    assert payloads_of(listeners[0], "typing") == []


async def test_visibility_of_many_users_is_one_query(environment, alice, bob, carol, django_assert_num_queries):
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    await environment.run(account_actions.update_profile, carol.pk, {"show_receipts": "contacts"})
    await environment.run(contacts.add_contact, carol.pk, alice.pk)

    def read():
        with django_assert_num_queries(1):
            return privacy.visibility_for(range(1, carol.pk + 100))

    visibility_by_user = await environment.run(read)
    assert visibility_by_user.keys() == {alice.pk, bob.pk, carol.pk}
    assert visibility_by_user[alice.pk].blocked == {bob.pk} and visibility_by_user[carol.pk].receipts == {alice.pk}
    assert visibility_by_user[carol.pk].presence is None
