"""Privacy and blocks at the verbs of conversations (A13, J17): who may write, add, name; and what it costs to ask."""

from __future__ import annotations

import json
import uuid

import pytest

from accounts import actions as account_actions
from accounts.actions import contacts
from accounts.models import User
from chat import actions, selectors
from chat.models import Mention
from messenger.core.errors import ApplicationError
from messenger.live.events import UserEvent, set_publisher

pytestmark = pytest.mark.usefixtures("each_database")


def send(user, conversation, body="hello"):
    return actions.send_message(user.pk, conversation, uuid.uuid4(), body)[0]


def refused(verb, *args) -> tuple[str, str]:
    with pytest.raises(ApplicationError) as caught:
        verb(*args)
    return caught.value.code, str(caught.value.detail)


def sets(user, **settings):
    account_actions.update_profile(user.pk, settings)


@pytest.fixture
def told():
    news: list = []
    before = set_publisher(news.extend)
    yield news
    set_publisher(before)


def mentioned(told) -> list[int]:
    return [item.user_id for item in told if isinstance(item, UserEvent) and json.loads(item.text)["type"] == "mention"]


# ── Beginning to write ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("setting", "contact", "open_"),
    [("everyone", False, True), ("contacts", False, False), ("contacts", True, True), ("nobody", True, False)],
)
def test_who_may_begin_to_write(alice, carol, setting, contact, open_):
    if contact:
        contacts.add_contact(carol.pk, alice.pk)
    sets(carol, write_to_me=setting)
    if open_:
        shape, created = actions.open_direct_conversation(alice.pk, carol.pk)
        assert created and send(alice, shape.id)
    else:
        assert refused(actions.open_direct_conversation, alice.pk, carol.pk)[0] == "forbidden"


def test_whoever_was_written_to_may_answer(alice, carol):
    sets(carol, write_to_me="nobody")
    shape, _ = actions.open_direct_conversation(carol.pk, alice.pk)
    assert refused(send, alice, shape.id)[0] == "forbidden"
    send(carol, shape.id)
    assert send(alice, shape.id)


def test_a_pair_that_is_there_is_opened_again_and_reads_as_before(pair, alice, bob):
    send(alice, pair.pk)
    contacts.block_user(bob.pk, alice.pk)
    shape, created = actions.open_direct_conversation(alice.pk, bob.pk)
    assert shape.id == pair.pk and not created
    assert len(selectors.get_history(alice.pk, pair.pk).results) == 1


def test_a_block_ends_direct_messages_both_ways_and_only_the_blocker_is_told_why(pair, alice, bob):
    message = send(bob, pair.pk)
    own = send(alice, pair.pk)
    contacts.block_user(alice.pk, bob.pk)
    assert refused(send, alice, pair.pk)[0] == "blocked"
    code, words = refused(send, bob, pair.pk)
    assert code == "forbidden"
    for verb in (
        lambda: actions.edit_message(bob.pk, message.id, "other words"),
        lambda: actions.set_reaction(bob.pk, own.id, "👍", True),
        lambda: actions.set_pinned(bob.pk, own.id, True),
    ):
        assert refused(verb) == (code, words)
    assert actions.delete_message(bob.pk, message.id).deleted_at  # one's own words may always be taken back
    contacts.unblock_user(alice.pk, bob.pk)
    assert send(bob, pair.pk) and send(alice, pair.pk)


def test_the_blocked_are_answered_as_those_whom_a_setting_or_a_suspension_keeps_out(alice, bob, carol, mallory, person):
    contacts.block_user(alice.pk, bob.pk)
    blocked = refused(actions.open_direct_conversation, bob.pk, alice.pk)
    sets(carol, write_to_me="contacts")
    assert refused(actions.open_direct_conversation, bob.pk, carol.pk) == blocked
    shape, _ = actions.open_direct_conversation(bob.pk, mallory.pk)
    account_actions.suspend_user(mallory.pk, person("root", is_superuser=True).pk)
    assert refused(send, bob, shape.id) == blocked


def test_a_repeat_of_what_was_stored_before_the_block_is_answered(pair, alice, bob):
    client_id = uuid.uuid4()
    first, _ = actions.send_message(bob.pk, pair.pk, client_id, "hello")
    contacts.block_user(alice.pk, bob.pk)
    again, created = actions.send_message(bob.pk, pair.pk, client_id, "hello")
    assert again.id == first.id and not created


def test_who_cannot_be_found_cannot_be_written_to_by_number(alice, carol):
    sets(carol, find_me="nobody")
    assert refused(actions.open_direct_conversation, alice.pk, carol.pk) == refused(
        actions.open_direct_conversation, alice.pk, 4711
    )
    actions.create_group(carol.pk, "Room", [alice.pk])  # now they have met
    assert actions.open_direct_conversation(alice.pk, carol.pk)[1]


