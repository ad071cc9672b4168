"""Tests of privacy settings and blocked users in conversations: who may write, add people and mention somebody.

Also tests how many database queries the checks make.
"""

from __future__ import annotations

import json
import uuid

import pytest

from accounts import actions as account_actions
from accounts.actions import contacts
from accounts.models import User
from chat import actions, selectors
from chat.models import Mention
from chat.payloads import SendPayload
from chat.selectors.messages import get_newest_unread_mentions
from messenger.core.errors import ApplicationError
from messenger.live.events import UserEvent, set_publisher

pytestmark = pytest.mark.usefixtures("each_database")


def send(user, conversation, body="hello"):
    return actions.send_message(user.pk, conversation, uuid.uuid4(), body)[0]


def error_of(action, *args) -> tuple[str, str]:
    with pytest.raises(ApplicationError) as caught:
        action(*args)
    return caught.value.code, str(caught.value.detail)


def set_privacy(user, **settings):
    account_actions.update_profile(user.pk, settings)


@pytest.fixture
def published_events():
    events: list = []
    before = set_publisher(events.extend)
    yield events
    set_publisher(before)


def mentioned_user_ids(published_events) -> list[int]:
    return [
        item.user_id
        for item in published_events
        if isinstance(item, UserEvent) and json.loads(item.text)["type"] == "mention"
    ]


# ── Direct conversations ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("setting", "contact", "open_"),
    [("everyone", False, True), ("contacts", False, False), ("contacts", True, True), ("nobody", True, False)],
)
def test_write_to_me_limits_new_direct_conversations(alice, carol, setting, contact, open_):
    if contact:
        contacts.add_contact(carol.pk, alice.pk)
    set_privacy(carol, write_to_me=setting)
    if open_:
        conversation, created = actions.open_direct_conversation(alice.pk, carol.pk)
        assert created and send(alice, conversation.id)
    else:
        assert error_of(actions.open_direct_conversation, alice.pk, carol.pk)[0] == "forbidden"


def test_a_recipient_may_answer_once_written_to(alice, carol):
    set_privacy(carol, write_to_me="nobody")
    conversation, _ = actions.open_direct_conversation(carol.pk, alice.pk)
    assert error_of(send, alice, conversation.id)[0] == "not_found"
    assert error_of(actions.open_direct_conversation, alice.pk, carol.pk)[0] == "forbidden"
    send(carol, conversation.id)
    assert send(alice, conversation.id)


def test_a_blocked_direct_conversation_can_still_be_opened_and_read(direct_conversation, alice, bob):
    send(alice, direct_conversation.pk)
    contacts.block_user(bob.pk, alice.pk)
    conversation, created = actions.open_direct_conversation(alice.pk, bob.pk)
    assert conversation.id == direct_conversation.pk and not created
    assert len(selectors.get_history(alice.pk, direct_conversation.pk).results) == 1


def test_a_block_stops_direct_messages_and_only_the_blocker_sees_the_reason(direct_conversation, alice, bob):
    message = send(bob, direct_conversation.pk)
    own = send(alice, direct_conversation.pk)
    contacts.block_user(alice.pk, bob.pk)
    assert error_of(send, alice, direct_conversation.pk)[0] == "blocked"
    code, text = error_of(send, bob, direct_conversation.pk)
    assert code == "forbidden"
    for action in (
        lambda: actions.edit_message(bob.pk, message.id, "other words"),
        lambda: actions.set_reaction(bob.pk, own.id, "👍", True),
        lambda: actions.set_pinned(bob.pk, own.id, True),
    ):
        assert error_of(action) == (code, text)
    assert actions.delete_message(bob.pk, message.id).deleted_at  # senders may always delete their own messages
    contacts.unblock_user(alice.pk, bob.pk)
    assert send(bob, direct_conversation.pk) and send(alice, direct_conversation.pk)


def test_a_block_a_setting_and_a_suspension_give_the_same_error(alice, bob, carol, mallory, make_user):
    erin = make_user("erin")
    with_erin, with_mallory = (actions.open_direct_conversation(bob.pk, user.pk)[0] for user in (erin, mallory))
    for user in (alice, erin):
        contacts.block_user(user.pk, bob.pk)
    set_privacy(carol, write_to_me="contacts")
    code, text = error_of(actions.open_direct_conversation, bob.pk, alice.pk)
    of_carol = text.replace(alice.display_name, carol.display_name)
    assert error_of(actions.open_direct_conversation, bob.pk, carol.pk) == (code, of_carol)
    account_actions.suspend_user(mallory.pk, make_user("root", is_superuser=True).pk)
    assert error_of(send, bob, with_mallory.id) == error_of(send, bob, with_erin.id)


