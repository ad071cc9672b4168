"""Tests that an action has the same effect, events and errors whether it is called by API, page or WebSocket."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEntry
from chat import actions, selectors
from chat.models import Conversation, Report
from messenger.core import database
from messenger.core.client_ip import set_current_ip
from tests.actions.entry_points import ENTRY_POINTS, entry_points_for


def parametrize_entry_points(action: str):
    """Returns a decorator that runs a test once for each entry point that supports the action.

    The entry points are the API, the pages and the WebSocket.
    """
    return pytest.mark.parametrize("entry_point", entry_points_for(action), indirect=True)


UNKNOWN_ID = 999_999_999


@parametrize_entry_points("send")
async def test_send(entry_point, workspace):
    quoted = await workspace.send_message(workspace.alice, "a question")
    await workspace.connect_listeners()
    client_id = str(uuid.uuid4())
    for _ in range(2):  # a repeat is idempotent
        assert (
            await entry_point(
                workspace.bob,
                "send",
                conversation=workspace.group,
                body="**you** @alice",
                client_id=client_id,
                reply_to=quoted.id,
            )
        ).code == ""
    message = await workspace.get_message(await workspace.last_message())
    assert (message.body, message.sender.username, message.seq) == ("**you** @alice", "bob", quoted.seq + 1)
    assert message.body_html.startswith("<p><strong>you</strong> <span")
    assert (message.client_id, message.reply_to.id) == (client_id, quoted.id)
    assert (await workspace.get_member_state(workspace.alice)).unread_mention_count == 1
    assert (await workspace.get_member_state(workspace.bob)).unread_count == 0
    for name in ("alice", "adam", "carol"):
        assert workspace.received_types(name).count("message.created") == 1
    assert "mention" in workspace.received_types("alice") and "mention" not in workspace.received_types("carol")
    conflict = await entry_point(
        workspace.bob, "send", conversation=workspace.group, body="other words", client_id=client_id
    )
    assert conflict.code == "conflict"
    assert await workspace.last_message() == await workspace.last_message(pk=message.id)
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("forward")
async def test_forward(entry_point, workspace):
    source = await workspace.send_message(workspace.bob, "between us", workspace.direct_conversation)
    await workspace.connect_listeners()
    assert (await entry_point(workspace.alice, "forward", message=source.id, conversation=workspace.group)).code == ""
    message = await workspace.get_message(await workspace.last_message())
    assert (message.body, message.conversation_id, message.sender.username) == ("between us", workspace.group, "alice")
    assert message.forwarded_from.sender.username == "bob"
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("edit")
async def test_edit(entry_point, workspace):
    message = await workspace.send_message(workspace.bob, "helo")
    await workspace.connect_listeners()
    for _ in range(2):
        assert (await entry_point(workspace.bob, "edit", message=message.id, body="hello @carol\nyou")).code == ""
    after = await workspace.get_message(message)
    assert (after.body, after.version) == ("hello @carol\nyou", message.version + 1)
    assert after.edited_at and [mention.user_id for mention in after.mentions] == [workspace.carol.pk]
    assert [
        each.body for each in await database.run_in_thread(selectors.list_revisions, workspace.bob.pk, message.id)
    ] == ["helo"]
    assert "mention" in workspace.received_types("carol")
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("delete")
async def test_delete(entry_point, workspace):
    own, others = (
        await workspace.send_message(workspace.bob, "oops @alice"),
        await workspace.send_message(workspace.carol, "rude"),
    )
    await workspace.send_message(workspace.alice, "what?", reply_to_id=own.id)
    await workspace.connect_listeners()
    for _ in range(2):
        assert (await entry_point(workspace.bob, "delete", message=own.id)).code == ""
        assert (await entry_point(workspace.adam, "delete", message=others.id)).code == ""
    for message in (own, others):
        after = await workspace.get_message(message)
        assert after.deleted_at and (after.body, after.body_html, after.mentions) == ("", "", [])
        assert after.version <= message.version + 4
    assert (await workspace.last_message(pk=own.id)).body == ""  # deleted by its sender: the text is erased
    assert (await workspace.last_message(pk=others.id)).body == "rude"  # deleted by an admin: the text is kept
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("delete")
async def test_the_audit_log_has_the_address_of_an_act(entry_point, workspace):
    message = await workspace.send_message(workspace.bob, "rude")
    set_current_ip("")  # of earlier tests in this process
    assert (await entry_point(workspace.alice, "delete", message=message.id)).code == ""
    entries = AuditEntry.objects.filter(action="message.delete").values_list("address", flat=True)
    assert await database.run_in_thread(lambda: list(entries)) == ["127.0.0.1"]


@parametrize_entry_points("react")
async def test_react(entry_point, workspace):
    message = await workspace.send_message(workspace.alice)
    await workspace.connect_listeners()
    for emoji in ("👍", "👍", "❤️", "🏳️‍🌈", "1️⃣"):
        assert (await entry_point(workspace.bob, "react", message=message.id, emoji=emoji)).code == ""
    assert (await entry_point(workspace.carol, "react", message=message.id, emoji="👍")).code == ""
    for _ in range(2):
        assert (await entry_point(workspace.bob, "react", message=message.id, emoji="❤️", active=False)).code == ""
    after = await workspace.get_message(message)
    assert {each.emoji: each.user_ids for each in after.reactions} == {
        "👍": [workspace.bob.pk, workspace.carol.pk],
        "🏳️‍🌈": [workspace.bob.pk],
        "1️⃣": [workspace.bob.pk],
    }
    assert after.version == message.version + 6
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("pin")
async def test_pin(entry_point, workspace):
    message = await workspace.send_message(workspace.alice)
    await workspace.connect_listeners()
    for active in (True, True, False, True):
        assert (await entry_point(workspace.bob, "pin", message=message.id, active=active)).code == ""
    assert (await workspace.get_message(message)).version == message.version + 3
    assert [
        each.id for each in await database.run_in_thread(selectors.list_pins, workspace.alice.pk, workspace.group)
    ] == [message.id]
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("report")
async def test_report(entry_point, workspace):
    message = await workspace.send_message(workspace.alice, "spam")
    await workspace.connect_listeners()
    for reason in ("first", "advertising"):
        assert (await entry_point(workspace.bob, "report", message=message.id, reason=reason)).code == ""
    (report,) = await database.run_in_thread(lambda: list(Report.objects.values("reporter_id", "reason", "body")))
    assert report == {"reporter_id": workspace.bob.pk, "reason": "advertising", "body": "spam"}
    assert workspace.all_received() == []


@parametrize_entry_points("send")
async def test_a_muted_user_cannot_send(entry_point, workspace):
    until = timezone.now() + timedelta(hours=1)
    await database.run_in_thread(lambda: User.objects.filter(pk=workspace.bob.pk).update(muted_until=until))
    outcome = await entry_point(workspace.bob, "send", conversation=workspace.group, body="hello")
    assert outcome.code == "forbidden"


@parametrize_entry_points("read")
async def test_read(entry_point, workspace):
    messages = [await workspace.send_message(workspace.alice, f"{number} @bob") for number in range(4)]
    await workspace.connect_listeners()
    assert (await entry_point(workspace.bob, "read", conversation=workspace.group, seq=messages[2].seq)).code == ""
    mine = await workspace.get_member_state(workspace.bob)
    assert (mine.read_seq, mine.unread_count, mine.unread_mention_count) == (messages[2].seq, 1, 1)
    assert (
        await entry_point(workspace.bob, "read", conversation=workspace.group, seq=messages[0].seq)
    ).code == ""  # the marker does not move back without `back`
    assert (await workspace.get_member_state(workspace.bob)).read_seq == messages[2].seq
    assert (
        await entry_point(workspace.bob, "read", conversation=workspace.group, seq=messages[1].seq, back=True)
    ).code == ""
    mine = await workspace.get_member_state(workspace.bob)
    assert (mine.read_seq, mine.unread_count) == (messages[0].seq, 3)
    assert (
        await entry_point(workspace.bob, "read", conversation=workspace.group, seq=UNKNOWN_ID)
    ).code == ""  # not beyond the last message
    assert (await workspace.get_member_state(workspace.bob)).read_seq == messages[-1].seq
    assert "receipt" in workspace.received_types("alice") and "mine.updated" not in workspace.received_types("alice")
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("typing")
async def test_typing(entry_point, workspace):
    await workspace.connect_listeners()
    assert (await entry_point(workspace.bob, "typing", conversation=workspace.group)).code == ""
    await workspace.environment.settle()
    assert "typing" in workspace.received_types("alice") and "typing" in workspace.received_types("carol")
    assert "typing" not in workspace.received_types("bob") and "typing" not in workspace.received_types("mallory")
    assert (await entry_point(workspace.bob, "typing", conversation=workspace.group, active=False)).code == ""
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("set_mine")
async def test_own_conversation_settings(entry_point, workspace):
    await workspace.connect_listeners()
    changes: dict[str, Any] = {"muted": True, "level": "mentions", "favourite": True, "archived": True}
    if entry_point.name == "api":
        changes["draft"] = "half a "
    for _ in range(2):
        assert (await entry_point(workspace.bob, "set_mine", conversation=workspace.group, **changes)).code == ""
    mine = await workspace.get_member_state(workspace.bob)
    assert {name: getattr(mine, name) for name in changes} == changes
    assert workspace.received_types("bob") == ["mine.updated"] and workspace.received_types("alice") == []
    assert (await entry_point(workspace.bob, "set_mine", conversation=workspace.group, muted=False)).code == ""
    assert (
        not (await workspace.get_member_state(workspace.bob)).muted
        and (await workspace.get_member_state(workspace.bob)).favourite
    )
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("open_direct")
async def test_open_a_direct_conversation(entry_point, workspace):
    await workspace.connect_listeners()
    for user, other in (
        (workspace.bob, workspace.carol),
        (workspace.carol, workspace.bob),
        (workspace.bob, workspace.carol),
    ):
        assert (await entry_point(user, "open_direct", user=other.pk)).code == ""
    direct_conversations = await database.run_in_thread(
        lambda: list(Conversation.objects.filter(kind="direct").exclude(pk=workspace.direct_conversation))
    )
    assert [direct_conversation.pair for direct_conversation in direct_conversations] == [
        ":".join(map(str, sorted((workspace.bob.pk, workspace.carol.pk))))
    ]
    assert workspace.received_types("bob") == workspace.received_types("carol") == ["conversation.added"]
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("create_group")
async def test_create_a_group(entry_point, workspace):
    await workspace.connect_listeners()
    users = [workspace.alice.pk, workspace.carol.pk, workspace.bob.pk]  # bob, the creator, is a member anyway
    assert (await entry_point(workspace.bob, "create_group", title="  New \n group ", users=users)).code == ""
    group = await database.run_in_thread(lambda: Conversation.objects.filter(kind="group").latest("pk"))
    assert (group.title, group.owner_id, group.member_count) == ("New group", workspace.bob.pk, 3)
    for name in ("alice", "bob", "carol"):
        assert workspace.received_types(name) == ["conversation.added"]
    assert workspace.received_types("adam") == workspace.received_types("mallory") == []
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("update")
async def test_change_a_group(entry_point, workspace):
    await workspace.connect_listeners()
    changes = {
        "title": "A better name",
        "description": "What it is\nabout",
        "announcement": "Tonight at ten",
        "members_may_add": False,
        "members_may_pin": False,
        "revisions_visible": False,
        "joins_need_approval": True,
    }
    for _ in range(2):
        assert (await entry_point(workspace.adam, "update", conversation=workspace.group, **changes)).code == ""
    group = await workspace.get_conversation()
    assert {name: getattr(group, name) for name in changes} == changes
    history = await database.run_in_thread(selectors.get_history, workspace.bob.pk, workspace.group)
    assert [line.event.name for line in history.results] == ["role", "renamed", "described", "announced"]
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("add")
async def test_add_people(entry_point, workspace):
    await workspace.send_message(workspace.alice, "before")
    await workspace.connect_listeners()
    for _ in range(2):
        assert (
            await entry_point(
                workspace.bob, "add", conversation=workspace.group, users=[workspace.mallory.pk, workspace.carol.pk]
            )
        ).code == ""
    assert (await workspace.get_roles())["mallory"] == "member"
    assert (await workspace.get_conversation()).member_count == 5
    assert (await workspace.get_member_state(workspace.mallory)).unread_count == 0
    assert workspace.received_types("mallory").count("conversation.added") == 1
    await workspace.send_message(workspace.alice, "after")
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("remove")
async def test_remove_and_leave(entry_point, workspace):
    await workspace.connect_listeners()
    assert (await entry_point(workspace.adam, "remove", conversation=workspace.group, user=workspace.bob.pk)).code == ""
    assert (
        await entry_point(workspace.carol, "remove", conversation=workspace.group, user=workspace.carol.pk)
    ).code == ""
    await workspace.send_message(workspace.alice, "they do not hear this")
    assert set(await workspace.get_roles()) == {"alice", "adam"}
    for name in ("bob", "carol"):
        assert "conversation.removed" in workspace.received_types(name)
        assert not any("they do not hear this" in text for text in workspace.listeners[name].transport.texts)
    history = await database.run_in_thread(selectors.get_history, workspace.alice.pk, workspace.group)
    assert [line.event.name for line in history.results if line.event] == ["role", "removed", "left"]
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("set_role")
async def test_roles_and_transfer(entry_point, workspace):
    await workspace.connect_listeners()
    for _ in range(2):
        assert (
            await entry_point(
                workspace.alice, "set_role", conversation=workspace.group, user=workspace.bob.pk, role="admin"
            )
        ).code == ""
    assert (
        await entry_point(
            workspace.alice, "set_role", conversation=workspace.group, user=workspace.adam.pk, role="member"
        )
    ).code == ""
    assert (
        await entry_point(
            workspace.alice, "set_role", conversation=workspace.group, user=workspace.carol.pk, role="owner"
        )
    ).code == ""
    assert await workspace.get_roles() == {"carol": "owner", "alice": "admin", "bob": "admin", "adam": "member"}
    assert (await workspace.get_conversation()).owner_id == workspace.carol.pk
    assert (await workspace.get_member_state(workspace.carol)).role == "owner"
    error = await entry_point(
        workspace.alice, "set_role", conversation=workspace.group, user=workspace.bob.pk, role="member"
    )
    assert error.code == "forbidden"
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("delete_group")
async def test_delete_a_group(entry_point, workspace):
    await workspace.connect_listeners()
    assert (await entry_point(workspace.alice, "delete_group", conversation=workspace.group)).code == ""
    for name in ("alice", "adam", "bob", "carol"):
        assert "conversation.removed" in workspace.received_types(name)
    assert (await entry_point(workspace.alice, "delete_group", conversation=workspace.group)).code == "not_found"
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("join")
async def test_join_by_invite_link(entry_point, workspace):
    await workspace.connect_listeners()
    assert (await entry_point(workspace.bob, "make_invite", conversation=workspace.group, max_uses=1)).code == ""
    (invite,) = await database.run_in_thread(selectors.list_invites, workspace.bob.pk, workspace.group)
    for user in (
        workspace.carol,
        workspace.mallory,
        workspace.mallory,
    ):  # a member may open the link without using it up
        assert (await entry_point(user, "join", token=invite.token)).code == ""
    assert (await workspace.get_roles())["mallory"] == "member"
    assert (await workspace.get_conversation()).member_count == 5
    assert (await workspace.get_member_state(workspace.mallory)).unread_count == 0
    assert workspace.received_types("mallory").count("conversation.added") == 1
    await database.run_in_thread(actions.remove_member, workspace.alice.pk, workspace.group, workspace.mallory.pk)
    assert (
        await entry_point(workspace.mallory, "join", token=invite.token)
    ).code == "not_found"  # the link is used up, and she was removed
    assert (await entry_point(workspace.bob, "make_invite", conversation=workspace.group)).code == ""
    (invite,) = await database.run_in_thread(selectors.list_invites, workspace.bob.pk, workspace.group)
    assert (
        await entry_point(workspace.carol, "revoke_invite", conversation=workspace.group, invite=invite.id)
    ).code == "not_found"
    assert (
        await entry_point(workspace.adam, "revoke_invite", conversation=workspace.group, invite=invite.id)
    ).code == ""
    assert (await entry_point(workspace.mallory, "join", token=invite.token)).code == "not_found"
    await workspace.assert_listeners_match_state()


@parametrize_entry_points("see_announcement")
async def test_dismiss_an_announcement(entry_point, workspace):
    await workspace.connect_listeners()
    announced = await database.run_in_thread(
        actions.update_group, workspace.adam.pk, workspace.group, {"announcement": "Tonight at ten"}
    )
    assert (
        await workspace.get_member_state(workspace.adam)
    ).announcement_seen == announced.announced_version  # the author has seen it
    assert (await workspace.get_member_state(workspace.bob)).announcement_seen == 0
    for version in (
        announced.announced_version,
        announced.announced_version,
        10**9,
    ):  # a future version is limited to the current one
        assert (
            await entry_point(workspace.bob, "see_announcement", conversation=workspace.group, version=version)
        ).code == ""
    assert (await workspace.get_member_state(workspace.bob)).announcement_seen == announced.announced_version
    assert workspace.received_types("bob").count("mine.updated") == 1
    later = await database.run_in_thread(
        actions.update_group, workspace.adam.pk, workspace.group, {"announcement": "Tonight at eleven"}
    )
    assert later.announced_version > announced.announced_version  # unseen again by all members
    await workspace.assert_listeners_match_state()


@pytest.mark.parametrize("entry_point", ENTRY_POINTS, indirect=True)
async def test_messages_sent_in_a_row_are_stored_in_that_order(entry_point, workspace):
    await workspace.connect_listeners()
    for number in range(20):
        assert (await entry_point(workspace.bob, "send", conversation=workspace.group, body=f"{number}")).code == ""
    history = await database.run_in_thread(selectors.get_history, workspace.alice.pk, workspace.group)
    assert [each.body for each in history.results if each.kind == "text"] == [f"{number}" for number in range(20)]
    assert (await workspace.get_member_state(workspace.alice)).unread_count == 20
    await workspace.assert_listeners_match_state()


async def test_one_client_id_through_all_entry_points_is_one_message(workspace, make_entry_point):
    once = {"conversation": workspace.group, "body": "once", "client_id": str(uuid.uuid4())}
    answers = [await make_entry_point(name)(workspace.bob, "send", **once) for name in ENTRY_POINTS]
    assert [answer.code for answer in answers] == ["", "", ""]
    history = await database.run_in_thread(selectors.get_history, workspace.alice.pk, workspace.group)
    assert [each.body for each in history.results if each.kind == "text"] == ["once"]
    page, api, socket = answers
    assert api.response == socket.response and page.response.endswith(f"#m-{api.response['seq']}")
