"""State before + events = state fetched afresh, for every verb and for everybody who may see it."""

from __future__ import annotations

import uuid
from io import BytesIO

import msgspec
import pytest
from PIL import Image

from accounts import actions as account_actions
from accounts.actions import contacts
from accounts.models import User
from chat import actions, selectors
from tests.live.client_state import fresh


async def send(stage, user, conversation_id, body, **more):
    message, _ = await stage.do(actions.send_message, user.pk, conversation_id, uuid.uuid4(), body, **more)
    return message


VERBS = {}


def verb(scenario):
    VERBS[scenario.__name__] = scenario
    return scenario


@verb
async def sending(stage, room, alice, bob, **_):
    await send(stage, alice, room.pk, "hello")
    await send(stage, bob, room.pk, "hello **you**")


@verb
async def sending_twice(stage, room, alice, **_):
    client_id = uuid.uuid4()
    for _ in range(2):
        await stage.do(actions.send_message, alice.pk, room.pk, client_id, "once")


@verb
async def mentioning(stage, room, alice, bob, **_):
    await send(stage, alice, room.pk, "hi @bob and @all")
    await send(stage, bob, room.pk, "@all is not for members, @alice is")


@verb
async def replying_and_deleting_what_was_quoted(stage, room, alice, bob, **_):
    first = await send(stage, alice, room.pk, "a question")
    await send(stage, bob, room.pk, "an answer", reply_to_id=first.id)
    await stage.do(actions.edit_message, alice.pk, first.id, "another question")
    await stage.do(actions.delete_message, alice.pk, first.id)


@verb
async def forwarding(stage, room, pair, alice, **_):
    first = await send(stage, alice, pair.pk, "between us")
    await send(stage, alice, room.pk, "", forward_id=first.id)


@verb
async def editing(stage, room, alice, bob, **_):
    message = await send(stage, alice, room.pk, "helo")
    await stage.do(actions.edit_message, alice.pk, message.id, "hello @bob")
    await stage.do(actions.edit_message, alice.pk, message.id, "hello @bob")


@verb
async def recalling(stage, room, alice, bob, **_):
    message = await send(stage, alice, room.pk, "oops @bob")
    await stage.do(actions.mark_read, bob.pk, room.pk, message.seq)
    await stage.do(actions.delete_message, alice.pk, message.id)


@verb
async def hiding_and_restoring(stage, room, alice, bob, carol, **_):
    await stage.do(User.objects.filter(pk=carol.pk).update, is_superuser=True)  # a site moderator, and no member
    message = await send(stage, bob, room.pk, "rude")
    await stage.do(actions.delete_message, alice.pk, message.id)
    await stage.do(actions.restore_message, carol.pk, message.id)
    await stage.do(actions.hide_message, carol.pk, message.id)


@verb
async def reacting(stage, room, alice, bob, **_):
    message = await send(stage, alice, room.pk, "good news")
    await stage.do(actions.set_reaction, bob.pk, message.id, "👍", True)
    await stage.do(actions.set_reaction, alice.pk, message.id, "👍", True)
    await stage.do(actions.set_reaction, alice.pk, message.id, "🎉", True)
    await stage.do(actions.set_reaction, bob.pk, message.id, "👍", False)


@verb
async def pinning(stage, room, alice, bob, **_):
    message = await send(stage, alice, room.pk, "keep this")
    await stage.do(actions.set_pinned, bob.pk, message.id, True)
    await stage.do(actions.set_pinned, bob.pk, message.id, False)
    await stage.do(actions.set_pinned, bob.pk, message.id, True)


@verb
async def changing_the_group(stage, room, alice, **_):
    changes = {"title": "A better name", "announcement": "Tonight at ten", "members_may_pin": False}
    await stage.do(actions.update_group, alice.pk, room.pk, changes)
    await stage.do(actions.update_group, alice.pk, room.pk, changes)


@verb
async def adding_people(stage, room, alice, carol, **_):
    await send(stage, alice, room.pk, "before")
    await stage.do(actions.add_members, alice.pk, room.pk, [carol.pk])
    await send(stage, alice, room.pk, "after")


