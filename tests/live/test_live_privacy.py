"""What two people hear of each other on open sockets: blocks and settings of privacy (A13, J17), as they change.

Each test has a third person, who goes on hearing everything: what is held back is held back between two alone.
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

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def here():
    tracker.set_tracker(it := tracker.PresenceTracker())
    yield it
    tracker.set_tracker(None)


def heard(listener: Listener, kind: str) -> list[dict]:
    frames = [msgspec.json.decode(text) for text in listener.wire.texts]
    return [frame["payload"] for frame in frames if frame["type"] == kind]


async def settle(stage):
    """Time for what is read anew in a database thread."""
    for _ in range(20):
        await asyncio.sleep(0.01)
    await stage.settle()


async def types_something(stage, user, conversation):
    from presence import schemas

    stage.hub.publish([schemas.typing_event(user.pk, conversation.pk, True)])
    await stage.settle()


@pytest.fixture
async def three(stage, room, alice, bob, carol):
    await stage.do(actions.add_members, alice.pk, room.pk, [carol.pk])
    listeners = [await stage.listen(user) for user in (alice, bob, carol)]
    for each in listeners:
        each.wire.texts.clear()
    return listeners


async def test_a_block_ends_typing_both_ways_at_once_and_unblocking_brings_it_back(stage, room, three, alice, bob):
    hers, his, carols = three
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    await settle(stage)
    await types_something(stage, bob, room)
    await types_something(stage, alice, room)
    assert heard(hers, "typing") == heard(his, "typing") == []
    assert [each["user_id"] for each in heard(carols, "typing")] == [bob.pk, alice.pk]
    await stage.do(contacts.unblock_user, alice.pk, bob.pk)
    await settle(stage)
    await types_something(stage, bob, room)
    assert [each["user_id"] for each in heard(hers, "typing")] == [bob.pk]


async def test_who_opens_a_socket_later_hears_as_little(stage, room, three, alice, bob):
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    late = await stage.listen(bob)
    await types_something(stage, alice, room)
    assert heard(late, "typing") == []


async def test_typing_asks_no_database(stage, room, three, alice, bob, monkeypatch):
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    await settle(stage)
    monkeypatch.setattr(database, "run_in_thread", lambda *_: pytest.fail("asked"))
    await types_something(stage, bob, room)
    assert len(heard(three[2], "typing")) == 1


async def test_a_block_ends_receipts_both_ways(stage, room, three, alice, bob, carol):
    hers, his, carols = three
    message, _ = await stage.do(actions.send_message, carol.pk, room.pk, uuid.uuid4(), "hello")
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    await settle(stage)
    for each in three:
        each.wire.texts.clear()
    for reader in (alice, bob):
        await stage.do(actions.mark_read, reader.pk, room.pk, message.seq)
    await asyncio.sleep(0.5)
    assert {each["user_id"] for each in heard(carols, "receipt")} == {alice.pk, bob.pk}
    assert bob.pk not in {each["user_id"] for each in heard(hers, "receipt")}
    assert alice.pk not in {each["user_id"] for each in heard(his, "receipt")}


async def test_with_a_block_what_was_shown_goes_and_with_its_end_comes_back(stage, here, room, three, alice, bob):
    hers, his, carols = three
    message, _ = await stage.do(actions.send_message, bob.pk, room.pk, uuid.uuid4(), "hello")
    await stage.do(actions.mark_read, alice.pk, room.pk, message.seq)
    for user in (alice, bob):
        here.record_heartbeat(f"u:{user.pk}")
    await asyncio.sleep(0.3)
    for verb, online, seq in ((contacts.block_user, False, 0), (contacts.unblock_user, True, message.seq)):
        for each in three:
            each.wire.texts.clear()
        await stage.do(verb, alice.pk, bob.pk)
        await settle(stage)
        for listener, other in ((hers, bob), (his, alice)):
            assert heard(listener, "presence") == [{"user_id": other.pk, "online": online, "last_seen": None}]
            assert {each["read_seq"] for each in heard(listener, "receipt")} == {seq}
        assert heard(carols, "presence") == heard(carols, "receipt") == []


async def test_the_blocked_hear_nothing_of_the_block(stage, three, alice, bob):
    hers, his, _ = three
    await stage.do(contacts.add_contact, bob.pk, alice.pk)
    his.wire.texts.clear()
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    await settle(stage)
    assert set(his.types()) <= {"receipt", "presence"}  # as when somebody hides
    assert [each["contact"]["blocked"] for each in heard(hers, "contact.updated")] == [True]


async def _types(stage, room, alice):
    await types_something(stage, alice, room)


async def _comes(stage, room, alice):
    stage.hub.publish(await stage.do(visibility.online_events, {alice.pk: None}))


async def _goes(stage, room, alice):
    for news in (await stage.do(visibility.offline_events, {alice.pk: timezone.now()})).values():
        stage.hub.publish(news)


async def _reads(stage, room, alice):
    await stage.do(actions.mark_read, alice.pk, room.pk, 99)
    await asyncio.sleep(0.4)


async def _gets(stage, room, alice):
    await stage.do(actions.mark_delivered, alice.pk, {room.pk: 99})
    await asyncio.sleep(0.4)


async def _hides(stage, room, alice):
    await stage.do(account_actions.update_profile, alice.pk, {"show_presence": "nobody", "show_receipts": "nobody"})


async def _names_him(stage, room, alice):
    await stage.do(actions.send_message, alice.pk, room.pk, uuid.uuid4(), "hi @bob")


# What alice does after she blocked bob, and what his sockets hear of it.
HEARD = {
    _types: [],
    _comes: [],
    _goes: [],
    _reads: [],
    _gets: [],
    _hides: [],
    _names_him: ["message.created", "mine.updated"],  # as of everybody in a room; his count of mentions stays
}


@pytest.mark.parametrize("deed", HEARD, ids=lambda deed: deed.__name__.strip("_"))
async def test_what_the_blocked_hear_of_what_she_does(stage, here, room, three, alice, bob, carol, deed):
    _hers, his, carols = three
    await stage.do(actions.send_message, carol.pk, room.pk, uuid.uuid4(), "hello")
    for user in (alice, bob):
        here.record_heartbeat(f"u:{user.pk}")
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    await settle(stage)
    for each in three:
        each.wire.texts.clear()
    await deed(stage, room, alice)
    await settle(stage)
    assert his.types() == HEARD[deed]
    assert carols.types() != []  # who is not blocked hears of it
    assert [each["mine"]["unread_mention_count"] for each in heard(his, "mine.updated")] in ([], [0])


async def test_presence_is_told_to_contacts_alone_where_that_is_wanted(stage, room, three, alice, bob, carol):
    _hers, his, carols = three
    await stage.do(contacts.add_contact, alice.pk, bob.pk)
    await stage.do(account_actions.update_profile, alice.pk, {"show_presence": "contacts"})
    await settle(stage)
    for each in three:
        each.wire.texts.clear()
    stage.hub.publish(await stage.do(visibility.online_events, {alice.pk: None}))
    await stage.settle()
    assert [each["online"] for each in heard(his, "presence")] == [True]
    assert heard(carols, "presence") == []


async def test_who_hides_sees_nobody(stage, room, three, alice, bob):
    hers, _his, carols = three
    await stage.do(account_actions.update_profile, alice.pk, {"show_presence": "nobody"})
    await settle(stage)
    for each in three:
        each.wire.texts.clear()
    stage.hub.publish(await stage.do(visibility.online_events, {bob.pk: None}))
    await stage.settle()
    assert heard(hers, "presence") == []
    assert len(heard(carols, "presence")) == 1


async def test_a_contact_is_heard_of_without_a_shared_conversation(stage, three, alice, mallory):
    await stage.do(contacts.add_contact, alice.pk, mallory.pk)
    stage.hub.publish(await stage.do(visibility.online_events, {mallory.pk: None}))
    await stage.settle()
    assert [each["user_id"] for each in heard(three[0], "presence")] == [mallory.pk]
    assert heard(three[2], "presence") == []


@pytest.mark.parametrize(
    ("setting", "at", "others"), [("everyone", True, True), ("contacts", True, False), ("nobody", False, False)]
)
async def test_when_somebody_left_is_told_by_its_own_setting(stage, three, alice, bob, setting, at, others):
    await stage.do(contacts.add_contact, alice.pk, bob.pk)
    await stage.do(account_actions.update_profile, alice.pk, {"show_last_seen": setting})
    news = await stage.do(visibility.offline_events, {alice.pk: timezone.now()})
    for each in three:
        each.wire.texts.clear()
    stage.hub.publish(news[alice.pk])
    await stage.settle()
    (his,), (carols,) = heard(three[1], "presence"), heard(three[2], "presence")
    assert (his["last_seen"] is not None, carols["last_seen"] is not None) == (at, others)


async def test_viewers_across_a_block_neither_count_nor_see_each_other(stage, room, alice, bob, carol):
    await stage.do(actions.add_members, alice.pk, room.pk, [carol.pk])
    looking = {alice.pk, bob.pk, carol.pk}
    (told,) = await stage.do(build_viewers_events, room.pk, looking)
    assert msgspec.json.decode(told.text)["payload"]["count"] == 3
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    views = {
        news.group: msgspec.json.decode(news.text)["payload"]
        for news in await stage.do(build_viewers_events, room.pk, looking)
    }
    seen = {int(group[5:]): {each["user_id"] for each in view["readers"]} for group, view in views.items()}
    assert seen == {alice.pk: looking - {bob.pk}, bob.pk: looking - {alice.pk}, carol.pk: looking}
    assert [views[f"user.{user.pk}"]["count"] for user in (alice, bob, carol)] == [2, 2, 3]


async def test_receipts_asked_for_are_those_that_are_told(stage, room, three, alice, bob, carol):
    from chat import selectors

    def shown_to(user):
        return {each.user_id for each in selectors.list_receipts(user.pk, room.pk)}

    assert await stage.do(shown_to, alice) == {bob.pk, carol.pk}
    await stage.do(contacts.block_user, bob.pk, alice.pk)
    assert await stage.do(shown_to, alice) == {carol.pk}
    assert await stage.do(shown_to, bob) == {carol.pk}
    await stage.do(account_actions.update_profile, carol.pk, {"show_receipts": "contacts"})
    assert await stage.do(shown_to, alice) == set()
    await stage.do(contacts.add_contact, carol.pk, alice.pk)
    assert await stage.do(shown_to, alice) == {carol.pk}
    assert await stage.do(shown_to, carol) == {alice.pk}


async def test_what_a_process_missed_is_read_with_the_next_sweep(stage, room, three, alice, bob):
    """The word that a block was made was lost."""
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    await settle(stage)
    for connection in stage.hub.connections():
        connection.visibility = None
    await stage.hub.reconciler.refresh_visibility(list(stage.hub.users))
    await types_something(stage, bob, room)
    assert heard(three[0], "typing") == []


async def test_what_is_known_of_many_is_one_statement(stage, alice, bob, carol, django_assert_num_queries):
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    await stage.do(account_actions.update_profile, carol.pk, {"show_receipts": "contacts"})
    await stage.do(contacts.add_contact, carol.pk, alice.pk)

    def read():
        with django_assert_num_queries(1):
            return privacy.visibility_for(range(1, carol.pk + 100))

    known = await stage.do(read)
    assert known.keys() == {alice.pk, bob.pk, carol.pk}
    assert known[alice.pk].blocked == {bob.pk} and known[carol.pk].receipts == {alice.pk}
    assert known[carol.pk].presence is None
