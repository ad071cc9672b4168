"""Who may do what in a conversation: docs/protocol.md's table, cell by cell, asked of the verbs themselves.

The stage: a group of olga (owner), adam and ada (admins), mia and max (members); rick was in it and left, stan never
was. mia and max have a pair. Each cell is tried on this stage as it was. `yes`, `no` (forbidden), `-` (not found).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from chat import actions, selectors
from chat.actions.read_markers import MarkerMove, move_markers
from chat.actions.sending import SendCommand, SentMessage, send_many
from messenger.core.errors import ApplicationError

# `open`, `closed`: what the group lets members do. `self` is whoever asks.
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


def table() -> dict[str, dict[str, str]]:
    lines = [line.rsplit(maxsplit=5) for line in TABLE.strip().splitlines()[1:]]
    return {name.strip(): dict(zip(ROLES, cells, strict=True)) for name, *cells in lines}


class Stage:
    def __init__(self) -> None:
        names = ("olga", "adam", "ada", "mia", "max", "rick", "stan", "newt")
        self.ids = {name: User.objects.create_user(name).pk for name in names}
        members = [self.ids[name] for name in ("adam", "ada", "mia", "max", "rick")]
        self.room = actions.create_group(self.ids["olga"], "Room", members).id
        for name in ("adam", "ada"):
            actions.set_role(self.ids["olga"], self.room, self.ids[name], "admin")
        self.messages = {name: self.say(name, self.room) for name in ("olga", "adam", "ada", "mia", "max", "rick")}
        actions.edit_message(self.ids["max"], self.messages["max"], "other words")
        actions.remove_member(self.ids["rick"], self.room, self.ids["rick"])
        # Somewhere else each of them has a message to bring along.
        self.brought = {}
        for name, pk in self.ids.items():
            notes = actions.create_group(pk, "Notes", []).id
            self.brought[name] = self.say(name, notes)
        self.pair = actions.open_direct_conversation(self.ids["mia"], self.ids["max"])[0].id
        self.in_pair = {name: self.say(name, self.pair) for name in ("mia", "max")}

    def say(self, name: str, conversation: int, **options: Any) -> int:
        return self.send(self.ids[name], conversation, "hello", **options).id

    @staticmethod
    def send(user_id: int, conversation: int, body: str = "", **options: Any):
        """In this transaction: the queue of a process would store it in another."""
        (outcome,) = send_many([SendCommand(user_id, conversation, uuid.uuid4(), body, **options)])
        if not isinstance(outcome, SentMessage):
            raise outcome
        return outcome.message

    def close(self, room: int) -> None:
        """As the group's owner might have: members may do less."""
        names = ("members_may_add", "members_may_pin", "revisions_visible")
        actions.update_group(self.ids["olga"], room, dict.fromkeys(names, False))


@pytest.fixture
def stage(db):
    return Stage()


def move(me: int, room: int) -> None:
    (outcome,) = move_markers([MarkerMove(me, room, read_seq=3)])
    if isinstance(outcome, ApplicationError):
        raise outcome


