"""Tests that a new direct conversation appears for the other user only when the first message is sent.

Before, it exists only for the user who opened it. The tests cover users with an open connection and users who connect
again later.
"""

from __future__ import annotations

import uuid

import pytest

from accounts.actions import update_profile
from accounts.models import User
from chat import actions, selectors
from chat.selectors import lost_events
from messenger.background import queue
from messenger.core.errors import ApplicationError
from presence import hooks
from tests.live.client_state import load_state


async def send(environment, user, conversation_id, body="hello"):
    return (await environment.run(actions.send_message, user.pk, conversation_id, uuid.uuid4(), body))[0]


async def open_pair(environment, user, other):
    conversation, is_new = await environment.run(actions.open_direct_conversation, user.pk, other.pk)
    assert is_new
    return conversation.id


def seen_by(user_id: int, other_id: int, conversation_id: int) -> dict[str, object]:
    """Returns what a user can see of a direct conversation with another user, in each place where it could appear.

    The result is a dictionary: for example, `list` has the ids of the conversations in the user's conversation list.
    """

    def membership():
        try:
            return selectors.get_membership(user_id, conversation_id)
        except ApplicationError as error:
            return error.code

    versions, me_version = selectors.list_versions(user_id)
    synced = selectors.sync_client(user_id, {}, 0, conversation_id)
    return {
        "me_version": me_version,
        "welcome": conversation_id in versions,
        "list": [conversation.id for conversation in selectors.list_conversations(user_id)[0]],
        "unread": [summary.id for summary in selectors.list_conversation_summaries(user_id)],
        "titles": [title.id for title in selectors.list_conversation_titles(user_id)],
        "sync": [conversation.conversation_id for conversation in synced.conversations],
        "receipts": synced.receipts,
        "by id": membership(),
        "with this person": selectors.get_direct_conversation_id(user_id, other_id),
        "presence": (
            hooks.list_conversation_ids([user_id]).get(user_id, ()),
            hooks.filter_users_sharing_conversations(user_id, [other_id]),
        ),
    }


async def test_an_opened_conversation_changes_nothing_for_the_other_user(environment, alice, bob):
    listener = await environment.connect(bob)
    listener.transport.texts.clear()
    before = await environment.run(seen_by, bob.pk, alice.pk, 0)
    conversation_id = await open_pair(environment, alice, bob)
    await environment.settle()
    after = await environment.run(seen_by, bob.pk, alice.pk, conversation_id)
    assert after == before and after["by id"] == "not_found"
    assert listener.transport.texts == []
    with pytest.raises(ApplicationError, match="not_found"):
        await send(environment, bob, conversation_id)
    assert (await environment.run(seen_by, alice.pk, bob.pk, conversation_id))["list"] == [conversation_id]


async def test_the_opener_sees_both_members(environment, alice, bob):
    conversation_id = await open_pair(environment, alice, bob)
    conversation = await environment.run(selectors.get_conversation, alice.pk, conversation_id)
    assert (conversation.peer.id, conversation.member_count) == (bob.pk, 2)
    members = await environment.run(selectors.list_members, alice.pk, conversation_id)
    assert [(member.user.id, member.left_at) for member in members] == [(alice.pk, None), (bob.pk, None)]
    changes = await environment.run(selectors.get_changes, alice.pk, conversation_id, 0)
    assert [(member.user.id, member.left_at) for member in changes.members] == [(alice.pk, None), (bob.pk, None)]
    found, _ = await environment.run(lambda: selectors.find_members(alice.pk, conversation_id, q="bo"))
    assert [member.user.id for member in found] == [bob.pk]


async def test_the_first_message_arrives_with_its_conversation(environment, alice, bob):
    listeners = {user: await environment.connect(user) for user in (alice, bob)}
    conversation_id = await open_pair(environment, alice, bob)
    await send(environment, alice, conversation_id, "hello @bob")
    await send(environment, bob, conversation_id, "hello back")
    await environment.settle()
    for user, listener in listeners.items():
        client_state = listener.apply_received()
        client_state.assert_matches(await environment.run(load_state, user.pk))
        assert client_state.bodies(conversation_id) == ["hello @bob", "hello back"]
    frames = listeners[bob].client_state.events
    types = [frame["type"] for frame in frames]
    assert types.index("conversation.added") < types.index("message.created") < types.index("mention")
    added = frames[types.index("conversation.added")]["payload"]["conversation"]
    assert added["peer"]["id"] == alice.pk


async def test_the_first_message_is_there_after_a_reconnect(environment, alice, bob):
    versions, me_version = await environment.run(selectors.list_versions, bob.pk)
    conversation_id = await open_pair(environment, alice, bob)
    await send(environment, alice, conversation_id)
    answer = await environment.run(selectors.sync_client, bob.pk, versions, me_version, None)
    (synced,) = answer.conversations
    assert synced.conversation.id == conversation_id and synced.conversation.mine.unread_count == 1
    assert answer.me_version > me_version


async def test_both_get_the_same_conversation_and_neither_learns_that_the_other_opened_it(environment, alice, bob):
    listener = await environment.connect(alice)
    conversation_id = await open_pair(environment, alice, bob)
    await environment.settle()
    listener.apply_received()
    listener.transport.texts.clear()
    members = await environment.run(selectors.list_members, alice.pk, conversation_id)
    assert await open_pair(environment, bob, alice) == conversation_id
    await environment.settle()
    assert listener.transport.texts == []
    assert await environment.run(selectors.list_members, alice.pk, conversation_id) == members
    assert (await environment.run(seen_by, alice.pk, bob.pk, conversation_id))["presence"] == ((), set())
    other = await environment.connect(bob)
    await send(environment, bob, conversation_id, "first")
    await environment.settle()
    seen = await environment.run(seen_by, alice.pk, bob.pk, conversation_id)
    assert seen["presence"] == ((conversation_id,), {bob.pk})
    for user, each in ((alice, listener), (bob, other)):
        client_state = each.apply_received()
        assert client_state.bodies(conversation_id) == ["first"]
        client_state.assert_matches(await environment.run(load_state, user.pk))


async def test_a_new_name_before_the_first_message_reaches_only_the_opener(environment, alice, bob):
    listeners = {user: await environment.connect(user) for user in (alice, bob)}
    conversation_id = await open_pair(environment, alice, bob)
    await environment.run(update_profile, bob.pk, {"name": "Robert"})
    await environment.run(queue.run_due)
    await environment.settle()
    members = listeners[alice].apply_received().members[conversation_id]
    assert members[bob.pk]["user"]["name"] == "Robert"
    await send(environment, alice, conversation_id)
    await environment.settle()
    for user, listener in listeners.items():
        listener.apply_received().assert_matches(await environment.run(load_state, user.pk))


async def test_lost_events_are_sent_again_to_the_opener_only(environment, alice, bob):
    before = await environment.run(lambda: User.objects.get(pk=bob.pk).me_version)
    conversation_id = await open_pair(environment, alice, bob)
    missed, _version = await environment.run(lost_events.build_missed_conversation_events, conversation_id, 0)
    assert {event.joined_user_id or event.left_user_id for event in missed} == {0, alice.pk}
    assert (await environment.run(lost_events.build_missed_user_events, bob.pk, before))[1] == before