@verb
async def removing_and_adding_again(stage, room, alice, bob, **_):
    await stage.do(actions.remove_member, alice.pk, room.pk, bob.pk)
    await send(stage, alice, room.pk, "he does not hear this")
    await stage.do(actions.add_members, alice.pk, room.pk, [bob.pk])
    await send(stage, alice, room.pk, "he hears this")


@verb
async def leaving(stage, room, alice, bob, **_):
    await stage.do(actions.remove_member, bob.pk, room.pk, bob.pk)
    await send(stage, alice, room.pk, "alone")


@verb
async def roles(stage, room, alice, bob, carol, **_):
    await stage.do(actions.add_members, alice.pk, room.pk, [carol.pk])
    await stage.do(actions.set_role, alice.pk, room.pk, carol.pk, "admin")
    await stage.do(actions.set_role, alice.pk, room.pk, bob.pk, "owner")
    await stage.do(actions.set_role, bob.pk, room.pk, carol.pk, "member")


@verb
async def coming_in_by_a_link(stage, room, alice, bob, carol, **_):
    invite = await stage.do(actions.create_invite, alice.pk, room.pk, max_uses=2)
    await stage.do(actions.join_by_invite, carol.pk, invite.token)
    await stage.do(actions.join_by_invite, carol.pk, invite.token)
    await stage.do(actions.remove_member, bob.pk, room.pk, bob.pk)
    await stage.do(actions.join_by_invite, bob.pk, invite.token)
    await stage.do(actions.revoke_invite, alice.pk, room.pk, invite.id)
    await send(stage, carol, room.pk, "hello, I am new")


@verb
async def a_picture_of_the_group(stage, room, alice, **_):
    for colour in ("teal", "olive"):
        written = BytesIO()
        Image.new("RGB", (64, 64), colour).save(written, "PNG")
        await stage.do(
            actions.set_group_avatar, alice.pk, room.pk, BytesIO(written.getvalue()), len(written.getvalue())
        )
    await stage.do(actions.remove_group_avatar, alice.pk, room.pk)
    await stage.do(actions.remove_group_avatar, alice.pk, room.pk)


@verb
async def announcing(stage, room, alice, bob, **_):
    first = await stage.do(actions.update_group, alice.pk, room.pk, {"announcement": "Tonight at ten"})
    await stage.do(actions.update_member_state, bob.pk, room.pk, {"announcement_seen": first.announced_version})
    await stage.do(
        actions.update_group, alice.pk, room.pk, {"announcement": "Tonight at eleven", "description": "Here."}
    )
    await stage.do(actions.update_group, alice.pk, room.pk, {"announcement": ""})


@verb
async def deleting_the_group(stage, room, alice, **_):
    await send(stage, alice, room.pk, "the end")
    await stage.do(actions.delete_group, alice.pk, room.pk)


@verb
async def opening_a_group(stage, alice, bob, carol, **_):
    await stage.do(actions.create_group, carol.pk, "New", [alice.pk, bob.pk])


@verb
async def opening_a_pair(stage, alice, carol, **_):
    shape, _created = await stage.do(actions.open_direct_conversation, carol.pk, alice.pk)
    await send(stage, carol, shape.id, "hello")


@verb
async def reading_and_marking_unread(stage, room, alice, bob, **_):
    for number in range(4):
        await send(stage, alice, room.pk, f"number {number}")
    await stage.do(actions.mark_read, bob.pk, room.pk, 3)
    await send(stage, bob, room.pk, "mine")
    await stage.do(actions.mark_read, bob.pk, room.pk, 3, back=True)
    await stage.do(actions.mark_read, bob.pk, room.pk, 4)
    await send(stage, alice, room.pk, "more")
    await stage.do(actions.mark_delivered, alice.pk, {room.pk: 9})


@verb
async def ones_own_settings(stage, room, alice, **_):
    changes = {"muted": True, "level": "mentions", "favourite": True, "archived": True, "draft": "half a"}
    await stage.do(actions.update_member_state, alice.pk, room.pk, changes)
    await stage.do(actions.update_member_state, alice.pk, room.pk, changes)


@verb
async def a_new_name(stage, room, pair, alice, bob, **_):
    first = await send(stage, alice, room.pk, "hello")
    await send(stage, bob, room.pk, "hi", reply_to_id=first.id)
    await stage.do(account_actions.update_profile, alice.pk, {"name": "Alice the Great"})