Deed = Callable[[Stage, str, int], Any]  # stage, own name, own id
DEEDS: dict[str, Deed] = {
    "read the conversation": lambda s, name, me: selectors.get_conversation(me, s.room),
    "read its history": lambda s, name, me: selectors.get_history(me, s.room),
    "read its members": lambda s, name, me: selectors.list_members(me, s.room),
    "read its changes": lambda s, name, me: selectors.get_changes(me, s.room, 0),
    "read its receipts": lambda s, name, me: selectors.list_receipts(me, s.room),
    "read its pins": lambda s, name, me: selectors.list_pins(me, s.room),
    "read a message": lambda s, name, me: selectors.get_message(me, s.messages["max"]),
    "read its readers": lambda s, name, me: selectors.list_message_receipts(me, s.messages["max"]),
    "read revisions, open": lambda s, name, me: selectors.list_revisions(me, s.messages["max"]),
    "read revisions, closed": lambda s, name, me: selectors.list_revisions(me, s.messages["max"]),
    "send": lambda s, name, me: s.send(me, s.room, "hi"),
    "reply": lambda s, name, me: s.send(me, s.room, "hi", reply_to_id=s.messages["max"]),
    "forward into it": lambda s, name, me: s.send(me, s.room, forward_id=s.brought[name]),
    "edit one's own": lambda s, name, me: actions.edit_message(me, s.messages.get(name, s.messages["max"]), "new"),
    "edit another's": lambda s, name, me: actions.edit_message(me, s.messages["max"], "new"),
    "recall one's own": lambda s, name, me: actions.delete_message(me, s.messages.get(name, s.messages["max"])),
    "delete a member's": lambda s, name, me: actions.delete_message(me, s.messages["max"]),
    "delete an admin's": lambda s, name, me: actions.delete_message(me, s.messages["ada"]),
    "delete the owner's": lambda s, name, me: actions.delete_message(me, s.messages["olga"]),
    "react": lambda s, name, me: actions.set_reaction(me, s.messages["max"], "👍", True),
    "report": lambda s, name, me: actions.report_message(me, s.messages["max"], "spam"),
    "mark read": lambda s, name, me: move(me, s.room),
    "mute": lambda s, name, me: actions.update_member_state(me, s.room, {"muted": True}),
    "pin, open": lambda s, name, me: actions.set_pinned(me, s.messages["max"], True),
    "pin, closed": lambda s, name, me: actions.set_pinned(me, s.messages["max"], True),
    "announce": lambda s, name, me: actions.update_group(me, s.room, {"announcement": "tonight"}),
    "rename": lambda s, name, me: actions.update_group(me, s.room, {"title": "Hall"}),
    "open it to members": lambda s, name, me: actions.update_group(me, s.room, {"members_may_add": False}),
    "add, open": lambda s, name, me: actions.add_members(me, s.room, [s.ids["newt"]]),
    "add, closed": lambda s, name, me: actions.add_members(me, s.room, [s.ids["newt"]]),
    "remove the owner": lambda s, name, me: actions.remove_member(me, s.room, s.ids["olga"]),
    "remove an admin": lambda s, name, me: actions.remove_member(me, s.room, s.ids["ada"]),
    "remove a member": lambda s, name, me: actions.remove_member(me, s.room, s.ids["max"]),
    "leave": lambda s, name, me: actions.remove_member(me, s.room, me),
    "make an admin": lambda s, name, me: actions.set_role(me, s.room, s.ids["max"], "admin"),
    "make oneself admin": lambda s, name, me: actions.set_role(me, s.room, me, "admin"),
    "make oneself owner": lambda s, name, me: actions.set_role(me, s.room, me, "owner"),
    "unmake an admin": lambda s, name, me: actions.set_role(me, s.room, s.ids["ada"], "member"),
    "unmake the owner": lambda s, name, me: actions.set_role(me, s.room, s.ids["olga"], "member"),
    "transfer": lambda s, name, me: actions.set_role(me, s.room, s.ids["max"], "owner"),
    "delete the group": lambda s, name, me: actions.delete_group(me, s.room),
    "hide as a moderator": lambda s, name, me: actions.hide_message(me, s.messages["max"]),
    "restore as a moderator": lambda s, name, me: actions.restore_message(me, s.messages["max"]),
}


def done(stage: Stage, deed: Deed, name: str) -> str:
    """What it was refused with, `` where it was done. Nothing of it stays."""
    with undone():
        try:
            deed(stage, name, stage.ids[name])
        except ApplicationError as refusal:
            return refusal.code
    return ""


class undone:
    def __enter__(self):
        self._atomic = transaction.atomic()
        self._atomic.__enter__()

    def __exit__(self, *error):
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)


def test_the_table(stage):
    wrong = []
    for name, cells in table().items():
        with undone():
            if name.endswith("closed"):
                stage.close(stage.room)
            for role, cell in cells.items():
                got = done(stage, DEEDS[name], NAMES[role])
                if got != CELLS[cell]:
                    wrong.append(f"{name} as {role}: {got or 'done'} instead of {cell}")
    assert wrong == []


