"""Tests of concurrent actions on PostgreSQL. Each action has its own thread and database connection.

The tests then check that each version (number of a change of a conversation) was published exactly once, that the
messages are numbered without gaps, and that each group has one owner.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection

from accounts.models import User
from chat import actions, selectors
from chat.actions.queues import send_queue
from chat.actions.read_markers import MarkerMove, move_markers
from chat.actions.sending import SendCommand, SentMessage, send_many, send_many_blocking
from chat.attachments import uploads
from chat.models import Conversation, Membership, Message
from chat.payloads import SendPayload
from messenger.core.batch_writer import BatchWriter
from messenger.core.errors import ApplicationError
from messenger.live.events import ConversationEvent, Event, UserEvent, set_publisher
from tests.threads import run_concurrently

pytestmark = pytest.mark.usefixtures("postgres_db")


def codes(results: list[Any]) -> Counter[str]:
    return Counter(result.code if isinstance(result, ApplicationError) else "" for result in results)


@pytest.fixture
def published_events():
    """Yields a list, to which all events that are published during the test are added in the order of publication."""
    kept: list[Event] = []
    before = set_publisher(kept.extend)
    yield kept
    set_publisher(before)


@pytest.fixture
def users(make_user):
    return [make_user(name) for name in ("alice", "bob", "carol", "dave", "erin", "frank")]


def create_group(owner, *others) -> int:
    return actions.create_group(owner.pk, "Room", [other.pk for other in others]).id


def assert_consistent(conversation_id: int, published_events: list[Event]) -> None:
    group = Conversation.objects.get(pk=conversation_id)
    messages = list(Message.objects.filter(conversation=group).order_by("seq"))
    members = list(Membership.objects.filter(conversation=group))
    here = [row for row in members if row.left_at is None]
    assert [message.seq for message in messages] == list(range(1, group.last_seq + 1))
    assert group.text_count == sum(message.kind == "text" for message in messages)
    assert [m.text_count for m in messages] == list(itertools.accumulate(int(m.kind == "text") for m in messages))
    versions = [row.version for row in [*messages, *members]] + [group.info_version]
    assert max(versions) <= group.version and len(set(versions)) == len(versions)
    assert group.member_count == len(here)
    for row in here:
        unread = [m for m in messages if m.kind == "text" and m.seq > row.read_seq and m.sender_id != row.user_id]
        assert group.text_count - row.read_count == len(unread), row.user
    owners = [row.user_id for row in here if row.role == "owner"]
    if group.kind == "group":
        assert owners == ([] if group.deleted_at else [group.owner_id])
    durable = sorted(
        (n for n in published_events if isinstance(n, ConversationEvent) and n.conversation_id == group.pk),
        key=lambda n: n.version,
    )
    assert all(item.after < item.version for item in durable)
    assert [item.after for item in durable[1:]] == [item.version for item in durable[:-1]]
    if durable:
        assert durable[-1].version == group.version
    for user_id in {row.user_id for row in members}:
        mine = sorted(
            n.me_version for n in published_events if isinstance(n, UserEvent) and n.user_id == user_id and n.me_version
        )
        last = User.objects.values_list("me_version", flat=True).get(pk=user_id)
        assert mine == list(range(last - len(mine) + 1, last + 1))
    for row in here:
        assert_last_event_matches(row, published_events)


def assert_last_event_matches(row: Membership, published_events: list[Event]) -> None:
    """Asserts that the newest `mine.updated` event for a membership has the same values as the database row `row`.

    The values are the role, whether the conversation is muted, and the newest message read (read_seq).
    """
    own = [
        n
        for n in published_events
        if isinstance(n, UserEvent) and n.user_id == row.user_id and n.me_version == row.me_version
    ]
    for item in own:
        frame = json.loads(item.text)
        if frame["type"] == "mine.updated" and frame["payload"]["conversation_id"] == row.conversation_id:
            mine = frame["payload"]["mine"]
            assert (mine["role"], mine["muted"]) == (row.role, row.muted)
            # Sending a message moves the sender's read marker. Clients learn this from the event of the message.
            assert mine["read_seq"] == row.read_seq or row.read_seq == row.sent_seq


# ── Direct conversations ───────────────────────────────────────────────────────────────────────────────────────────
def test_concurrent_opening_creates_one_direct_conversation(users, published_events):
    for one, other in itertools.combinations(users, 2):
        answers = run_concurrently(
            *[lambda a=one, b=other: actions.open_direct_conversation(a.pk, b.pk)] * 2,
            *[lambda a=other, b=one: actions.open_direct_conversation(a.pk, b.pk)] * 2,
        )
        assert len({conversation.id for conversation, _created in answers}) == 1
        assert [sum(created for _schema, created in own) for own in (answers[:2], answers[2:])] == [1, 1]
        assert {conversation.peer.id for conversation, _ in answers[:2]} == {other.pk}
        assert_consistent(answers[0][0].id, [])
    assert Conversation.objects.count() == 15 and Membership.objects.count() == 30
    assert sum(isinstance(item, UserEvent) for item in published_events) == 30


# ── Ownership ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("with_deletion", [False, True])
@pytest.mark.parametrize("round", range(6))
def test_concurrent_leaving_transfer_and_deletion_keep_one_owner(users, published_events, with_deletion, round):
    alice, bob, carol, dave = users[:4]
    group = create_group(alice, bob, carol, dave)
    calls = [
        lambda: actions.set_role(alice.pk, group, bob.pk, "owner"),
        lambda: actions.set_role(alice.pk, group, carol.pk, "owner"),
        lambda: actions.remove_member(alice.pk, group, alice.pk),
        lambda: actions.remove_member(bob.pk, group, bob.pk),
        lambda: actions.remove_member(carol.pk, group, alice.pk),
        lambda: actions.set_role(bob.pk, group, dave.pk, "owner"),
        lambda: actions.set_role(alice.pk, group, dave.pk, "admin"),
    ]
    if with_deletion:
        calls.append(lambda: actions.delete_group(alice.pk, group))
    random.Random(round).shuffle(calls)
    assert set(codes(run_concurrently(*calls))) <= {"", "forbidden", "not_found"}
    assert_consistent(group, published_events)
    if not with_deletion:
        assert Membership.objects.filter(conversation_id=group, role="owner", left_at=None).count() == 1


# ── Messages ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_concurrent_edits_reactions_and_deletion_of_a_message(users, published_events):
    alice, bob, carol, dave = users[:4]
    group = create_group(alice, bob, carol, dave)
    for number in range(10):
        message = actions.send_message(bob.pk, group, uuid.uuid4(), "hello @carol")[0].id
        calls = [
            lambda m=message: actions.edit_message(bob.pk, m, "hello @dave"),
            lambda m=message: actions.edit_message(bob.pk, m, "hello @alice @carol"),
            lambda m=message: actions.set_reaction(carol.pk, m, "👍", True),
            lambda m=message: actions.set_reaction(carol.pk, m, "👍", True),
            lambda m=message: actions.set_reaction(dave.pk, m, "🎉", True),
            lambda m=message: actions.set_reaction(dave.pk, m, "🎉", False),
            lambda m=message: actions.set_pinned(alice.pk, m, True),
        ]
        if number % 2:
            deleter = bob if number % 4 == 1 else alice
            calls.append(lambda m=message, deleter=deleter: actions.delete_message(deleter.pk, m))
        assert set(codes(run_concurrently(*calls))) <= {"", "not_found"}
        schemas = [selectors.get_message(user.pk, message) for user in (alice, bob, carol, dave)]
        assert schemas == [schemas[0]] * 4
        row = Message.objects.get(pk=message)
        if number % 2:
            assert (
                schemas[0].deleted_at and schemas[0].body == "" and schemas[0].reactions == [] and not schemas[0].pinned
            )
            assert selectors.list_mentions(carol.pk)[0] == []
            if number % 4 == 1:
                assert row.body == "" and row.revisions.count() == 0 and row.reactions.count() == 0
            else:
                assert row.body.startswith("hello")
        else:
            assert row.body in ("hello @dave", "hello @alice @carol") and row.revisions.count() == 2
            assert [each.user_ids for each in schemas[0].reactions if each.emoji == "👍"] == [[carol.pk]]
            actions.delete_message(alice.pk, message)
    assert_consistent(group, published_events)


# ── Idempotency ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_one_client_id_from_fifty_threads_stores_one_row(users, published_events):
    """If fifty threads send a message with the same client_id, one message is stored, and all threads get this message.

    Half of the threads use the send queue, which stores the messages of this process in batches. The others send as
    another process would do: each in its own transaction.
    """
    alice, bob = users[:2]
    group = create_group(alice, bob)
    once = SendCommand(alice.pk, SendPayload(group, uuid.uuid4(), "once"))
    answers = run_concurrently(*[lambda: send_queue.call(once)] * 25, *[lambda: _as_another_process(once)] * 25)
    assert all(isinstance(answer, SentMessage) for answer in answers), codes(answers)
    assert sum(answer.created for answer in answers) == 1
    assert {answer.message.id for answer in answers} == {Message.objects.get(kind="text").pk}
    assert all(answer.message == answers[0].message for answer in answers)
    assert_consistent(group, published_events)


def test_one_client_id_in_two_conversations_is_a_conflict(users, published_events):
    alice, bob, carol = users[:3]
    for _ in range(6):
        first, second = create_group(alice, bob), create_group(alice, carol)
        client_id = uuid.uuid4()
        commands = [SendCommand(alice.pk, SendPayload(group, client_id, "once")) for group in (first, second)] * 3
        answers = run_concurrently(*[lambda c=command: _as_another_process(c) for command in commands])
        assert sum(isinstance(answer, SentMessage) and answer.created for answer in answers) == 1
        assert codes(answers) == {"": 3, "conflict": 3}
        assert Message.objects.filter(client_id=client_id).count() == 1


def _as_another_process(command: SendCommand) -> Any:
    return BatchWriter(
        "another", send_many, lambda send: send.payload.conversation_id, store_blocking=send_many_blocking
    ).call(command, 20)


def test_uploads_created_together_do_not_exceed_the_limit_of_a_user(users, settings):
    settings.PERSON_FILES_LIMIT = 2500
    alice = users[0]
    answers = run_concurrently(*[lambda: uploads.create_upload(alice.pk, 1000, "a.bin")] * 12)
    assert codes(answers) == {"": 2, "too_large": 10}


def test_two_processes_write_into_one_conversation(users, published_events):
    """Messages that two processes store at the same time are numbered without gaps, in the order of the commits.

    The messages of each sender keep their order. Two send queues (which store the messages of a process in batches)
    stand for the two processes.
    """
    alice, *others = users
    group = create_group(alice, *others)
    queues = [
        BatchWriter(
            name, send_many, lambda send: send.payload.conversation_id, store_blocking=send_many_blocking, size=16
        )
        for name in ("one", "two")
    ]

    def send_messages(user, queue):
        for number in range(25):
            queue.call(SendCommand(user.pk, SendPayload(group, uuid.uuid4(), f"{number}")), 20)

    run_concurrently(
        *[lambda user=user, queue=queues[index % 2]: send_messages(user, queue) for index, user in enumerate(users)]
    )
    rows = list(Message.objects.filter(conversation_id=group).order_by("seq"))
    assert len(rows) == 150
    for user in users:
        assert [int(row.body) for row in rows if row.sender_id == user.pk] == list(range(25))
    # `created_at` is set while the row of the conversation is locked, and the lock is held until commit.
    assert [row.created_at for row in rows] == sorted(row.created_at for row in rows)
    assert_consistent(group, published_events)


# ── Membership ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_member_is_removed_and_added_while_others_send(users, published_events):
    alice, bob, carol, dave = users[:4]
    group = create_group(alice, bob, carol, dave)
    actions.set_role(alice.pk, group, carol.pk, "admin")

    def send_messages(user):
        for number in range(20):
            try:
                actions.send_message(user.pk, group, uuid.uuid4(), f"{number} @dave")
            except ApplicationError as error:
                assert error.code == "not_found" and user is dave

    def add_and_remove(user):
        for number in range(10):
            try:
                if number % 2:
                    actions.add_members(user.pk, group, [dave.pk])
                else:
                    actions.remove_member(user.pk, group, dave.pk)
            except ApplicationError as error:
                assert error.code == "not_found"

    run_concurrently(
        lambda: send_messages(alice),
        lambda: send_messages(bob),
        lambda: send_messages(dave),
        lambda: add_and_remove(alice),
        lambda: add_and_remove(carol),
    )
    assert_consistent(group, published_events)
    dave_events = [
        item
        for item in published_events
        if isinstance(item, ConversationEvent) and dave.pk in (item.joined_user_id, item.left_user_id)
    ]
    turns = sorted((item.version, bool(item.joined_user_id)) for item in dave_events)
    assert [is_added for _version, is_added in turns] == [
        bool(index % 2) for index in range(len(turns))
    ]  # removed, added, removed …
    row = Membership.objects.get(conversation_id=group, user=dave)
    assert row.version == turns[-1][0] and (row.left_at is None) == turns[-1][1]
    # Dave sent messages only while he was a member, and nobody mentioned him while he was not.
    inside = {row.seq for row in Message.objects.filter(conversation_id=group, sender=dave, kind="text")}
    events = {m.seq: m.event["name"] for m in Message.objects.filter(conversation_id=group, kind="system")}
    state = True
    for message in Message.objects.filter(conversation_id=group).order_by("seq"):
        if message.seq in events:
            state = {"joined": True, "removed": False}.get(events[message.seq], state)
        elif message.seq in inside or message.mentions:
            assert state, f"{message.seq} while he was out"


# ── Deadlocks ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def no_deadlock(caplog):
    """Asserts after the test that no transactions waited for each other forever (deadlock).

    PostgreSQL ends a deadlock after a second with an error, which the application logs. The fixture searches the log.
    """
    yield
    assert not [line for line in caplog.messages if "deadlock" in line or "did not answer" in line]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.usefixtures("no_deadlock")
def test_read_markers_roles_and_mentions_do_not_deadlock(users, published_events):
    """Marking messages as read, changing roles and editing mentions at the same time causes no deadlock.

    All of these lock rows of memberships and users, always in the same order.
    """
    alice, bob, carol, dave = users[:4]
    group = create_group(alice, bob, carol, dave)
    message = actions.send_message(alice.pk, group, uuid.uuid4(), "hello")[0].id

    def repeat(action: Callable[[int], Any]) -> None:
        for number in range(30):
            action(number)

    def move_markers_of_all(number: int) -> Any:
        return move_markers(
            [MarkerMove(user.pk, group, read_seq=1, back=bool(number % 2)) for user in (dave, carol, bob)]
        )

    def edit_mentions(number: int) -> Any:
        return actions.edit_message(
            alice.pk, message, f"{number} {('@bob', '@carol', '@dave', '@all', '')[number % 5]}"
        )

    def change_roles(number: int) -> Any:
        return actions.set_role(alice.pk, group, (dave, carol, bob)[number % 3].pk, ("admin", "member")[number % 2])

    run_concurrently(
        *[
            lambda action=action: repeat(action)
            for action in (move_markers_of_all, move_markers_of_all, edit_mentions, change_roles)
        ]
    )
    assert_consistent(group, published_events)


@pytest.mark.usefixtures("no_deadlock")
def test_random_actions_do_not_deadlock(users, published_events):
    alice, *others = users
    rooms = [create_group(alice, *others) for _ in range(2)]
    for group in rooms:
        for other in others[:3]:
            actions.set_role(alice.pk, group, other.pk, "admin")
        for user in users:
            actions.send_message(user.pk, group, uuid.uuid4(), "hello")
    count: Counter[str] = Counter()

    def act_randomly(user, seed):
        rng = random.Random(seed)
        for _ in range(30):
            group, other = rng.choice(rooms), rng.choice(users)
            texts = list(Message.objects.filter(conversation_id=group, kind="text").order_by("-seq")[:8])
            own = [text for text in texts if text.sender_id == user.pk]
            text = rng.choice(texts)
            action = rng.choice(
                [
                    *["send", "read", "read all", "edit", "react", "role", "remove", "add", "delete"],
                    *["mute", "pin", "pair", "rename", "name", "back"],
                ]
            )
            names = " ".join(f"@{each.username}" for each in rng.sample(users, 3))
            try:
                match action:
                    case "send":
                        actions.send_message(user.pk, group, uuid.uuid4(), f"{rng.random()} {names} @all")
                    case "read":
                        actions.mark_read(user.pk, group, text.seq)
                    case "back":
                        actions.mark_read(user.pk, group, text.seq, back=True)
                    case "read all":  # many markers in one transaction, as another process moves them
                        move_markers([MarkerMove(each.pk, r, read_seq=text.seq) for r in rooms for each in users])
                    case "edit" if own:
                        actions.edit_message(user.pk, rng.choice(own).pk, f"{rng.random()} {names}")
                    case "react":
                        actions.set_reaction(user.pk, text.pk, "👍", rng.random() < 0.5)
                    case "role":
                        actions.set_role(user.pk, group, other.pk, rng.choice(["owner", "admin", "member"]))
                    case "remove":
                        actions.remove_member(user.pk, group, other.pk)
                    case "add":
                        actions.add_members(user.pk, group, [each.pk for each in rng.sample(users, 3)])
                    case "delete":
                        actions.delete_message(user.pk, text.pk)
                    case "mute":
                        actions.update_member_state(user.pk, group, {"muted": rng.random() < 0.5})
                    case "pin":
                        actions.set_pinned(user.pk, text.pk, rng.random() < 0.5)
                    case "pair":
                        actions.open_direct_conversation(user.pk, other.pk)
                    case "rename":
                        actions.update_group(user.pk, group, {"title": f"Room {rng.randint(1, 99)}"})
                    case "name":
                        actions.publish_profile_change(user.pk)
                count[action] += 1
            except ApplicationError as error:
                count[error.code] += 1

    run_concurrently(*[lambda user=user, seed=seed: act_randomly(user, seed) for seed, user in enumerate(users * 2)])
    assert count["unavailable"] == 0
    assert len(count) > 14, count
    for group in rooms:
        assert_consistent(group, published_events)


# ── Locked conversations ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_locked_conversation_delays_no_other(users, postgres_db, published_events):
    alice, bob = users[:2]
    locked, free = create_group(alice, bob), create_group(alice, bob)
    with psycopg.connect(postgres_db) as holder:
        holder.execute("SELECT 1 FROM chat_conversation WHERE id = %s FOR UPDATE", [locked])
        waiting = []
        for number in range(5):
            thread = threading.Thread(target=_say, args=(alice, locked, f"{number}"))
            thread.start()
            waiting.append(thread)
            time.sleep(0.05)  # so that the threads wait in this order
        begun = time.monotonic()
        for number in range(10):
            _say(bob, free, f"{number}")
        assert time.monotonic() - begun < 2
        assert all(thread.is_alive() for thread in waiting)
        holder.rollback()
    for thread in waiting:
        thread.join(10)
    assert [m.body for m in Message.objects.filter(conversation_id=locked).order_by("seq")] == list("01234")
    assert_consistent(locked, published_events)
    assert_consistent(free, published_events)


def _say(user, group: int, body: str) -> None:
    try:
        actions.send_message(user.pk, group, uuid.uuid4(), body)
    finally:
        connection.close()
