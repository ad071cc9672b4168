"""Tests that events tell clients everything that an action (a function that changes data) has changed.

A client that applies the events must have the same state as a client that loads the data after the action. Each
function in ACTIONS is one scenario, tested for members of a conversation and for a user who is not a member.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from io import BytesIO

import msgspec
import pytest
from django.utils import timezone
from PIL import Image

from accounts import actions as account_actions
from accounts.actions import contacts
from accounts.models import User
from calls import actions as call_actions
from chat import actions, selectors
from chat.actions import retention
from chat.models import Conversation, Message
from messenger.background import queue
from tests.live.client_state import load_state


async def send(environment, user, conversation_id, body, **more):
    message, _ = await environment.run(actions.send_message, user.pk, conversation_id, uuid.uuid4(), body, **more)
    return message


ACTIONS = {}


def action(scenario):
    ACTIONS[scenario.__name__] = scenario
    return scenario


@action
async def sending(environment, group, alice, bob, **_):
    await send(environment, alice, group.pk, "hello")
    await send(environment, bob, group.pk, "hello **you**")


@action
async def sending_twice(environment, group, alice, **_):
    client_id = uuid.uuid4()
    for _ in range(2):
        await environment.run(actions.send_message, alice.pk, group.pk, client_id, "once")


@action
async def mentioning(environment, group, alice, bob, **_):
    await send(environment, alice, group.pk, "hi @bob and @all")
    await send(environment, bob, group.pk, "@all is not for members, @alice is")


@action
async def replying_and_deleting_what_was_quoted(environment, group, alice, bob, **_):
    first = await send(environment, alice, group.pk, "a question")
    await send(environment, bob, group.pk, "an answer", reply_to_id=first.id)
    await environment.run(actions.edit_message, alice.pk, first.id, "another question")
    await environment.run(actions.delete_message, alice.pk, first.id)


@action
async def forwarding(environment, group, direct_conversation, alice, **_):
    first = await send(environment, alice, direct_conversation.pk, "between us")
    await send(environment, alice, group.pk, "", forward_id=first.id)


@action
async def calling(environment, group, direct_conversation, alice, bob, **_):
    missed = await environment.run(call_actions.invite, alice.pk, group.pk, "alice-laptop", "audio")
    await environment.run(call_actions.hang_up, alice.pk, missed.id, "alice-laptop")
    call = await environment.run(call_actions.invite, bob.pk, direct_conversation.pk, "bob-laptop", "video")
    await environment.run(call_actions.accept, alice.pk, call.id, "alice-laptop")
    await environment.run(call_actions.hang_up, alice.pk, call.id, "alice-laptop")


@action
async def editing(environment, group, alice, bob, **_):
    message = await send(environment, alice, group.pk, "helo")
    await environment.run(actions.edit_message, alice.pk, message.id, "hello @bob")
    await environment.run(actions.edit_message, alice.pk, message.id, "hello @bob")


@action
async def recalling(environment, group, alice, bob, **_):
    message = await send(environment, alice, group.pk, "oops @bob")
    await environment.run(actions.mark_read, bob.pk, group.pk, message.seq)
    await environment.run(actions.delete_message, alice.pk, message.id)


@action
async def hiding_and_restoring(environment, group, alice, bob, carol, **_):
    await environment.run(
        User.objects.filter(pk=carol.pk).update, is_superuser=True
    )  # a site moderator who is not a member
    message = await send(environment, bob, group.pk, "rude")
    await environment.run(actions.delete_message, alice.pk, message.id)
    await environment.run(actions.restore_message, carol.pk, message.id)
    await environment.run(actions.hide_message, carol.pk, message.id)


@action
async def reacting(environment, group, alice, bob, **_):
    message = await send(environment, alice, group.pk, "good news")
    await environment.run(actions.set_reaction, bob.pk, message.id, "👍", True)
    await environment.run(actions.set_reaction, alice.pk, message.id, "👍", True)
    await environment.run(actions.set_reaction, alice.pk, message.id, "🎉", True)
    await environment.run(actions.set_reaction, bob.pk, message.id, "👍", False)


@action
async def pinning(environment, group, alice, bob, **_):
    message = await send(environment, alice, group.pk, "keep this")
    await environment.run(actions.set_pinned, bob.pk, message.id, True)
    await environment.run(actions.set_pinned, bob.pk, message.id, False)
    await environment.run(actions.set_pinned, bob.pk, message.id, True)


@action
async def changing_the_group(environment, group, alice, **_):
    changes = {"title": "A better name", "announcement": "Tonight at ten", "members_may_pin": False}
    await environment.run(actions.update_group, alice.pk, group.pk, changes)
    await environment.run(actions.update_group, alice.pk, group.pk, changes)


@action
async def adding_people(environment, group, alice, carol, **_):
    await send(environment, alice, group.pk, "before")
    await environment.run(actions.add_members, alice.pk, group.pk, [carol.pk])
    await send(environment, alice, group.pk, "after")


@action
async def removing_and_adding_again(environment, group, alice, bob, **_):
    await environment.run(actions.remove_member, alice.pk, group.pk, bob.pk)
    await send(environment, alice, group.pk, "he does not hear this")
    await environment.run(actions.add_members, alice.pk, group.pk, [bob.pk])
    await send(environment, alice, group.pk, "he hears this")


@action
async def leaving(environment, group, alice, bob, **_):
    await environment.run(actions.remove_member, bob.pk, group.pk, bob.pk)
    await send(environment, alice, group.pk, "alone")


@action
async def roles(environment, group, alice, bob, carol, **_):
    await environment.run(actions.add_members, alice.pk, group.pk, [carol.pk])
    await environment.run(actions.mute_member, alice.pk, group.pk, carol.pk, 3600)
    await environment.run(actions.set_role, alice.pk, group.pk, carol.pk, "admin")
    await environment.run(actions.set_role, alice.pk, group.pk, bob.pk, "owner")
    await environment.run(actions.set_role, bob.pk, group.pk, carol.pk, "member")


@action
async def joining_by_invite_link(environment, group, alice, bob, carol, **_):
    invite = await environment.run(actions.create_invite, alice.pk, group.pk, max_uses=2)
    await environment.run(actions.join_by_invite, carol.pk, invite.token)
    await environment.run(actions.join_by_invite, carol.pk, invite.token)
    await environment.run(actions.remove_member, bob.pk, group.pk, bob.pk)
    await environment.run(actions.join_by_invite, bob.pk, invite.token)
    await environment.run(actions.revoke_invite, alice.pk, group.pk, invite.id)
    await send(environment, carol, group.pk, "hello, I am new")


@action
async def deciding_who_joins(environment, group, alice, bob, carol, **_):
    await environment.run(actions.update_group, alice.pk, group.pk, {"joins_need_approval": True})
    invite = await environment.run(actions.create_invite, alice.pk, group.pk)
    await environment.run(actions.join_by_invite, carol.pk, invite.token)
    await environment.run(actions.withdraw_request, carol.pk, invite.token)
    await environment.run(actions.join_by_invite, carol.pk, invite.token)
    await environment.run(actions.approve_request, alice.pk, group.pk, carol.pk)
    await environment.run(actions.remove_member, bob.pk, group.pk, bob.pk)
    await environment.run(actions.join_by_invite, bob.pk, invite.token)
    await environment.run(actions.decline_request, alice.pk, group.pk, bob.pk)


@action
async def changing_the_group_avatar(environment, group, alice, **_):
    for colour in ("teal", "olive"):
        written = BytesIO()
        Image.new("RGB", (64, 64), colour).save(written, "PNG")
        await environment.run(
            actions.set_group_avatar, alice.pk, group.pk, BytesIO(written.getvalue()), len(written.getvalue())
        )
    await environment.run(actions.remove_group_avatar, alice.pk, group.pk)
    await environment.run(actions.remove_group_avatar, alice.pk, group.pk)


@action
async def announcing(environment, group, alice, bob, **_):
    first = await environment.run(actions.update_group, alice.pk, group.pk, {"announcement": "Tonight at ten"})
    await environment.run(actions.update_member_state, bob.pk, group.pk, {"announcement_seen": first.announced_version})
    await environment.run(
        actions.update_group, alice.pk, group.pk, {"announcement": "Tonight at eleven", "description": "Here."}
    )
    await environment.run(actions.update_group, alice.pk, group.pk, {"announcement": ""})


@action
async def deleting_the_group(environment, group, alice, **_):
    await send(environment, alice, group.pk, "the end")
    await environment.run(actions.delete_group, alice.pk, group.pk)


@action
async def creating_a_group(environment, alice, bob, carol, **_):
    await environment.run(actions.create_group, carol.pk, "New", [alice.pk, bob.pk])


@action
async def adding_and_opening_the_group(environment, group, alice, bob, carol, **_):
    made = await environment.run(actions.create_group, carol.pk, "New", [alice.pk, bob.pk])
    await environment.run(actions.mark_read, alice.pk, made.id, 0)
    await send(environment, bob, made.id, "who are you all?")
    await environment.run(actions.add_members, alice.pk, group.pk, [carol.pk])
    await environment.run(actions.mark_read, carol.pk, group.pk, 0)


@action
async def opening_a_direct_conversation(environment, alice, carol, **_):
    shape, _created = await environment.run(actions.open_direct_conversation, carol.pk, alice.pk)
    await send(environment, carol, shape.id, "hello")


@action
async def reading_and_marking_unread(environment, group, alice, bob, **_):
    for number in range(4):
        await send(environment, alice, group.pk, f"number {number}")
    await environment.run(actions.mark_read, bob.pk, group.pk, 3)
    await send(environment, bob, group.pk, "mine")
    await environment.run(actions.mark_read, bob.pk, group.pk, 3, back=True)
    await environment.run(actions.mark_read, bob.pk, group.pk, 4)
    await send(environment, alice, group.pk, "more")
    await environment.run(actions.mark_delivered, alice.pk, {group.pk: 9})


@action
async def own_conversation_settings(environment, group, alice, **_):
    changes = {"muted": True, "level": "mentions", "favourite": True, "archived": True, "draft": "half a"}
    await environment.run(actions.update_member_state, alice.pk, group.pk, changes)
    await environment.run(actions.update_member_state, alice.pk, group.pk, changes)


@action
async def changing_the_name(environment, group, direct_conversation, alice, bob, **_):
    first = await send(environment, alice, group.pk, "hello")
    await send(environment, bob, group.pk, "hi", reply_to_id=first.id)
    await environment.run(account_actions.update_profile, alice.pk, {"name": "Alice the Great"})
    await environment.run(queue.run_due)  # the worker publishes the name in each conversation


@action
async def contacts_and_requests(environment, alice, bob, carol, **_):
    await environment.run(contacts.add_contact, alice.pk, bob.pk)
    await environment.run(account_actions.update_profile, carol.pk, {"add_me": "contacts"})
    await environment.run(contacts.add_contact, alice.pk, carol.pk)
    await environment.run(contacts.add_contact, bob.pk, carol.pk)
    await environment.run(contacts.add_contact, carol.pk, alice.pk)
    await environment.run(contacts.ignore_request, carol.pk, bob.pk)
    await environment.run(contacts.remove_contact, alice.pk, bob.pk)


@action
async def declining_and_withdrawing_requests(environment, alice, bob, carol, **_):
    await environment.run(account_actions.update_profile, carol.pk, {"write_to_me": "nobody"})
    for each in (alice, bob):
        await environment.run(contacts.add_contact, each.pk, carol.pk)
    await environment.run(contacts.decline_request, carol.pk, alice.pk)
    await environment.run(contacts.remove_contact, bob.pk, carol.pk)


@action
async def blocking(environment, group, direct_conversation, alice, bob, **_):
    await environment.run(contacts.add_contact, alice.pk, bob.pk)
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    await send(environment, bob, group.pk, "hi @alice")
    await send(environment, alice, group.pk, "hi @bob and @all")


@action
async def unblocking(environment, group, alice, bob, **_):
    await environment.run(contacts.add_contact, alice.pk, bob.pk)
    await environment.run(contacts.block_user, alice.pk, bob.pk)
    await environment.run(contacts.unblock_user, alice.pk, bob.pk)
    await send(environment, bob, group.pk, "hi @alice")


@action
async def removing_by_age(environment, group, alice, bob, **_):
    first = await send(environment, alice, group.pk, "an old question @bob")
    await environment.run(actions.set_pinned, alice.pk, first.id, True)
    await send(environment, alice, group.pk, "old, too")
    answer = await send(environment, bob, group.pk, "an answer", reply_to_id=first.id)
    await environment.run(actions.mark_read, bob.pk, group.pk, 1, True)
    await environment.run(remove_by_age, group, answer.seq)
    await send(environment, alice, group.pk, "new")
    await environment.run(remove_by_age, group, answer.seq + 2)


def remove_by_age(group, before_seq: int) -> None:
    """Makes all messages of a group before a number ten days old, and removes those of more than a week."""
    old = timezone.now() - timedelta(days=10)
    Message.objects.filter(conversation=group.pk, seq__lt=before_seq).update(created_at=old)
    Conversation.objects.filter(pk=group.pk).update(retention_days=7)
    retention.remove_expired_messages()


@action
async def reporting(environment, group, alice, bob, **_):
    message = await send(environment, alice, group.pk, "hello")
    await environment.run(actions.report_message, bob.pk, message.id, "spam")


@pytest.mark.parametrize("name", sorted(ACTIONS))
async def test_initial_state_plus_events_equals_fresh_state(
    name, environment, group, direct_conversation, alice, bob, carol, mallory
):
    listeners = {user: await environment.connect(user) for user in (alice, bob, carol, mallory)}
    second_device = await environment.connect(alice)

    await ACTIONS[name](
        environment, group=group, direct_conversation=direct_conversation, alice=alice, bob=bob, carol=carol
    )

    for user, listener in [*listeners.items(), (alice, second_device)]:
        client_state = listener.apply_received()
        assert not client_state.conversations_behind and not client_state.is_user_behind, f"{user} has a hole"
        client_state.assert_matches(await environment.run(load_state, user.pk))
    assert listeners[mallory].client_state.events[1:] == []  # the only event is `welcome`


@pytest.mark.parametrize("name", sorted(ACTIONS))
async def test_sync_after_an_absence_gives_the_fresh_state(
    name, environment, group, direct_conversation, alice, bob, carol
):
    listeners = {user: await environment.connect(user) for user in (alice, bob, carol)}
    await ACTIONS[name](
        environment, group=group, direct_conversation=direct_conversation, alice=alice, bob=bob, carol=carol
    )

    for user, listener in listeners.items():
        client_state = listener.client_state  # its frames are not applied, as if it had been disconnected
        for _ in range(50):
            payload = client_state.sync_payload()
            cursors = {int(cid): version for cid, version in payload["cursors"].items()}
            answer = await environment.run(selectors.sync_client, user.pk, cursors, payload["me"], None, 3)
            if client_state.apply_sync_response(msgspec.json.decode(msgspec.json.encode(answer))):
                break
        client_state.assert_matches(await environment.run(load_state, user.pk))


async def test_an_action_without_effect_publishes_no_event(environment, group, alice, bob):
    message = await send(environment, alice, group.pk, "hello")
    listener = await environment.connect(bob)
    listener.transport.texts.clear()
    again = [
        (actions.edit_message, alice.pk, message.id, "hello"),
        (actions.set_reaction, bob.pk, message.id, "👍", False),
        (actions.set_pinned, bob.pk, message.id, False),
        (actions.update_group, alice.pk, group.pk, {"title": "Room"}),
        (actions.add_members, alice.pk, group.pk, [bob.pk]),
        (actions.set_role, alice.pk, group.pk, bob.pk, "member"),
        (actions.update_member_state, bob.pk, group.pk, {"muted": False}),
    ]
    for each, *args in again:
        await environment.run(each, *args)
    assert listener.types() == []
