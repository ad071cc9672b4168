"""Tests of the permissions of each role in a conversation: each cell of the table of docs/protocol.md.

The environment is a group: olga is the owner, adam and ada are admins, mia and max are members. rick left the group,
and stan was never a member. mia and max also have a direct conversation. Each cell is tested in this initial
environment: `yes` means that the action succeeds, `no` is the error `forbidden`, and `-` is the error `not_found`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from chat import actions, selectors
from chat.actions.read_markers import MarkerMove, move_markers
from chat.actions.sending import SendCommand, SentMessage, send_many
from chat.payloads import SendPayload
from messenger.core.errors import ApplicationError
from tests.databases import rolled_back

# `open`, `closed`: the group settings let members add people, pin messages and see revisions, or do not.
TABLE = """
                                    owner admin member left stranger
read the conversation                yes   yes   yes    -    -
read its history                     yes   yes   yes    -    -
read its members                     yes   yes   yes    -    -
read its changes                     yes   yes   yes    -    -
read its receipts                    yes   yes   yes    -    -
read its pins                        yes   yes   yes    -    -
read a message                       yes   yes   yes    -    -
read its readers                     yes   yes   yes    -    -
read revisions, open                 yes   yes   yes    -    -
read revisions, closed               yes   yes   no     -    -
send                                 yes   yes   yes    -    -
reply                                yes   yes   yes    -    -
forward into it                      yes   yes   yes    -    -
edit one's own                       yes   yes   yes    -    -
edit another's                       no    no    no     -    -
recall one's own                     yes   yes   yes    -    -
delete a member's                    yes   yes   no     -    -
delete an admin's                    yes   yes   no     -    -
delete the owner's                   yes   yes   no     -    -
react                                yes   yes   yes    -    -
report                               yes   yes   yes    -    -
mark read                            yes   yes   yes    -    -
mute                                 yes   yes   yes    -    -
pin, open                            yes   yes   yes    -    -
pin, closed                          yes   yes   no     -    -
announce                             yes   yes   no     -    -
rename                               yes   yes   no     -    -
open it to members                   yes   yes   no     -    -
add, open                            yes   yes   yes    -    -
add, closed                          yes   yes   no     -    -
remove the owner                     no    no    no     -    -
remove an admin                      yes   no    no     -    -
remove a member                      yes   yes   no     -    -
leave                                no    yes   yes    -    -
make an admin                        yes   no    no     -    -
make oneself admin                   no    no    no     -    -
make oneself owner                   yes   no    no     -    -
unmake an admin                      yes   no    no     -    -
unmake the owner                     no    no    no     -    -
transfer                             yes   no    no     -    -
delete the group                     yes   no    no     -    -
hide as a moderator                  no    no    no     no   no
restore as a moderator               no    no    no     no   no
"""
ROLES = ("owner", "admin", "member", "left", "stranger")
NAMES = {"owner": "olga", "admin": "adam", "member": "mia", "left": "rick", "stranger": "stan"}
CELLS = {"yes": "", "no": "forbidden", "-": "not_found"}


def parse_table() -> dict[str, dict[str, str]]:
    lines = [line.rsplit(maxsplit=5) for line in TABLE.strip().splitlines()[1:]]
    return {name.strip(): dict(zip(ROLES, cells, strict=True)) for name, *cells in lines}


class Environment:
    def __init__(self) -> None:
        names = ("olga", "adam", "ada", "mia", "max", "rick", "stan", "newt")
        self.ids = {name: User.objects.create_user(name).pk for name in names}
        members = [self.ids[name] for name in ("adam", "ada", "mia", "max", "rick")]
        self.group = actions.create_group(self.ids["olga"], "Room", members).id
        for name in ("adam", "ada"):
            actions.set_role(self.ids["olga"], self.group, self.ids[name], "admin")
        self.messages = {
            name: self.send_hello(name, self.group) for name in ("olga", "adam", "ada", "mia", "max", "rick")
        }
        actions.edit_message(self.ids["max"], self.messages["max"], "other words")
        actions.remove_member(self.ids["rick"], self.group, self.ids["rick"])
        # Each user has a message in another conversation, which the user can forward.
        self.forwardable = {}
        for name, pk in self.ids.items():
            notes = actions.create_group(pk, "Notes", []).id
            self.forwardable[name] = self.send_hello(name, notes)
        self.direct_conversation = actions.open_direct_conversation(self.ids["mia"], self.ids["max"])[0].id
        self.in_direct = {name: self.send_hello(name, self.direct_conversation) for name in ("mia", "max")}

    def send_hello(self, name: str, conversation: int, **options: Any) -> int:
        return self.send(self.ids[name], conversation, "hello", **options).id

    @staticmethod
    def send(user_id: int, conversation: int, body: str = "", **options: Any):
        """Sends a message in the transaction of the test, which is rolled back later.

        The queue that usually stores messages would use a transaction of its own.
        """
        (outcome,) = send_many([SendCommand(user_id, SendPayload(conversation, uuid.uuid4(), body, **options))])
        if not isinstance(outcome, SentMessage):
            raise outcome
        return outcome.message

    def close(self, group: int) -> None:
        """Changes the settings of the group `group`, so that only the owner and admins have three permissions.

        Members may then not add people, pin messages or see the earlier texts of messages.
        """
        names = ("members_may_add", "members_may_pin", "revisions_visible")
        actions.update_group(self.ids["olga"], group, dict.fromkeys(names, False))


@pytest.fixture
def environment(db):
    return Environment()


def move_read_marker(me: int, group: int) -> None:
    (outcome,) = move_markers([MarkerMove(me, group, read_seq=3)])
    if isinstance(outcome, ApplicationError):
        raise outcome


Action = Callable[[Environment, str, int], Any]  # arguments: the environment, and the name and id of the user
ACTIONS: dict[str, Action] = {
    "read the conversation": lambda s, name, me: selectors.get_conversation(me, s.group),
    "read its history": lambda s, name, me: selectors.get_history(me, s.group),
    "read its members": lambda s, name, me: selectors.list_members(me, s.group),
    "read its changes": lambda s, name, me: selectors.get_changes(me, s.group, 0),
    "read its receipts": lambda s, name, me: selectors.list_receipts(me, s.group),
    "read its pins": lambda s, name, me: selectors.list_pins(me, s.group),
    "read a message": lambda s, name, me: selectors.get_message(me, s.messages["max"]),
    "read its readers": lambda s, name, me: selectors.list_message_receipts(me, s.messages["max"]),
    "read revisions, open": lambda s, name, me: selectors.list_revisions(me, s.messages["max"]),
    "read revisions, closed": lambda s, name, me: selectors.list_revisions(me, s.messages["max"]),
    "send": lambda s, name, me: s.send(me, s.group, "hi"),
    "reply": lambda s, name, me: s.send(me, s.group, "hi", reply_to_id=s.messages["max"]),
    "forward into it": lambda s, name, me: s.send(me, s.group, forward_id=s.forwardable[name]),
    "edit one's own": lambda s, name, me: actions.edit_message(me, s.messages.get(name, s.messages["max"]), "new"),
    "edit another's": lambda s, name, me: actions.edit_message(me, s.messages["max"], "new"),
    "recall one's own": lambda s, name, me: actions.delete_message(me, s.messages.get(name, s.messages["max"])),
    "delete a member's": lambda s, name, me: actions.delete_message(me, s.messages["max"]),
    "delete an admin's": lambda s, name, me: actions.delete_message(me, s.messages["ada"]),
    "delete the owner's": lambda s, name, me: actions.delete_message(me, s.messages["olga"]),
    "react": lambda s, name, me: actions.set_reaction(me, s.messages["max"], "👍", True),
    "report": lambda s, name, me: actions.report_message(me, s.messages["max"], "spam"),
    "mark read": lambda s, name, me: move_read_marker(me, s.group),
    "mute": lambda s, name, me: actions.update_member_state(me, s.group, {"muted": True}),
    "pin, open": lambda s, name, me: actions.set_pinned(me, s.messages["max"], True),
    "pin, closed": lambda s, name, me: actions.set_pinned(me, s.messages["max"], True),
    "announce": lambda s, name, me: actions.update_group(me, s.group, {"announcement": "tonight"}),
    "rename": lambda s, name, me: actions.update_group(me, s.group, {"title": "Hall"}),
    "open it to members": lambda s, name, me: actions.update_group(me, s.group, {"members_may_add": False}),
    "add, open": lambda s, name, me: actions.add_members(me, s.group, [s.ids["newt"]]),
    "add, closed": lambda s, name, me: actions.add_members(me, s.group, [s.ids["newt"]]),
    "remove the owner": lambda s, name, me: actions.remove_member(me, s.group, s.ids["olga"]),
    "remove an admin": lambda s, name, me: actions.remove_member(me, s.group, s.ids["ada"]),
    "remove a member": lambda s, name, me: actions.remove_member(me, s.group, s.ids["max"]),
    "leave": lambda s, name, me: actions.remove_member(me, s.group, me),
    "make an admin": lambda s, name, me: actions.set_role(me, s.group, s.ids["max"], "admin"),
    "make oneself admin": lambda s, name, me: actions.set_role(me, s.group, me, "admin"),
    "make oneself owner": lambda s, name, me: actions.set_role(me, s.group, me, "owner"),
    "unmake an admin": lambda s, name, me: actions.set_role(me, s.group, s.ids["ada"], "member"),
    "unmake the owner": lambda s, name, me: actions.set_role(me, s.group, s.ids["olga"], "member"),
    "transfer": lambda s, name, me: actions.set_role(me, s.group, s.ids["max"], "owner"),
    "delete the group": lambda s, name, me: actions.delete_group(me, s.group),
    "hide as a moderator": lambda s, name, me: actions.hide_message(me, s.messages["max"]),
    "restore as a moderator": lambda s, name, me: actions.restore_message(me, s.messages["max"]),
}


def error_code_of(environment: Environment, action: Action, name: str) -> str:
    """Runs an action as the user `name`, and rolls its changes back. Returns the error code, or "" on success."""
    with rolled_back():
        try:
            action(environment, name, environment.ids[name])
        except ApplicationError as error:
            return error.code
    return ""


def test_each_role_gets_the_result_of_the_table(environment):
    wrong = []
    for name, cells in parse_table().items():
        with rolled_back():
            if name.endswith("closed"):
                environment.close(environment.group)
            for role, cell in cells.items():
                codes = error_code_of(environment, ACTIONS[name], NAMES[role])
                if codes != CELLS[cell]:
                    wrong.append(f"{name} as {role}: {codes or 'done'} instead of {cell}")
    assert wrong == []


def test_the_table_has_every_action():
    assert set(parse_table()) == set(ACTIONS)


def test_both_users_of_a_direct_conversation_have_the_same_permissions(environment):
    mia, stan = "mia", "stan"
    other = environment.in_direct["max"]
    cases: dict[str, tuple[Action, str]] = {
        "send": (lambda s, n, me: s.send(me, s.direct_conversation, "hi"), ""),
        "reply": (lambda s, n, me: s.send(me, s.direct_conversation, "hi", reply_to_id=other), ""),
        "pin": (lambda s, n, me: actions.set_pinned(me, other, True), ""),
        "react": (lambda s, n, me: actions.set_reaction(me, other, "👍", True), ""),
        "recall one's own": (lambda s, n, me: actions.delete_message(me, s.in_direct.get(n, other)), ""),
        "delete the other's": (lambda s, n, me: actions.delete_message(me, other), "forbidden"),
        "rename": (lambda s, n, me: actions.update_group(me, s.direct_conversation, {"title": "x"}), "forbidden"),
        "add": (lambda s, n, me: actions.add_members(me, s.direct_conversation, [s.ids["newt"]]), "forbidden"),
        "leave": (lambda s, n, me: actions.remove_member(me, s.direct_conversation, me), "forbidden"),
        "remove": (lambda s, n, me: actions.remove_member(me, s.direct_conversation, s.ids["max"]), "forbidden"),
        "lead": (lambda s, n, me: actions.set_role(me, s.direct_conversation, s.ids["max"], "owner"), "forbidden"),
        "delete it": (lambda s, n, me: actions.delete_group(me, s.direct_conversation), "forbidden"),
    }
    codes = {
        name: (error_code_of(environment, action, mia), error_code_of(environment, action, stan))
        for name, (action, _) in cases.items()
    }
    assert codes == {name: (code, "not_found") for name, (_, code) in cases.items()}


def test_an_invisible_message_cannot_be_quoted_or_forwarded(environment):
    for option in ("reply_to_id", "forward_id"):
        for message in (environment.in_direct["mia"], environment.forwardable["olga"], 999_999_999):
            body = "hi" if option == "reply_to_id" else ""
            with pytest.raises(ApplicationError) as error:
                environment.send(environment.ids["adam"], environment.group, body, **{option: message})
            assert (error.value.code, set(error.value.fields)) == ("invalid", {option})


def test_a_group_ends_when_its_last_member_leaves(environment):
    notes = actions.create_group(environment.ids["olga"], "Alone", []).id
    actions.remove_member(environment.ids["olga"], notes, environment.ids["olga"])
    with pytest.raises(ApplicationError):
        selectors.get_conversation(environment.ids["olga"], notes)


def test_an_admin_who_is_added_again_is_a_member(environment):
    actions.remove_member(environment.ids["olga"], environment.group, environment.ids["adam"])
    actions.add_members(environment.ids["olga"], environment.group, [environment.ids["adam"]])
    assert selectors.get_conversation(environment.ids["adam"], environment.group).mine.role == "member"
    assert error_code_of(environment, ACTIONS["rename"], "adam") == "forbidden"


def test_moderators_of_the_site_hide_and_restore_without_being_members(environment):
    moderator = User.objects.create_superuser("boss").pk
    message = environment.messages["max"]
    actions.hide_message(moderator, message)
    assert selectors.get_message(environment.ids["mia"], message).deleted_at
    actions.restore_message(moderator, message)
    assert selectors.get_message(environment.ids["mia"], message).body == "other words"
    with pytest.raises(ApplicationError) as error:
        selectors.get_message(moderator, message)
    assert error.value.code == "not_found"


def test_a_message_deleted_by_its_sender_cannot_be_restored(environment):
    moderator, message = User.objects.create_superuser("boss").pk, environment.messages["max"]
    actions.delete_message(environment.ids["olga"], message)  # first hidden by the owner, then deleted by its sender
    actions.delete_message(environment.ids["max"], message)
    with pytest.raises(ApplicationError) as error:
        actions.restore_message(moderator, message)
    assert error.value.code == "invalid"