# ── Groups ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("setting", "contact", "added"),
    [("everyone", False, True), ("contacts", False, False), ("contacts", True, True), ("nobody", True, False)],
)
def test_who_may_add_me_to_groups(room, alice, carol, setting, contact, added):
    if contact:
        contacts.add_contact(carol.pk, alice.pk)
    sets(carol, add_me=setting)
    for verb in (
        lambda: actions.add_members(alice.pk, room.pk, [carol.pk]),
        lambda: actions.create_group(alice.pk, "New", [carol.pk]),
    ):
        if added:
            assert verb()
        else:
            assert refused(verb)[0] == "forbidden"


def test_blocked_people_add_each_other_to_no_group(room, alice, carol):
    contacts.block_user(alice.pk, carol.pk)
    assert refused(actions.add_members, alice.pk, room.pk, [carol.pk])[0] == "blocked"
    assert refused(actions.create_group, carol.pk, "New", [alice.pk])[0] == "forbidden"


def test_who_is_in_already_stays_whatever_they_let(room, alice, bob):
    sets(bob, add_me="nobody")
    assert actions.add_members(alice.pk, room.pk, [bob.pk]) == []


def test_in_shared_groups_both_go_on_writing_and_nothing_is_withheld(room, alice, bob):
    contacts.block_user(alice.pk, bob.pk)
    send(bob, room.pk, "hello all")
    assert [message.body for message in selectors.get_history(alice.pk, room.pk).results if message.body] == [
        "hello all"
    ]


@pytest.mark.parametrize("blocker", ["maker", "guest"])
def test_a_link_asks_no_block_and_inside_the_block_holds(told, room, alice, mallory, blocker):
    token = actions.create_invite(alice.pk, room.pk).token
    contacts.block_user(*((alice.pk, mallory.pk) if blocker == "maker" else (mallory.pk, alice.pk)))
    shape, is_new = actions.join_by_invite(mallory.pk, token)
    assert is_new and shape.id == room.pk
    send(mallory, room.pk, "hi @alice")
    assert mentioned(told) == []
    actions.remove_member(alice.pk, room.pk, mallory.pk)
    assert refused(actions.join_by_invite, mallory.pk, token)[0] == "not_found"


# ── Mentions ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("blocker", ["alice", "bob"])
@pytest.mark.parametrize("words", ["hi @bob", "hi @all"])
def test_a_mention_across_a_block_calls_nobody(told, room, alice, bob, carol, blocker, words):
    actions.add_members(alice.pk, room.pk, [carol.pk])
    pair_of = (alice.pk, bob.pk) if blocker == "alice" else (bob.pk, alice.pk)
    contacts.block_user(*pair_of)
    message = send(alice, room.pk, words)
    assert message.mentions and "mention" in message.body_html  # to the eye all is as ever
    others = [carol.pk] if "@all" in words else []
    assert mentioned(told) == others
    assert list(Mention.objects.values_list("user_id", flat=True)) == others
    assert selectors.get_conversation(bob.pk, room.pk).mine.unread_mention_count == 0
    told.clear()
    actions.edit_message(alice.pk, message.id, words + "!")
    assert mentioned(told) == [] and Mention.objects.count() == len(others)


# ── What it costs ────────────────────────────────────────────────────────────────────────────────────────────────
def _cost(conversation_id: int, user, body: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from chat.actions.sending import SendCommand, send_many

    with CaptureQueriesContext(connection) as asked:
        send_many([SendCommand(user.pk, conversation_id, uuid.uuid4(), body)])
    return len([query for query in asked if query["sql"].split()[0] not in ("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT")])


def test_blocks_and_settings_cost_a_send_no_query(room, pair, alice, bob, carol):
    before = _cost(room.pk, alice, "hello"), _cost(pair.pk, alice, "hello"), _cost(room.pk, alice, "hi @bob")
    sets(bob, write_to_me="contacts", show_presence="contacts")
    contacts.add_contact(bob.pk, alice.pk)
    contacts.block_user(bob.pk, carol.pk)
    assert (_cost(room.pk, alice, "hello"), _cost(pair.pk, alice, "hello"), _cost(room.pk, alice, "hi @bob")) == before


def test_blocks_cost_the_list_and_a_conversation_no_query(room, pair, alice, bob, carol, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            selectors.list_conversations(alice.pk)
            selectors.get_history(alice.pk, room.pk)
        return len(asked)

    before = cost()
    contacts.block_user(alice.pk, bob.pk)
    assert cost() == before


def test_the_blocked_ids_stand_on_the_person_s_own_row(alice, bob, carol):
    for other in (carol, bob):
        contacts.block_user(alice.pk, other.pk)
    assert User.objects.get(pk=alice.pk).blocked_ids == [bob.pk, carol.pk]