def test_the_table_is_whole():
    assert set(table()) == set(DEEDS)


def test_in_a_pair_both_may_the_same_and_neither_may_change_it(stage):
    mia, stan = "mia", "stan"
    other = stage.in_pair["max"]
    cases: dict[str, tuple[Deed, str]] = {
        "send": (lambda s, n, me: s.send(me, s.pair, "hi"), ""),
        "reply": (lambda s, n, me: s.send(me, s.pair, "hi", reply_to_id=other), ""),
        "pin": (lambda s, n, me: actions.set_pinned(me, other, True), ""),
        "react": (lambda s, n, me: actions.set_reaction(me, other, "👍", True), ""),
        "recall one's own": (lambda s, n, me: actions.delete_message(me, s.in_pair.get(n, other)), ""),
        "delete the other's": (lambda s, n, me: actions.delete_message(me, other), "forbidden"),
        "rename": (lambda s, n, me: actions.update_group(me, s.pair, {"title": "x"}), "forbidden"),
        "add": (lambda s, n, me: actions.add_members(me, s.pair, [s.ids["newt"]]), "forbidden"),
        "leave": (lambda s, n, me: actions.remove_member(me, s.pair, me), "forbidden"),
        "remove": (lambda s, n, me: actions.remove_member(me, s.pair, s.ids["max"]), "forbidden"),
        "lead": (lambda s, n, me: actions.set_role(me, s.pair, s.ids["max"], "owner"), "forbidden"),
        "delete it": (lambda s, n, me: actions.delete_group(me, s.pair), "forbidden"),
    }
    got = {name: (done(stage, deed, mia), done(stage, deed, stan)) for name, (deed, _) in cases.items()}
    assert got == {name: (code, "not_found") for name, (_, code) in cases.items()}


def test_what_one_may_not_see_can_be_neither_quoted_nor_brought_along(stage):
    for option in ("reply_to_id", "forward_id"):
        for message in (stage.in_pair["mia"], stage.brought["olga"], 999_999_999):
            body = "hi" if option == "reply_to_id" else ""
            with pytest.raises(ApplicationError) as refused:
                stage.send(stage.ids["adam"], stage.room, body, **{option: message})
            assert (refused.value.code, set(refused.value.fields)) == ("invalid", {option})


def test_the_last_one_out_ends_the_group(stage):
    notes = actions.create_group(stage.ids["olga"], "Alone", []).id
    actions.remove_member(stage.ids["olga"], notes, stage.ids["olga"])
    with pytest.raises(ApplicationError):
        selectors.get_conversation(stage.ids["olga"], notes)


def test_whoever_comes_back_is_a_member_like_any_other(stage):
    actions.remove_member(stage.ids["olga"], stage.room, stage.ids["adam"])
    actions.add_members(stage.ids["olga"], stage.room, [stage.ids["adam"]])
    assert selectors.get_conversation(stage.ids["adam"], stage.room).mine.role == "member"
    assert done(stage, DEEDS["rename"], "adam") == "forbidden"


def test_moderators_of_the_site_hide_and_restore_without_being_members(stage):
    boss = User.objects.create_superuser("boss").pk
    message = stage.messages["max"]
    actions.hide_message(boss, message)
    assert selectors.get_message(stage.ids["mia"], message).deleted_at
    actions.restore_message(boss, message)
    assert selectors.get_message(stage.ids["mia"], message).body == "other words"
    with pytest.raises(ApplicationError) as refused:
        selectors.get_message(boss, message)
    assert refused.value.code == "not_found"


def test_what_its_writer_recalled_nobody_restores(stage):
    boss, message = User.objects.create_superuser("boss").pk, stage.messages["max"]
    actions.delete_message(stage.ids["olga"], message)  # hidden first, and recalled by its writer then
    actions.delete_message(stage.ids["max"], message)
    with pytest.raises(ApplicationError) as refused:
        actions.restore_message(boss, message)
    assert refused.value.code == "invalid"