def test_a_repeated_send_from_before_the_block_is_idempotent(direct_conversation, alice, bob):
    client_id = uuid.uuid4()
    first, _ = actions.send_message(bob.pk, direct_conversation.pk, client_id, "hello")
    contacts.block_user(alice.pk, bob.pk)
    again, created = actions.send_message(bob.pk, direct_conversation.pk, client_id, "hello")
    assert again.id == first.id and not created


def test_a_user_hidden_from_search_cannot_be_written_to_by_id(alice, carol):
    set_privacy(carol, find_me="nobody")
    assert error_of(actions.open_direct_conversation, alice.pk, carol.pk) == error_of(
        actions.open_direct_conversation, alice.pk, 4711
    )
    actions.create_group(carol.pk, "Room", [alice.pk])  # from now on alice and carol share a group
    assert actions.open_direct_conversation(alice.pk, carol.pk)[1]


# ── Groups ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("setting", "contact", "added"),
    [("everyone", False, True), ("contacts", False, False), ("contacts", True, True), ("nobody", True, False)],
)
def test_add_me_limits_who_may_add_to_groups(group, alice, carol, setting, contact, added):
    if contact:
        contacts.add_contact(carol.pk, alice.pk)
    set_privacy(carol, add_me=setting)
    for action in (
        lambda: actions.add_members(alice.pk, group.pk, [carol.pk]),
        lambda: actions.create_group(alice.pk, "New", [carol.pk]),
    ):
        if added:
            assert action()
        else:
            assert error_of(action)[0] == "forbidden"


def test_blocked_users_cannot_add_each_other_to_groups(group, alice, carol):
    contacts.block_user(alice.pk, carol.pk)
    assert error_of(actions.add_members, alice.pk, group.pk, [carol.pk])[0] == "blocked"
    assert error_of(actions.create_group, carol.pk, "New", [alice.pk])[0] == "forbidden"


def test_add_me_does_not_affect_existing_members(group, alice, bob):
    set_privacy(bob, add_me="nobody")
    assert actions.add_members(alice.pk, group.pk, [bob.pk]) == []


def test_a_block_does_not_affect_messages_in_shared_groups(group, alice, bob):
    contacts.block_user(alice.pk, bob.pk)
    send(bob, group.pk, "hello all")
    assert [message.body for message in selectors.get_history(alice.pk, group.pk).results if message.body] == [
        "hello all"
    ]


@pytest.mark.parametrize("blocker", ["maker", "guest"])
def test_a_block_does_not_prevent_joining_by_link_but_applies_inside(published_events, group, alice, mallory, blocker):
    token = actions.create_invite(alice.pk, group.pk).token
    contacts.block_user(*((alice.pk, mallory.pk) if blocker == "maker" else (mallory.pk, alice.pk)))
    conversation, is_new = actions.join_by_invite(mallory.pk, token)
    assert is_new and conversation.id == group.pk
    send(mallory, group.pk, "hi @alice")
    assert mentioned_user_ids(published_events) == []
    actions.remove_member(alice.pk, group.pk, mallory.pk)
    assert error_of(actions.join_by_invite, mallory.pk, token)[0] == "not_found"


# ── Mentions ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("blocker", ["alice", "bob"])
@pytest.mark.parametrize("text", ["hi @bob", "hi @all"])
def test_a_mention_across_a_block_notifies_no_blocked_user(published_events, group, alice, bob, carol, blocker, text):
    actions.add_members(alice.pk, group.pk, [carol.pk])
    pair_of = (alice.pk, bob.pk) if blocker == "alice" else (bob.pk, alice.pk)
    contacts.block_user(*pair_of)
    message = send(alice, group.pk, text)
    assert message.mentions and "mention" in message.body_html  # the text shows the mention as usual
    others = [carol.pk] if "@all" in text else []
    assert mentioned_user_ids(published_events) == others
    assert list(Mention.objects.values_list("user_id", flat=True)) == others
    assert selectors.get_conversation(bob.pk, group.pk).mine.unread_mention_count == 0
    published_events.clear()
    actions.edit_message(alice.pk, message.id, text + "!")
    assert mentioned_user_ids(published_events) == [] and Mention.objects.count() == len(others)
    # bob's devices have counted the mention in the edited message, and get the right count.
    frames = [
        json.loads(item.text) for item in published_events if isinstance(item, UserEvent) and item.user_id == bob.pk
    ]
    assert [
        frame["payload"]["mine"]["unread_mention_count"] for frame in frames if frame["type"] == "mine.updated"
    ] == [0]


