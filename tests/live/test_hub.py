"""Tests of the hub, which passes events to open sockets: in order of their version numbers, and only to members.

Events that did not reach the hub are read from the database.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import contextmanager

import msgspec

from chat import actions, selectors
from messenger.live import events
from messenger.live.events import Disconnect, EphemeralEvent
from tests.live.client_state import load_state


@contextmanager
def withheld_events():
    """Context manager in which published events are not delivered to connections, as if they had been lost.

    Yields the list in which these events are collected.
    """
    publisher, published = events._publisher, []
    events.set_publisher(published.extend)
    yield published
    events.set_publisher(publisher)


async def send(environment, user, conversation_id, body="hello"):
    return (await environment.run(actions.send_message, user.pk, conversation_id, uuid.uuid4(), body))[0]


async def test_events_out_of_order_are_delivered_in_order(environment, group, alice, bob):
    listener = await environment.connect(bob)
    with withheld_events() as published:
        for number in range(4):
            await send(environment, alice, group.pk, f"{number}")

    environment.hub.publish(published[::-1])
    await environment.settle()

    assert listener.apply_received().bodies(group.pk) == ["0", "1", "2", "3"]


async def test_an_event_published_twice_is_delivered_once(environment, group, alice, bob):
    listener = await environment.connect(bob)
    with withheld_events() as published:
        await send(environment, alice, group.pk)
    environment.hub.publish(published)
    environment.hub.publish(published)
    await environment.settle()
    assert listener.types().count("message.created") == 1


async def test_a_gap_is_filled_from_the_database_once_for_all_connections(environment, group, alice, bob):
    listeners = [await environment.connect(bob) for _ in range(3)]
    with withheld_events() as published:
        for number in range(3):
            await send(environment, alice, group.pk, f"{number}")

    environment.hub.publish(published[-1:])  # the two events before it are lost
    await asyncio.sleep(0.3)

    for listener in listeners:
        client_state = listener.apply_received()
        assert not client_state.conversations_behind
        assert client_state.bodies(group.pk) == ["0", "1", "2"]


async def test_the_reconciliation_loop_delivers_lost_events(environment, group, alice, bob):
    listener = await environment.connect(bob)
    with withheld_events():
        message = await send(environment, alice, group.pk, "lost")
        await environment.run(actions.edit_message, alice.pk, message.id, "lost and found")
        await environment.run(actions.mark_read, bob.pk, group.pk, message.seq)

    await environment.hub.reconciler.compare_conversations(list(environment.hub.conversations))
    await environment.hub.reconciler.compare_users()
    await asyncio.sleep(0.5)

    listener.apply_received().assert_matches(await environment.run(load_state, bob.pk))


async def test_a_second_device_that_connects_takes_no_event_from_the_first(environment, group, alice, bob):
    first = await environment.connect(bob)
    message = await send(environment, alice, group.pk)
    with withheld_events() as published:
        await environment.run(actions.mark_read, bob.pk, group.pk, message.seq)

    second = await environment.connect(bob)  # reads its state while the event is on its way
    environment.hub.publish(published)
    await environment.settle()

    state = await environment.run(load_state, bob.pk)
    for listener in (first, second):
        client_state = listener.apply_received()
        assert not client_state.is_user_behind
        client_state.assert_matches(state)


async def test_a_gap_that_rows_cannot_fill_makes_clients_sync(environment, group, alice, bob):
    listener = await environment.connect(bob)
    with withheld_events():
        first = await send(environment, alice, group.pk, "first")
        await send(environment, alice, group.pk, "second")
        await environment.run(actions.edit_message, alice.pk, first.id, "first, edited")

    await environment.hub.reconciler.compare_conversations(list(environment.hub.conversations))
    await asyncio.sleep(0.5)

    client_state = listener.apply_received()
    assert client_state.conversations_behind == {group.pk}
    answer = await environment.run(selectors.sync_client, bob.pk, client_state.versions, client_state.me_version, None)
    client_state.apply_sync_response(msgspec.json.decode(msgspec.json.encode(answer)))
    client_state.assert_matches(await environment.run(load_state, bob.pk))


async def test_a_removed_member_receives_no_later_events(environment, group, alice, bob):
    listener = await environment.connect(bob)
    with withheld_events() as published:
        await environment.run(actions.remove_member, alice.pk, group.pk, bob.pk)
        await send(environment, alice, group.pk, "he is gone")

    environment.hub.publish(
        [item for item in published if isinstance(item, events.ConversationEvent)][-1:]
    )  # deliver the later event, the message, before the removal
    await environment.settle()
    assert "message.created" not in listener.types()
    environment.hub.publish(published)
    await asyncio.sleep(0.3)

    bodies = [msgspec.json.decode(text) for text in listener.transport.texts]
    assert "he is gone" not in str(bodies)
    assert listener.connection.conversations == set()


async def test_a_member_added_again_receives_no_messages_of_the_absence(environment, group, alice, bob):
    listener = await environment.connect(bob)
    for number in range(5):
        await send(environment, alice, group.pk, f"inside {number}")
        await environment.run(actions.remove_member, alice.pk, group.pk, bob.pk)
        await send(environment, alice, group.pk, f"outside {number}")
        await environment.run(actions.add_members, alice.pk, group.pk, [bob.pk])
    await send(environment, alice, group.pk, "inside, last")
    received = [text for text in listener.transport.texts if '"message.created"' in text]
    assert not any("outside" in text for text in received)
    assert [text for text in received if "inside, last" in text]


async def test_a_member_added_in_a_process_without_subscribers_receives_the_next_message(
    environment, group, alice, carol
):
    listener = await environment.connect(carol)
    await environment.run(actions.add_members, alice.pk, group.pk, [carol.pk])
    await send(environment, alice, group.pk, "welcome, carol")
    client_state = listener.apply_received()
    assert client_state.bodies(group.pk) == ["welcome, carol"]
    assert not client_state.conversations_behind


async def test_disconnect_closes_only_the_sockets_of_that_sign_in(environment, group, alice):
    one, other = await environment.connect(alice, "one"), await environment.connect(alice, "other")
    environment.hub.publish([Disconnect(alice.pk, 4401, "one")])
    await environment.settle()
    assert (one.closed_with, other.closed_with) == (4401, None)


async def test_nothing_is_written_after_a_disconnect(environment, group, alice, bob):
    listener = await environment.connect(bob, "one")
    environment.hub.publish([Disconnect(bob.pk, 4403)])
    await send(environment, alice, group.pk, "too late")
    assert "message.created" not in listener.types()
    assert listener.closed_with == 4403


async def test_a_slow_reader_is_closed_and_others_continue(environment, group, alice, bob, settings):
    slow, quick = await environment.connect(bob), await environment.connect(bob)
    slow.transport.pending_bytes = settings.SLOW_READER_BYTES + 1
    await send(environment, alice, group.pk, "a drop too much")
    await environment.settle()
    assert slow.closed_with == 1013
    assert "message.created" in quick.types()


async def test_a_slow_connection_gets_messages_first_and_only_the_newest_ephemeral_event(
    environment, group, alice, bob
):
    listener = await environment.connect(bob)
    listener.transport.texts.clear()
    listener.transport.pending_bytes = 100_000
    for number in range(3):
        environment.hub.publish(
            [EphemeralEvent(f"conversation.{group.pk}", f'{{"type":"typing","payload":{number}}}', "typing.1")]
        )
    await send(environment, alice, group.pk)
    assert listener.types()[0] == "message.created"
    assert "typing" not in listener.types()
    listener.transport.pending_bytes = 0
    await asyncio.sleep(0.7)
    assert [text for text in listener.transport.texts if "typing" in text] == ['{"type":"typing","payload":2}']


async def test_a_burst_of_events_is_one_write_per_socket(environment, group, alice, bob):
    listener = await environment.connect(bob)
    with withheld_events() as published:
        for number in range(20):
            await send(environment, alice, group.pk, f"{number}")
    listener.transport.writes = 0
    environment.hub.publish(published)
    await environment.settle()
    assert listener.transport.writes == 1
    assert listener.apply_received().bodies(group.pk) == [str(number) for number in range(20)]


async def test_a_user_who_hides_receipts_receives_none(environment, group, alice, bob, carol):
    await environment.run(actions.add_members, alice.pk, group.pk, [carol.pk])
    bob.show_receipts = "nobody"
    await environment.run(bob.save)
    hides, shows = await environment.connect(bob), await environment.connect(carol)
    message = await send(environment, alice, group.pk)
    await environment.run(actions.mark_read, carol.pk, group.pk, message.seq)
    await environment.run(actions.mark_read, bob.pk, group.pk, message.seq)
    await asyncio.sleep(0.6)  # receipts are sent in batches
    receipts = [msgspec.json.decode(text) for text in shows.transport.texts if '"receipt"' in text]
    assert {frame["payload"]["user_id"] for frame in receipts} == {alice.pk, carol.pk}
    assert "receipt" not in hides.types()
