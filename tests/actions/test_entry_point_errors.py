"""Tests that an action that must fail has the same error by API, page and WebSocket, and publishes nothing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chat import actions, selectors
from chat.models import Conversation
from messenger.core import database
from tests.actions.entry_points import ENTRY_POINTS

UNKNOWN_ID = 999_999_999
HUGE_ID = 10**18
# Action, user, arguments, error code and, for `invalid`, the field. A name such as "group" stands for its id.
ERROR_CASES: list[tuple[str, str, dict[str, Any], str]] = [
    ("send", "mallory", {"conversation": "group", "body": "let me in"}, "not_found"),
    ("send", "alice", {"conversation": UNKNOWN_ID, "body": "x"}, "not_found"),
    ("send", "alice", {"conversation": HUGE_ID, "body": "x"}, "not_found"),
    ("send", "bob", {"conversation": "group", "body": " \u200b\n"}, "invalid body"),
    ("send", "bob", {"conversation": "group", "body": "x" * 4001}, "invalid body"),
    ("send", "bob", {"conversation": "group", "body": "a\0b"}, "invalid body"),
    ("send", "bob", {"conversation": "group", "body": "x", "reply_to": "in_direct"}, "invalid reply_to_id"),
    ("send", "bob", {"conversation": "group", "body": "x", "reply_to": UNKNOWN_ID}, "invalid reply_to_id"),
    ("send", "bob", {"conversation": "group", "body": "x", "reply_to": "system"}, "invalid reply_to_id"),
    ("forward", "alice", {"message": "message", "conversation": UNKNOWN_ID}, "not_found"),
    ("edit", "alice", {"message": "message", "body": "other words"}, "forbidden"),
    ("edit", "mallory", {"message": "message", "body": "other words"}, "not_found"),
    ("edit", "bob", {"message": UNKNOWN_ID, "body": "other words"}, "not_found"),
    ("edit", "bob", {"message": "message", "body": ""}, "invalid body"),
    ("edit", "bob", {"message": "message", "body": "x" * 4001}, "invalid body"),
    ("edit", "bob", {"message": "message", "body": "\0"}, "invalid body"),
    ("edit", "bob", {"message": "recalled", "body": "back again"}, "not_found"),
    ("edit", "alice", {"message": "system", "body": "x"}, "forbidden"),
    ("edit", "alice", {"message": "forwarded", "body": "x"}, "forbidden"),
    ("delete", "carol", {"message": "message"}, "forbidden"),
    ("delete", "mallory", {"message": "message"}, "not_found"),
    ("delete", "bob", {"message": "in_direct"}, "forbidden"),
    ("delete", "alice", {"message": "system"}, "forbidden"),
    ("delete", "carol", {"message": "recalled"}, "forbidden"),
    ("delete", "carol", {"message": UNKNOWN_ID}, "not_found"),
    ("react", "mallory", {"message": "message", "emoji": "👍"}, "not_found"),
    ("react", "bob", {"message": UNKNOWN_ID, "emoji": "👍"}, "not_found"),
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
    ("read", "mallory", {"conversation": "group", "seq": 1}, "not_found"),
    ("read", "bob", {"conversation": UNKNOWN_ID, "seq": 1}, "not_found"),
    ("typing", "mallory", {"conversation": "group"}, "not_found"),
    ("typing", "bob", {"conversation": UNKNOWN_ID}, "not_found"),
    ("view", "mallory", {"conversation": "group"}, "not_found"),
    ("set_mine", "mallory", {"conversation": "group", "muted": True}, "not_found"),
    ("set_mine", "bob", {"conversation": "group", "level": "loud"}, "invalid level"),
    ("open_direct", "bob", {"user": "bob"}, "invalid user_id"),
    ("open_direct", "bob", {"user": UNKNOWN_ID}, "not_found"),
    ("create_group", "bob", {"title": "  ", "users": []}, "invalid title"),
    ("create_group", "bob", {"title": "x" * 81, "users": []}, "invalid title"),
    ("create_group", "bob", {"title": "x", "users": [UNKNOWN_ID]}, "invalid user_ids"),
    ("update", "bob", {"conversation": "group", "title": "Mine"}, "forbidden"),
    ("update", "mallory", {"conversation": "group", "title": "Mine"}, "not_found"),
    ("update", "alice", {"conversation": "group", "title": "\u200b"}, "invalid title"),
    ("update", "alice", {"conversation": "group", "description": "x" * 501}, "invalid description"),
    ("update", "alice", {"conversation": "group", "announcement": "x" * 1001}, "invalid announcement"),
    ("add", "bob", {"conversation": "group", "users": ["mallory"]}, "forbidden"),
    ("add", "mallory", {"conversation": "group", "users": ["mallory"]}, "not_found"),
    ("add", "alice", {"conversation": "group", "users": []}, "invalid user_ids"),
    ("add", "alice", {"conversation": "group", "users": [UNKNOWN_ID]}, "invalid user_ids"),
    ("add", "alice", {"conversation": "direct", "users": ["mallory"]}, "forbidden"),
    ("remove", "bob", {"conversation": "group", "user": "carol"}, "forbidden"),
    ("remove", "adam", {"conversation": "group", "user": "alice"}, "forbidden"),
    ("remove", "alice", {"conversation": "group", "user": "alice"}, "forbidden"),
    ("remove", "alice", {"conversation": "group", "user": "mallory"}, "not_found"),
    ("remove", "mallory", {"conversation": "group", "user": "mallory"}, "not_found"),
    ("remove", "alice", {"conversation": "direct", "user": "alice"}, "forbidden"),
    ("set_role", "adam", {"conversation": "group", "user": "bob", "role": "admin"}, "forbidden"),
    ("set_role", "bob", {"conversation": "group", "user": "bob", "role": "owner"}, "forbidden"),
    ("set_role", "alice", {"conversation": "group", "user": "alice", "role": "member"}, "forbidden"),
    ("set_role", "alice", {"conversation": "group", "user": "mallory", "role": "admin"}, "not_found"),
    ("set_role", "alice", {"conversation": "group", "user": "bob", "role": "king"}, "invalid role"),
    ("make_invite", "mallory", {"conversation": "group"}, "not_found"),
    ("make_invite", "alice", {"conversation": "direct"}, "forbidden"),
    ("make_invite", "bob", {"conversation": "group", "max_uses": 0}, "invalid max_uses"),
    ("revoke_invite", "alice", {"conversation": "group", "invite": UNKNOWN_ID}, "not_found"),
    ("revoke_invite", "mallory", {"conversation": "group", "invite": UNKNOWN_ID}, "not_found"),
    ("join", "mallory", {"token": "x" * 32}, "not_found"),
    ("see_announcement", "mallory", {"conversation": "group", "version": 1}, "not_found"),
    ("delete_group", "adam", {"conversation": "group"}, "forbidden"),
    ("delete_group", "mallory", {"conversation": "group"}, "not_found"),
    ("delete_group", "alice", {"conversation": "direct"}, "forbidden"),
]


def test_every_action_has_an_error_case():
    assert {action for entry_point in ENTRY_POINTS.values() for action in entry_point.TABLE} == {
        action for action, *_ in ERROR_CASES
    }


@pytest.mark.parametrize("entry_point", ENTRY_POINTS, indirect=True)
async def test_errors(entry_point, workspace):
    """Each action in ERROR_CASES fails with the error given there, whether it is called by API, page or WebSocket.

    A failed action publishes no events.
    """
    message, in_direct = (
        await workspace.send_message(workspace.bob, "mine"),
        await workspace.send_message(workspace.alice, "ours", workspace.direct_conversation),
    )
    recalled = await workspace.send_message(workspace.bob, "gone")
    await database.run_in_thread(actions.delete_message, workspace.bob.pk, recalled.id)
    await database.run_in_thread(actions.update_group, workspace.alice.pk, workspace.group, {"title": "Hall"})
    closed = dict.fromkeys(("members_may_add", "members_may_pin"), False)
    await database.run_in_thread(actions.update_group, workspace.alice.pk, workspace.group, closed)
    system = (await database.run_in_thread(selectors.get_history, workspace.alice.pk, workspace.group)).results[-1]
    send = (workspace.alice.pk, workspace.group, uuid.uuid4(), "")
    forwarded, _ = await database.run_in_thread(actions.send_message, *send, forward_id=in_direct.id)
    ids = {name: user.pk for name, user in workspace.people.items()}
    ids |= {
        "group": workspace.group,
        "direct": workspace.direct_conversation,
        "message": message.id,
        "in_direct": in_direct.id,
    }
    ids |= {"recalled": recalled.id, "system": system.id, "forwarded": forwarded.id}
    names = {"conversation", "message", "user", "users", "reply_to"}

    def resolve_id(name: str, value: Any) -> Any:
        if name not in names:
            return value
        return [ids.get(each, each) for each in value] if isinstance(value, list) else ids.get(value, value)

    before = await database.run_in_thread(
        lambda: list(Conversation.objects.order_by("pk").values_list("pk", "version"))
    )
    await workspace.connect_listeners()
    wrong = []
    for action, user, arguments, expected in ERROR_CASES:
        if action not in entry_point.TABLE:
            continue
        code, _, field = expected.partition(" ")
        outcome = await entry_point(
            workspace.people[user], action, **{name: resolve_id(name, value) for name, value in arguments.items()}
        )
        if outcome.code != code or (field and outcome.fields is not None and outcome.fields != {field}):
            wrong.append((action, user, str(arguments)[:60], expected, outcome.code, outcome.fields))
    assert wrong == []
    await workspace.environment.settle()
    assert workspace.all_received() == []
    after = await database.run_in_thread(lambda: list(Conversation.objects.order_by("pk").values_list("pk", "version")))
    assert after == before