def mention_counts(user, conversation) -> dict:
    (summary,) = [row for row in selectors.list_conversation_summaries(user.pk) if row.id == conversation.pk]
    return {
        "API": selectors.get_conversation(user.pk, conversation.pk).mine.unread_mention_count,
        "list": summary.mentions,
        "jump": len(get_newest_unread_mentions(user.pk)),
    }


def published_counts(published_events, user) -> list[int]:
    frames = [
        json.loads(item.text) for item in published_events if isinstance(item, UserEvent) and item.user_id == user.pk
    ]
    return [frame["payload"]["mine"]["unread_mention_count"] for frame in frames if frame["type"] == "mine.updated"]


def test_mentions_from_before_a_block_do_not_count_until_the_block_ends(
    published_events, group, alice, bob, django_capture_on_commit_callbacks
):
    def change(action, user, other):
        published_events.clear()
        with django_capture_on_commit_callbacks(execute=True):
            action(user.pk, other.pk)

    send(alice, group.pk, "hi @bob")
    assert mention_counts(bob, group) == {"API": 1, "list": 1, "jump": 1}
    change(contacts.block_user, alice, bob)  # bob cannot notice that alice has blocked him
    assert mention_counts(bob, group) == {"API": 1, "list": 1, "jump": 1}
    assert published_counts(published_events, bob) == []
    change(contacts.unblock_user, alice, bob)
    change(contacts.block_user, bob, alice)
    assert mention_counts(bob, group) == {"API": 0, "list": 0, "jump": 0}
    assert (published_counts(published_events, bob), published_counts(published_events, alice)) == ([0], [])
    change(contacts.unblock_user, bob, alice)
    assert mention_counts(bob, group) == {"API": 1, "list": 1, "jump": 1}
    assert published_counts(published_events, bob) == [1]


# ── Query counts ───────────────────────────────────────────────────────────────────────────────────────────────────
def _count_send_queries(conversation_id: int, user, body: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from chat.actions.sending import SendCommand, send_many

    with CaptureQueriesContext(connection) as queries:
        send_many([SendCommand(user.pk, SendPayload(conversation_id, uuid.uuid4(), body))])
    return len(
        [query for query in queries if query["sql"].split()[0] not in ("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT")]
    )


def test_blocks_and_settings_add_no_query_to_a_send(group, direct_conversation, alice, bob, carol, monkeypatch):
    monkeypatch.setattr("notifications.listeners._enqueue_expansion", lambda: None)  # not with every send
    before = (
        _count_send_queries(group.pk, alice, "hello"),
        _count_send_queries(direct_conversation.pk, alice, "hello"),
        _count_send_queries(group.pk, alice, "hi @bob"),
    )
    set_privacy(bob, write_to_me="contacts", show_presence="contacts")
    contacts.add_contact(bob.pk, alice.pk)
    contacts.block_user(bob.pk, carol.pk)
    assert (
        _count_send_queries(group.pk, alice, "hello"),
        _count_send_queries(direct_conversation.pk, alice, "hello"),
        _count_send_queries(group.pk, alice, "hi @bob"),
    ) == before


def test_blocks_add_no_query_to_lists_and_history(
    group, direct_conversation, alice, bob, carol, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def count_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            selectors.list_conversations(alice.pk)
            selectors.get_history(alice.pk, group.pk)
        return len(queries)

    before = count_queries()
    contacts.block_user(alice.pk, bob.pk)
    assert count_queries() == before


def test_blocked_ids_are_stored_on_the_user(alice, bob, carol):
    for other in (carol, bob):
        contacts.block_user(alice.pk, other.pk)
    assert User.objects.get(pk=alice.pk).blocked_ids == [bob.pk, carol.pk]