@verb
async def contacts_and_requests(stage, alice, bob, carol, **_):
    await stage.do(contacts.add_contact, alice.pk, bob.pk)
    await stage.do(account_actions.update_profile, carol.pk, {"add_me": "contacts"})
    await stage.do(contacts.add_contact, alice.pk, carol.pk)
    await stage.do(contacts.add_contact, bob.pk, carol.pk)
    await stage.do(contacts.add_contact, carol.pk, alice.pk)
    await stage.do(contacts.ignore_request, carol.pk, bob.pk)
    await stage.do(contacts.remove_contact, alice.pk, bob.pk)


@verb
async def requests_declined_and_taken_back(stage, alice, bob, carol, **_):
    await stage.do(account_actions.update_profile, carol.pk, {"write_to_me": "nobody"})
    for each in (alice, bob):
        await stage.do(contacts.add_contact, each.pk, carol.pk)
    await stage.do(contacts.decline_request, carol.pk, alice.pk)
    await stage.do(contacts.remove_contact, bob.pk, carol.pk)


@verb
async def blocking(stage, room, pair, alice, bob, **_):
    await stage.do(contacts.add_contact, alice.pk, bob.pk)
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    await send(stage, bob, room.pk, "hi @alice")
    await send(stage, alice, room.pk, "hi @bob and @all")


@verb
async def unblocking(stage, room, alice, bob, **_):
    await stage.do(contacts.add_contact, alice.pk, bob.pk)
    await stage.do(contacts.block_user, alice.pk, bob.pk)
    await stage.do(contacts.unblock_user, alice.pk, bob.pk)
    await send(stage, bob, room.pk, "hi @alice")


@verb
async def reporting_tells_nobody(stage, room, alice, bob, **_):
    message = await send(stage, alice, room.pk, "hello")
    await stage.do(actions.report_message, bob.pk, message.id, "spam")


@pytest.mark.parametrize("name", sorted(VERBS))
async def test_state_before_and_events_make_state_afresh(name, stage, room, pair, alice, bob, carol, mallory):
    listeners = {user: await stage.listen(user) for user in (alice, bob, carol, mallory)}
    second_device = await stage.listen(alice)

    await VERBS[name](stage, room=room, pair=pair, alice=alice, bob=bob, carol=carol)

    for user, listener in [*listeners.items(), (alice, second_device)]:
        replica = listener.catch()
        assert not replica.behind and not replica.me_behind, f"{user} has a hole"
        replica.agrees_with(await stage.do(fresh, user.pk))
    assert listeners[mallory].replica.heard[1:] == []  # after welcome: nothing


@pytest.mark.parametrize("name", sorted(VERBS))
async def test_whoever_was_away_catches_up_to_the_same(name, stage, room, pair, alice, bob, carol):
    listeners = {user: await stage.listen(user) for user in (alice, bob, carol)}
    await VERBS[name](stage, room=room, pair=pair, alice=alice, bob=bob, carol=carol)

    for user, listener in listeners.items():
        replica = listener.replica  # it has heard nothing of it
        for _ in range(50):
            payload = replica.sync_payload()
            cursors = {int(cid): version for cid, version in payload["cursors"].items()}
            answer = await stage.do(selectors.sync_client, user.pk, cursors, payload["me"], None, 3)
            if replica.caught_up(msgspec.json.decode(msgspec.json.encode(answer))):
                break
        replica.agrees_with(await stage.do(fresh, user.pk))


async def test_a_verb_that_changes_nothing_tells_nothing(stage, room, alice, bob):
    message = await send(stage, alice, room.pk, "hello")
    listener = await stage.listen(bob)
    listener.wire.texts.clear()
    again = [
        (actions.edit_message, alice.pk, message.id, "hello"),
        (actions.set_reaction, bob.pk, message.id, "👍", False),
        (actions.set_pinned, bob.pk, message.id, False),
        (actions.update_group, alice.pk, room.pk, {"title": "Room"}),
        (actions.add_members, alice.pk, room.pk, [bob.pk]),
        (actions.set_role, alice.pk, room.pk, bob.pk, "member"),
        (actions.update_member_state, bob.pk, room.pk, {"muted": False}),
    ]
    for each, *args in again:
        await stage.do(each, *args)
    assert listener.types() == []
