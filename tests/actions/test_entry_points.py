"""Each verb through every door: the same effect, the same news, the same refusals."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chat import actions, selectors
from chat.models import Conversation, Report
from messenger.core import database
from tests.actions.entry_points import DOORS, doors_of


def through(verb: str):
    """The test runs once for each door that knows the verb."""
    return pytest.mark.parametrize("door", doors_of(verb), indirect=True)


NEVER = 999_999_999
STRANGE = 10**18


@through("send")
async def test_send(door, town):
    quoted = await town.say(town.alice, "a question")
    await town.listen()
    client_id = str(uuid.uuid4())
    for _ in range(2):  # a repeat stores nothing
        assert (
            await door(
                town.bob, "send", conversation=town.room, body="**you** @alice", client_id=client_id, reply_to=quoted.id
            )
        ).code == ""
    message = await town.message(await town.last())
    assert (message.body, message.sender.username, message.seq) == ("**you** @alice", "bob", quoted.seq + 1)
    assert message.body_html.startswith("<p><strong>you</strong> <span")
    assert (message.client_id, message.reply_to.id) == (client_id, quoted.id)
    assert (await town.mine(town.alice)).unread_mention_count == 1
    assert (await town.mine(town.bob)).unread_count == 0
    for name in ("alice", "adam", "carol"):
        assert town.told(name).count("message.created") == 1
    assert "mention" in town.told("alice") and "mention" not in town.told("carol")
    conflict = await door(town.bob, "send", conversation=town.room, body="other words", client_id=client_id)
    assert conflict.code == "conflict"
    assert await town.last() == await town.last(pk=message.id)
    await town.all_agree()


@through("forward")
async def test_forward(door, town):
    source = await town.say(town.bob, "between us", town.pair)
    await town.listen()
    assert (await door(town.alice, "forward", message=source.id, conversation=town.room)).code == ""
    message = await town.message(await town.last())
    assert (message.body, message.conversation_id, message.sender.username) == ("between us", town.room, "alice")
    assert message.forwarded_from.sender.username == "bob"
    await town.all_agree()


@through("edit")
async def test_edit(door, town):
    message = await town.say(town.bob, "helo")
    await town.listen()
    for _ in range(2):
        assert (await door(town.bob, "edit", message=message.id, body="hello @carol\nyou")).code == ""
    after = await town.message(message)
    assert (after.body, after.version) == ("hello @carol\nyou", message.version + 1)
    assert after.edited_at and [mention.user_id for mention in after.mentions] == [town.carol.pk]
    assert [each.body for each in await database.run_in_thread(selectors.list_revisions, town.bob.pk, message.id)] == [
        "helo"
    ]
    assert "mention" in town.told("carol")
    await town.all_agree()


@through("delete")
async def test_delete(door, town):
    own, others = await town.say(town.bob, "oops @alice"), await town.say(town.carol, "rude")
    await town.say(town.alice, "what?", reply_to_id=own.id)
    await town.listen()
    for _ in range(2):
        assert (await door(town.bob, "delete", message=own.id)).code == ""
        assert (await door(town.adam, "delete", message=others.id)).code == ""
    for message in (own, others):
        after = await town.message(message)
        assert after.deleted_at and (after.body, after.body_html, after.mentions) == ("", "", [])
        assert after.version <= message.version + 4
    assert (await town.last(pk=own.id)).body == ""  # recalled: gone
    assert (await town.last(pk=others.id)).body == "rude"  # hidden: for the moderators
    await town.all_agree()


@through("react")
async def test_react(door, town):
    message = await town.say(town.alice)
    await town.listen()
    for emoji in ("👍", "👍", "❤️", "🏳️‍🌈", "1️⃣"):
        assert (await door(town.bob, "react", message=message.id, emoji=emoji)).code == ""
    assert (await door(town.carol, "react", message=message.id, emoji="👍")).code == ""
    for _ in range(2):
        assert (await door(town.bob, "react", message=message.id, emoji="❤️", active=False)).code == ""
    after = await town.message(message)
    assert {each.emoji: each.user_ids for each in after.reactions} == {
        "👍": [town.bob.pk, town.carol.pk],
        "🏳️‍🌈": [town.bob.pk],
        "1️⃣": [town.bob.pk],
    }
    assert after.version == message.version + 6
    await town.all_agree()


@through("pin")
async def test_pin(door, town):
    message = await town.say(town.alice)
    await town.listen()
    for active in (True, True, False, True):
        assert (await door(town.bob, "pin", message=message.id, active=active)).code == ""
    assert (await town.message(message)).version == message.version + 3
    assert [each.id for each in await database.run_in_thread(selectors.list_pins, town.alice.pk, town.room)] == [
        message.id
    ]
    await town.all_agree()


@through("report")
async def test_report(door, town):
    message = await town.say(town.alice, "spam")
    await town.listen()
    for reason in ("first", "advertising"):
        assert (await door(town.bob, "report", message=message.id, reason=reason)).code == ""
    (report,) = await database.run_in_thread(lambda: list(Report.objects.values("reporter_id", "reason", "body")))
    assert report == {"reporter_id": town.bob.pk, "reason": "advertising", "body": "spam"}
    assert town.told_at_all() == []


@through("read")
async def test_read(door, town):
    said = [await town.say(town.alice, f"{number} @bob") for number in range(4)]
    await town.listen()
    assert (await door(town.bob, "read", conversation=town.room, seq=said[2].seq)).code == ""
    mine = await town.mine(town.bob)
    assert (mine.read_seq, mine.unread_count, mine.unread_mention_count) == (said[2].seq, 1, 1)
    assert (await door(town.bob, "read", conversation=town.room, seq=said[0].seq)).code == ""  # never back by itself
    assert (await town.mine(town.bob)).read_seq == said[2].seq
    assert (await door(town.bob, "read", conversation=town.room, seq=said[1].seq, back=True)).code == ""
    mine = await town.mine(town.bob)
    assert (mine.read_seq, mine.unread_count) == (said[0].seq, 3)
    assert (await door(town.bob, "read", conversation=town.room, seq=NEVER)).code == ""  # never past what there is
    assert (await town.mine(town.bob)).read_seq == said[-1].seq
    assert "receipt" in town.told("alice") and "mine.updated" not in town.told("alice")
    await town.all_agree()


@through("typing")
async def test_typing(door, town):
    await town.listen()
    assert (await door(town.bob, "typing", conversation=town.room)).code == ""
    await town.stage.settle()
    assert "typing" in town.told("alice") and "typing" in town.told("carol")
    assert "typing" not in town.told("bob") and "typing" not in town.told("mallory")
    assert (await door(town.bob, "typing", conversation=town.room, active=False)).code == ""
    await town.all_agree()


@through("set_mine")
async def test_one_s_own_settings(door, town):
    await town.listen()
    changes: dict[str, Any] = {"muted": True, "level": "mentions", "favourite": True, "archived": True}
    if door.name == "api":
        changes["draft"] = "half a "
    for _ in range(2):
        assert (await door(town.bob, "set_mine", conversation=town.room, **changes)).code == ""
    mine = await town.mine(town.bob)
    assert {name: getattr(mine, name) for name in changes} == changes
    assert town.told("bob") == ["mine.updated"] and town.told("alice") == []
    assert (await door(town.bob, "set_mine", conversation=town.room, muted=False)).code == ""
    assert not (await town.mine(town.bob)).muted and (await town.mine(town.bob)).favourite
    await town.all_agree()


@through("open_direct")
async def test_open_a_pair(door, town):
    await town.listen()
    for who, other in ((town.bob, town.carol), (town.carol, town.bob), (town.bob, town.carol)):
        assert (await door(who, "open_direct", user=other.pk)).code == ""
    pairs = await database.run_in_thread(lambda: list(Conversation.objects.filter(kind="direct").exclude(pk=town.pair)))
    assert [pair.pair for pair in pairs] == [":".join(map(str, sorted((town.bob.pk, town.carol.pk))))]
    assert town.told("bob") == town.told("carol") == ["conversation.added"]
    await town.all_agree()


@through("create_group")
async def test_create_a_group(door, town):
    await town.listen()
    users = [town.alice.pk, town.carol.pk, town.bob.pk]  # oneself is in it anyway
    assert (await door(town.bob, "create_group", title="  New \n group ", users=users)).code == ""
    group = await database.run_in_thread(lambda: Conversation.objects.filter(kind="group").latest("pk"))
    assert (group.title, group.owner_id, group.member_count) == ("New group", town.bob.pk, 3)
    for name in ("alice", "bob", "carol"):
        assert town.told(name) == ["conversation.added"]
    assert town.told("adam") == town.told("mallory") == []
    await town.all_agree()


@through("update")
async def test_change_a_group(door, town):
    await town.listen()
    changes = {
        "title": "A better name",
        "description": "What it is\nabout",
        "announcement": "Tonight at ten",
        "members_may_add": False,
        "members_may_pin": False,
        "revisions_visible": False,
    }
    for _ in range(2):
        assert (await door(town.adam, "update", conversation=town.room, **changes)).code == ""
    group = await town.conversation()
    assert {name: getattr(group, name) for name in changes} == changes
    history = await database.run_in_thread(selectors.get_history, town.bob.pk, town.room)
    assert [line.event.name for line in history.results] == ["role", "renamed", "described", "announced"]
    await town.all_agree()


@through("add")
async def test_add_people(door, town):
    await town.say(town.alice, "before")
    await town.listen()
    for _ in range(2):
        assert (await door(town.bob, "add", conversation=town.room, users=[town.mallory.pk, town.carol.pk])).code == ""
    assert (await town.roles())["mallory"] == "member"
    assert (await town.conversation()).member_count == 5
    assert (await town.mine(town.mallory)).unread_count == 0
    assert town.told("mallory").count("conversation.added") == 1
    await town.say(town.alice, "after")
    await town.all_agree()


@through("remove")
async def test_remove_and_leave(door, town):
    await town.listen()
    assert (await door(town.adam, "remove", conversation=town.room, user=town.bob.pk)).code == ""
    assert (await door(town.carol, "remove", conversation=town.room, user=town.carol.pk)).code == ""
    await town.say(town.alice, "they do not hear this")
    assert set(await town.roles()) == {"alice", "adam"}
    for name in ("bob", "carol"):
        assert "conversation.removed" in town.told(name)
        assert not any("they do not hear this" in text for text in town.listeners[name].wire.texts)
    history = await database.run_in_thread(selectors.get_history, town.alice.pk, town.room)
    assert [line.event.name for line in history.results if line.event] == ["role", "removed", "left"]
    await town.all_agree()


@through("set_role")
async def test_roles_and_transfer(door, town):
    await town.listen()
    for _ in range(2):
        assert (await door(town.alice, "set_role", conversation=town.room, user=town.bob.pk, role="admin")).code == ""
    assert (await door(town.alice, "set_role", conversation=town.room, user=town.adam.pk, role="member")).code == ""
    assert (await door(town.alice, "set_role", conversation=town.room, user=town.carol.pk, role="owner")).code == ""
    assert await town.roles() == {"carol": "owner", "alice": "admin", "bob": "admin", "adam": "member"}
    assert (await town.conversation()).owner_id == town.carol.pk
    assert (await town.mine(town.carol)).role == "owner"
    refused = await door(town.alice, "set_role", conversation=town.room, user=town.bob.pk, role="member")
    assert refused.code == "forbidden"
    await town.all_agree()


@through("delete_group")
async def test_delete_a_group(door, town):
    await town.listen()
    assert (await door(town.alice, "delete_group", conversation=town.room)).code == ""
    for name in ("alice", "adam", "bob", "carol"):
        assert "conversation.removed" in town.told(name)
    assert (await door(town.alice, "delete_group", conversation=town.room)).code == "not_found"
    await town.all_agree()


@through("join")
async def test_come_in_by_a_link(door, town):
    await town.listen()
    assert (await door(town.bob, "make_invite", conversation=town.room, max_uses=1)).code == ""
    (invite,) = await database.run_in_thread(selectors.list_invites, town.bob.pk, town.room)
    for who in (town.carol, town.mallory, town.mallory):  # a member is led in, and does not use it up
        assert (await door(who, "join", token=invite.token)).code == ""
    assert (await town.roles())["mallory"] == "member"
    assert (await town.conversation()).member_count == 5
    assert (await town.mine(town.mallory)).unread_count == 0
    assert town.told("mallory").count("conversation.added") == 1
    await database.run_in_thread(actions.remove_member, town.alice.pk, town.room, town.mallory.pk)
    assert (await door(town.mallory, "join", token=invite.token)).code == "not_found"  # used up, and she was removed
    assert (await door(town.bob, "make_invite", conversation=town.room)).code == ""
    (invite,) = await database.run_in_thread(selectors.list_invites, town.bob.pk, town.room)
    assert (await door(town.carol, "revoke_invite", conversation=town.room, invite=invite.id)).code == "not_found"
    assert (await door(town.adam, "revoke_invite", conversation=town.room, invite=invite.id)).code == ""
    assert (await door(town.mallory, "join", token=invite.token)).code == "not_found"
    await town.all_agree()


@through("see_announcement")
async def test_put_an_announcement_away(door, town):
    await town.listen()
    shape = await database.run_in_thread(
        actions.update_group, town.adam.pk, town.room, {"announcement": "Tonight at ten"}
    )
    assert (await town.mine(town.adam)).announcement_seen == shape.announced_version  # whoever wrote it has seen it
    assert (await town.mine(town.bob)).announcement_seen == 0
    for version in (shape.announced_version, shape.announced_version, 10**9):  # none is put away before it is there
        assert (await door(town.bob, "see_announcement", conversation=town.room, version=version)).code == ""
    assert (await town.mine(town.bob)).announcement_seen == shape.announced_version
    assert town.told("bob").count("mine.updated") == 1
    later = await database.run_in_thread(
        actions.update_group, town.adam.pk, town.room, {"announcement": "Tonight at eleven"}
    )
    assert later.announced_version > shape.announced_version  # new again
    await town.all_agree()


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────
# verb, who, arguments, code and, for `invalid`, the field. Names of the stage stand for ids.
REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("send", "mallory", {"conversation": "room", "body": "let me in"}, "not_found"),
    ("send", "alice", {"conversation": NEVER, "body": "x"}, "not_found"),
    ("send", "alice", {"conversation": STRANGE, "body": "x"}, "not_found"),
    ("send", "bob", {"conversation": "room", "body": " \u200b\n"}, "invalid body"),
    ("send", "bob", {"conversation": "room", "body": "x" * 4001}, "invalid body"),
    ("send", "bob", {"conversation": "room", "body": "a\0b"}, "invalid body"),
    ("send", "bob", {"conversation": "room", "body": "x", "reply_to": "in_pair"}, "invalid reply_to_id"),
    ("send", "bob", {"conversation": "room", "body": "x", "reply_to": NEVER}, "invalid reply_to_id"),
    ("send", "bob", {"conversation": "room", "body": "x", "reply_to": "system"}, "invalid reply_to_id"),
    ("forward", "alice", {"message": "message", "conversation": NEVER}, "not_found"),
    ("edit", "alice", {"message": "message", "body": "other words"}, "forbidden"),
    ("edit", "mallory", {"message": "message", "body": "other words"}, "not_found"),
    ("edit", "bob", {"message": NEVER, "body": "other words"}, "not_found"),
    ("edit", "bob", {"message": "message", "body": ""}, "invalid body"),
    ("edit", "bob", {"message": "message", "body": "x" * 4001}, "invalid body"),
    ("edit", "bob", {"message": "message", "body": "\0"}, "invalid body"),
    ("edit", "bob", {"message": "recalled", "body": "back again"}, "not_found"),
    ("edit", "alice", {"message": "system", "body": "x"}, "forbidden"),
    ("edit", "alice", {"message": "forwarded", "body": "x"}, "forbidden"),
    ("delete", "carol", {"message": "message"}, "forbidden"),
    ("delete", "mallory", {"message": "message"}, "not_found"),
    ("delete", "bob", {"message": "in_pair"}, "forbidden"),
    ("delete", "alice", {"message": "system"}, "forbidden"),
    ("delete", "carol", {"message": "recalled"}, "forbidden"),
    ("delete", "carol", {"message": NEVER}, "not_found"),
    ("react", "mallory", {"message": "message", "emoji": "👍"}, "not_found"),
    ("react", "bob", {"message": NEVER, "emoji": "👍"}, "not_found"),
    ("react", "bob", {"message": "message", "emoji": "ok"}, "invalid emoji"),
    ("react", "bob", {"message": "message", "emoji": "👍👍"}, "invalid emoji"),
    ("react", "bob", {"message": "message", "emoji": "a", "active": False}, "invalid emoji"),
    ("react", "bob", {"message": "recalled", "emoji": "👍"}, "not_found"),
    ("react", "bob", {"message": "system", "emoji": "👍"}, "forbidden"),
    ("pin", "bob", {"message": "message"}, "forbidden"),
    ("pin", "mallory", {"message": "message"}, "not_found"),
    ("pin", "alice", {"message": "system"}, "forbidden"),
    ("pin", "alice", {"message": "recalled"}, "not_found"),
    ("report", "mallory", {"message": "message", "reason": "x"}, "not_found"),
    ("report", "alice", {"message": "message", "reason": "x" * 501}, "invalid reason"),
    ("read", "mallory", {"conversation": "room", "seq": 1}, "not_found"),
    ("read", "bob", {"conversation": NEVER, "seq": 1}, "not_found"),
    ("typing", "mallory", {"conversation": "room"}, "not_found"),
    ("typing", "bob", {"conversation": NEVER}, "not_found"),
    ("view", "mallory", {"conversation": "room"}, "not_found"),
    ("set_mine", "mallory", {"conversation": "room", "muted": True}, "not_found"),
    ("set_mine", "bob", {"conversation": "room", "level": "loud"}, "invalid level"),
    ("open_direct", "bob", {"user": "bob"}, "invalid user_id"),
    ("open_direct", "bob", {"user": NEVER}, "not_found"),
    ("create_group", "bob", {"title": "  ", "users": []}, "invalid title"),
    ("create_group", "bob", {"title": "x" * 81, "users": []}, "invalid title"),
    ("create_group", "bob", {"title": "x", "users": [NEVER]}, "invalid user_ids"),
    ("update", "bob", {"conversation": "room", "title": "Mine"}, "forbidden"),
    ("update", "mallory", {"conversation": "room", "title": "Mine"}, "not_found"),
    ("update", "alice", {"conversation": "room", "title": "\u200b"}, "invalid title"),
    ("update", "alice", {"conversation": "room", "description": "x" * 501}, "invalid description"),
    ("update", "alice", {"conversation": "room", "announcement": "x" * 1001}, "invalid announcement"),
    ("add", "bob", {"conversation": "room", "users": ["mallory"]}, "forbidden"),
    ("add", "mallory", {"conversation": "room", "users": ["mallory"]}, "not_found"),
    ("add", "alice", {"conversation": "room", "users": []}, "invalid user_ids"),
    ("add", "alice", {"conversation": "room", "users": [NEVER]}, "invalid user_ids"),
    ("add", "alice", {"conversation": "pair", "users": ["mallory"]}, "forbidden"),
    ("remove", "bob", {"conversation": "room", "user": "carol"}, "forbidden"),
    ("remove", "adam", {"conversation": "room", "user": "alice"}, "forbidden"),
    ("remove", "alice", {"conversation": "room", "user": "alice"}, "forbidden"),
    ("remove", "alice", {"conversation": "room", "user": "mallory"}, "not_found"),
    ("remove", "mallory", {"conversation": "room", "user": "mallory"}, "not_found"),
    ("remove", "alice", {"conversation": "pair", "user": "alice"}, "forbidden"),
    ("set_role", "adam", {"conversation": "room", "user": "bob", "role": "admin"}, "forbidden"),
    ("set_role", "bob", {"conversation": "room", "user": "bob", "role": "owner"}, "forbidden"),
    ("set_role", "alice", {"conversation": "room", "user": "alice", "role": "member"}, "forbidden"),
    ("set_role", "alice", {"conversation": "room", "user": "mallory", "role": "admin"}, "not_found"),
    ("set_role", "alice", {"conversation": "room", "user": "bob", "role": "king"}, "invalid role"),
    ("make_invite", "mallory", {"conversation": "room"}, "not_found"),
    ("make_invite", "alice", {"conversation": "pair"}, "forbidden"),
    ("make_invite", "bob", {"conversation": "room", "max_uses": 0}, "invalid max_uses"),
    ("revoke_invite", "alice", {"conversation": "room", "invite": NEVER}, "not_found"),
    ("revoke_invite", "mallory", {"conversation": "room", "invite": NEVER}, "not_found"),
    ("join", "mallory", {"token": "x" * 32}, "not_found"),
    ("see_announcement", "mallory", {"conversation": "room", "version": 1}, "not_found"),
    ("delete_group", "adam", {"conversation": "room"}, "forbidden"),
    ("delete_group", "mallory", {"conversation": "room"}, "not_found"),
    ("delete_group", "alice", {"conversation": "pair"}, "forbidden"),
]


def test_every_verb_is_refused_something():
    assert {verb for door in DOORS.values() for verb in door.TABLE} == {verb for verb, *_ in REFUSED}


@pytest.mark.parametrize("door", DOORS, indirect=True)
async def test_refusals(door, town):
    """The table above through each door that knows the verb; and nobody is told of any of it."""
    message, in_pair = await town.say(town.bob, "mine"), await town.say(town.alice, "ours", town.pair)
    recalled = await town.say(town.bob, "gone")
    await database.run_in_thread(actions.delete_message, town.bob.pk, recalled.id)
    await database.run_in_thread(actions.update_group, town.alice.pk, town.room, {"title": "Hall"})
    closed = dict.fromkeys(("members_may_add", "members_may_pin"), False)
    await database.run_in_thread(actions.update_group, town.alice.pk, town.room, closed)
    system = (await database.run_in_thread(selectors.get_history, town.alice.pk, town.room)).results[-1]
    send = (town.alice.pk, town.room, uuid.uuid4(), "")
    forwarded, _ = await database.run_in_thread(actions.send_message, *send, forward_id=in_pair.id)
    ids = {name: user.pk for name, user in town.people.items()}
    ids |= {"room": town.room, "pair": town.pair, "message": message.id, "in_pair": in_pair.id}
    ids |= {"recalled": recalled.id, "system": system.id, "forwarded": forwarded.id}
    names = {"conversation", "message", "user", "users", "reply_to"}

    def on_stage(name: str, value: Any) -> Any:
        if name not in names:
            return value
        return [ids.get(each, each) for each in value] if isinstance(value, list) else ids.get(value, value)

    before = await database.run_in_thread(
        lambda: list(Conversation.objects.order_by("pk").values_list("pk", "version"))
    )
    await town.listen()
    wrong = []
    for verb, who, arguments, expected in REFUSED:
        if verb not in door.TABLE:
            continue
        code, _, field = expected.partition(" ")
        got = await door(town.people[who], verb, **{name: on_stage(name, value) for name, value in arguments.items()})
        if got.code != code or (field and got.fields is not None and got.fields != {field}):
            wrong.append((verb, who, str(arguments)[:60], expected, got.code, got.fields))
    assert wrong == []
    await town.stage.settle()
    assert town.told_at_all() == []
    after = await database.run_in_thread(lambda: list(Conversation.objects.order_by("pk").values_list("pk", "version")))
    assert after == before


@pytest.mark.parametrize("door", DOORS, indirect=True)
async def test_what_a_door_sends_in_a_row_is_stored_in_that_order(door, town):
    await town.listen()
    for number in range(20):
        assert (await door(town.bob, "send", conversation=town.room, body=f"{number}")).code == ""
    history = await database.run_in_thread(selectors.get_history, town.alice.pk, town.room)
    assert [each.body for each in history.results if each.kind == "text"] == [f"{number}" for number in range(20)]
    assert (await town.mine(town.alice)).unread_count == 20
    await town.all_agree()


async def test_one_client_id_through_all_doors_is_one_message(town, make_door):
    once = {"conversation": town.room, "body": "once", "client_id": str(uuid.uuid4())}
    answers = [await make_door(name)(town.bob, "send", **once) for name in DOORS]
    assert [answer.code for answer in answers] == ["", "", ""]
    history = await database.run_in_thread(selectors.get_history, town.alice.pk, town.room)
    assert [each.body for each in history.results if each.kind == "text"] == ["once"]
    page, api, socket = answers
    assert api.answer == socket.answer and page.answer.endswith(f"#m-{api.answer['seq']}")
