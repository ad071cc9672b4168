"""The hub tells in order of version, tells nobody too much, and heals from the rows."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import contextmanager

import msgspec

from chat import actions, selectors
from messenger.live import events
from messenger.live.events import Disconnect, EphemeralEvent
from tests.live.client_state import fresh


@contextmanager
def held_back():
    """What verbs tell meanwhile does not reach the hub; it is in the list."""
    outlet, told = events._publisher, []
    events.set_publisher(told.extend)
    yield told
    events.set_publisher(outlet)


async def send(stage, user, conversation_id, body="hello"):
    return (await stage.do(actions.send_message, user.pk, conversation_id, uuid.uuid4(), body))[0]


async def test_news_that_comes_out_of_order_is_told_in_order(stage, room, alice, bob):
    listener = await stage.listen(bob)
    with held_back() as told:
        for number in range(4):
            await send(stage, alice, room.pk, f"{number}")

    stage.hub.publish(told[::-1])
    await stage.settle()

    assert listener.catch().bodies(room.pk) == ["0", "1", "2", "3"]


async def test_news_told_twice_is_written_once(stage, room, alice, bob):
    listener = await stage.listen(bob)
    with held_back() as told:
        await send(stage, alice, room.pk)
    stage.hub.publish(told)
    stage.hub.publish(told)
    await stage.settle()
    assert listener.types().count("message.created") == 1


async def test_a_hole_is_filled_from_the_rows_once_for_all_readers(stage, room, alice, bob):
    listeners = [await stage.listen(bob) for _ in range(3)]
    with held_back() as told:
        for number in range(3):
            await send(stage, alice, room.pk, f"{number}")

    stage.hub.publish(told[-1:])  # the two before it were lost on the way
    await asyncio.sleep(0.3)

    for listener in listeners:
        replica = listener.catch()
        assert not replica.behind
        assert replica.bodies(room.pk) == ["0", "1", "2"]


async def test_what_was_lost_without_a_trace_is_found_by_the_sweep(stage, room, alice, bob):
    listener = await stage.listen(bob)
    with held_back():
        message = await send(stage, alice, room.pk, "lost")
        await stage.do(actions.edit_message, alice.pk, message.id, "lost and found")
        await stage.do(actions.mark_read, bob.pk, room.pk, message.seq)

    await stage.hub.reconciler.compare_conversations(list(stage.hub.conversations))
    await stage.hub.reconciler.compare_users()
    await asyncio.sleep(0.5)

    listener.catch().agrees_with(await stage.do(fresh, bob.pk))


async def test_rows_that_cannot_be_told_in_order_make_readers_ask(stage, room, alice, bob):
    listener = await stage.listen(bob)
    with held_back():
        first = await send(stage, alice, room.pk, "first")
        await send(stage, alice, room.pk, "second")
        await stage.do(actions.edit_message, alice.pk, first.id, "first, edited")

    await stage.hub.reconciler.compare_conversations(list(stage.hub.conversations))
    await asyncio.sleep(0.5)

    replica = listener.catch()
    assert replica.behind == {room.pk}
    answer = await stage.do(selectors.sync_client, bob.pk, replica.versions, replica.me_version, None)
    replica.caught_up(msgspec.json.decode(msgspec.json.encode(answer)))
    replica.agrees_with(await stage.do(fresh, bob.pk))


async def test_whoever_was_removed_hears_nothing_later_whatever_comes_first(stage, room, alice, bob):
    listener = await stage.listen(bob)
    with held_back() as told:
        await stage.do(actions.remove_member, alice.pk, room.pk, bob.pk)
        await send(stage, alice, room.pk, "he is gone")

    stage.hub.publish(
        [item for item in told if isinstance(item, events.ConversationEvent)][-1:]
    )  # the message, before the removal
    await stage.settle()
    assert "message.created" not in listener.types()
    stage.hub.publish(told)
    await asyncio.sleep(0.3)

    bodies = [msgspec.json.decode(text) for text in listener.wire.texts]
    assert "he is gone" not in str(bodies)
    assert listener.connection.conversations == set()


async def test_removed_and_added_again_hears_just_what_was_said_inside(stage, room, alice, bob):
    listener = await stage.listen(bob)
    for number in range(5):
        await send(stage, alice, room.pk, f"inside {number}")
        await stage.do(actions.remove_member, alice.pk, room.pk, bob.pk)
        await send(stage, alice, room.pk, f"outside {number}")
        await stage.do(actions.add_members, alice.pk, room.pk, [bob.pk])
    await send(stage, alice, room.pk, "inside, last")
    said = [text for text in listener.wire.texts if '"message.created"' in text]
    assert not any("outside" in text for text in said)
    assert [text for text in said if "inside, last" in text]


async def test_a_person_added_in_a_process_where_nobody_listens_yet_hears_the_next_message(stage, room, alice, carol):
    listener = await stage.listen(carol)
    await stage.do(actions.add_members, alice.pk, room.pk, [carol.pk])
    await send(stage, alice, room.pk, "welcome, carol")
    replica = listener.catch()
    assert replica.bodies(room.pk) == ["welcome, carol"]
    assert not replica.behind


async def test_cut_closes_the_sockets_of_that_sign_in_and_no_other(stage, room, alice):
    one, other = await stage.listen(alice, "one"), await stage.listen(alice, "other")
    stage.hub.publish([Disconnect(alice.pk, 4401, "one")])
    await stage.settle()
    assert (one.closed_with, other.closed_with) == (4401, None)


async def test_after_the_cut_nothing_is_written(stage, room, alice, bob):
    listener = await stage.listen(bob, "one")
    stage.hub.publish([Disconnect(bob.pk, 4403)])
    await send(stage, alice, room.pk, "too late")
    assert "message.created" not in listener.types()
    assert listener.closed_with == 4403


async def test_a_reader_who_takes_nothing_is_closed_and_the_others_go_on(stage, room, alice, bob, settings):
    slow, quick = await stage.listen(bob), await stage.listen(bob)
    slow.wire.stuck = settings.SLOW_READER_BYTES + 1
    await send(stage, alice, room.pk, "a drop too much")
    await stage.settle()
    assert slow.closed_with == 1013
    assert "message.created" in quick.types()


async def test_on_a_slow_line_messages_go_first_and_only_the_newest_presence_follows(stage, room, alice, bob):
    listener = await stage.listen(bob)
    listener.wire.texts.clear()
    listener.wire.stuck = 100_000
    for number in range(3):
        stage.hub.publish(
            [EphemeralEvent(f"conversation.{room.pk}", f'{{"type":"typing","payload":{number}}}', "typing.1")]
        )
    await send(stage, alice, room.pk)
    assert listener.types()[0] == "message.created"
    assert "typing" not in listener.types()
    listener.wire.stuck = 0
    await asyncio.sleep(0.7)
    assert [text for text in listener.wire.texts if "typing" in text] == ['{"type":"typing","payload":2}']


async def test_a_burst_reaches_each_socket_in_one_write(stage, room, alice, bob):
    listener = await stage.listen(bob)
    with held_back() as told:
        for number in range(20):
            await send(stage, alice, room.pk, f"{number}")
    listener.wire.writes = 0
    stage.hub.publish(told)
    await stage.settle()
    assert listener.wire.writes == 1
    assert listener.catch().bodies(room.pk) == [str(number) for number in range(20)]


async def test_whoever_hides_their_receipts_hears_none_of_others(stage, room, alice, bob, carol):
    await stage.do(actions.add_members, alice.pk, room.pk, [carol.pk])
    bob.show_receipts = "nobody"
    await stage.do(bob.save)
    hides, shows = await stage.listen(bob), await stage.listen(carol)
    message = await send(stage, alice, room.pk)
    await stage.do(actions.mark_read, carol.pk, room.pk, message.seq)
    await stage.do(actions.mark_read, bob.pk, room.pk, message.seq)
    await asyncio.sleep(0.6)  # receipts are gathered
    heard = [msgspec.json.decode(text) for text in shows.wire.texts if '"receipt"' in text]
    assert {frame["payload"]["user_id"] for frame in heard} == {alice.pk, carol.pk}
    assert "receipt" not in hides.types()
