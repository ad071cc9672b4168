"""Verbs at the same moment, each in a thread and a connection of its own, on a real PostgreSQL.

After each: every version was told once and none left out, `seq` has no holes, and there is one owner.
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
from chat.models import Conversation, Membership, Message
from messenger.core.batch_writer import BatchWriter
from messenger.core.errors import ApplicationError
from messenger.live.events import ConversationEvent, Event, UserEvent, set_publisher

pytestmark = pytest.mark.usefixtures("postgres_db")


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Each in its own thread, let go together; what they returned, or were refused with."""
    gate, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int) -> None:
        gate.wait(20)
        try:
            results[place] = calls[place]()
        except ApplicationError as refused:
            results[place] = refused
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return results


def codes(results: list[Any]) -> Counter[str]:
    return Counter(result.code if isinstance(result, ApplicationError) else "" for result in results)


@pytest.fixture
def told():
    """All news of this test, in the order of telling."""
    kept: list[Event] = []
    before = set_publisher(kept.extend)
    yield kept
    set_publisher(before)


@pytest.fixture
def cast(person):
    return [person(name) for name in ("alice", "bob", "carol", "dave", "erin", "frank")]


def group(owner, *others) -> int:
    return actions.create_group(owner.pk, "Room", [other.pk for other in others]).id


def assert_sound(conversation_id: int, told: list[Event]) -> None:
    room = Conversation.objects.get(pk=conversation_id)
    messages = list(Message.objects.filter(conversation=room).order_by("seq"))
    members = list(Membership.objects.filter(conversation=room))
    here = [row for row in members if row.left_at is None]
    assert [message.seq for message in messages] == list(range(1, room.last_seq + 1))
    assert room.text_count == sum(message.kind == "text" for message in messages)
    assert [m.text_count for m in messages] == list(itertools.accumulate(int(m.kind == "text") for m in messages))
    versions = [row.version for row in [*messages, *members]] + [room.info_version]
    assert max(versions) <= room.version and len(set(versions)) == len(versions)
    assert room.member_count == len(here)
    for row in here:
        unread = [m for m in messages if m.kind == "text" and m.seq > row.read_seq and m.sender_id != row.user_id]
        assert room.text_count - row.read_count == len(unread), row.user
    owners = [row.user_id for row in here if row.role == "owner"]
    if room.kind == "group":
        assert owners == ([] if room.deleted_at else [room.owner_id])
    durable = sorted(
        (n for n in told if isinstance(n, ConversationEvent) and n.conversation_id == room.pk), key=lambda n: n.version
    )
    assert all(item.after < item.version for item in durable)
    assert [item.after for item in durable[1:]] == [item.version for item in durable[:-1]]
    if durable:
        assert durable[-1].version == room.version
    for user_id in {row.user_id for row in members}:
        mine = sorted(n.me_version for n in told if isinstance(n, UserEvent) and n.user_id == user_id and n.me_version)
        last = User.objects.values_list("me_version", flat=True).get(pk=user_id)
        assert mine == list(range(last - len(mine) + 1, last + 1))
    for row in here:
        assert_last_word(row, told)


def assert_last_word(row: Membership, told: list[Event]) -> None:
    """The newest `mine` that this person was told of this conversation is what stands in the row."""
    own = [n for n in told if isinstance(n, UserEvent) and n.user_id == row.user_id and n.me_version == row.me_version]
    for item in own:
        frame = json.loads(item.text)
        if frame["type"] == "mine.updated" and frame["payload"]["conversation_id"] == row.conversation_id:
            mine = frame["payload"]["mine"]
            assert (mine["role"], mine["muted"]) == (row.role, row.muted)
            # One's own text moves the mark by itself: the message says so.
            assert mine["read_seq"] == row.read_seq or row.read_seq == row.sent_seq


# ── Pairs ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_both_open_the_one_pair(cast, told):
    for one, other in itertools.combinations(cast, 2):
        answers = at_once(
            *[lambda a=one, b=other: actions.open_direct_conversation(a.pk, b.pk)] * 2,
            *[lambda a=other, b=one: actions.open_direct_conversation(a.pk, b.pk)] * 2,
        )
        assert len({shape.id for shape, _created in answers}) == 1
        assert sum(created for _shape, created in answers) == 1
        assert {shape.peer.id for shape, _ in answers[:2]} == {other.pk}
        assert_sound(answers[0][0].id, [])
    assert Conversation.objects.count() == 15 and Membership.objects.count() == 30
    assert sum(isinstance(item, UserEvent) for item in told) == 30


# ── One owner ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("with_deletion", [False, True])
@pytest.mark.parametrize("round", range(6))
def test_the_owner_leaves_transfers_and_deletes_at_once(cast, told, with_deletion, round):
    alice, bob, carol, dave = cast[:4]
    room = group(alice, bob, carol, dave)
    calls = [
        lambda: actions.set_role(alice.pk, room, bob.pk, "owner"),
        lambda: actions.set_role(alice.pk, room, carol.pk, "owner"),
        lambda: actions.remove_member(alice.pk, room, alice.pk),
        lambda: actions.remove_member(bob.pk, room, bob.pk),
        lambda: actions.remove_member(carol.pk, room, alice.pk),
        lambda: actions.set_role(bob.pk, room, dave.pk, "owner"),
        lambda: actions.set_role(alice.pk, room, dave.pk, "admin"),
    ]
    if with_deletion:
        calls.append(lambda: actions.delete_group(alice.pk, room))
    random.Random(round).shuffle(calls)
    assert set(codes(at_once(*calls))) <= {"", "forbidden", "not_found"}
    assert_sound(room, told)
    if not with_deletion:
        assert Membership.objects.filter(conversation_id=room, role="owner", left_at=None).count() == 1


# ── One state ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_message_is_edited_deleted_and_reacted_to_at_once(cast, told):
    alice, bob, carol, dave = cast[:4]
    room = group(alice, bob, carol, dave)
    for number in range(10):
        message = actions.send_message(bob.pk, room, uuid.uuid4(), "hello @carol")[0].id
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
            by = bob if number % 4 == 1 else alice
            calls.append(lambda m=message, by=by: actions.delete_message(by.pk, m))
        assert set(codes(at_once(*calls))) <= {"", "not_found"}
        shapes = [selectors.get_message(user.pk, message) for user in (alice, bob, carol, dave)]
        assert shapes == [shapes[0]] * 4
        row = Message.objects.get(pk=message)
        if number % 2:
            assert shapes[0].deleted_at and shapes[0].body == "" and shapes[0].reactions == [] and not shapes[0].pinned
            assert selectors.list_mentions(carol.pk)[0] == []
            if number % 4 == 1:
                assert row.body == "" and row.revisions.count() == 0 and row.reactions.count() == 0
            else:
                assert row.body.startswith("hello")
        else:
            assert row.body in ("hello @dave", "hello @alice @carol") and row.revisions.count() == 2
            assert [each.user_ids for each in shapes[0].reactions if each.emoji == "👍"] == [[carol.pk]]
            actions.delete_message(alice.pk, message)
    assert_sound(room, told)


# ── Once ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_one_client_id_from_fifty_threads_is_one_row(cast, told):
    """Through this process's queue, and as other processes would: each with a transaction of its own."""
    alice, bob = cast[:2]
    room = group(alice, bob)
    once = SendCommand(alice.pk, room, uuid.uuid4(), "once")
    answers = at_once(*[lambda: send_queue.call(once)] * 25, *[lambda: _as_another_process(once)] * 25)
    assert all(isinstance(answer, SentMessage) for answer in answers), codes(answers)
    assert sum(answer.created for answer in answers) == 1
    assert {answer.message.id for answer in answers} == {Message.objects.get(kind="text").pk}
    assert all(answer.message == answers[0].message for answer in answers)
    assert_sound(room, told)


def test_one_client_id_in_two_conversations_is_a_conflict(cast, told):
    alice, bob, carol = cast[:3]
    for _ in range(6):
        first, second = group(alice, bob), group(alice, carol)
        client_id = uuid.uuid4()
        commands = [SendCommand(alice.pk, room, client_id, "once") for room in (first, second)] * 3
        answers = at_once(*[lambda c=command: _as_another_process(c) for command in commands])
        assert sum(isinstance(answer, SentMessage) and answer.created for answer in answers) == 1
        assert codes(answers) == {"": 3, "conflict": 3}
        assert Message.objects.filter(client_id=client_id).count() == 1


def _as_another_process(command: SendCommand) -> Any:
    return BatchWriter("another", send_many, lambda send: send.conversation_id, store_blocking=send_many_blocking).call(
        command, 20
    )


def test_two_processes_write_into_one_conversation(cast, told):
    """Each with its own queue: one order, without holes, the order of commits; and that of each sender."""
    alice, *others = cast
    room = group(alice, *others)
    queues = [
        BatchWriter(name, send_many, lambda send: send.conversation_id, store_blocking=send_many_blocking, size=16)
        for name in ("one", "two")
    ]

    def talk(user, queue):
        for number in range(25):
            queue.call(SendCommand(user.pk, room, uuid.uuid4(), f"{number}"), 20)

    at_once(*[lambda user=user, queue=queues[place % 2]: talk(user, queue) for place, user in enumerate(cast)])
    rows = list(Message.objects.filter(conversation_id=room).order_by("seq"))
    assert len(rows) == 150
    for user in cast:
        assert [int(row.body) for row in rows if row.sender_id == user.pk] == list(range(25))
    # The time is taken under the lock that is held until commit.
    assert [row.created_at for row in rows] == sorted(row.created_at for row in rows)
    assert_sound(room, told)


# ── In and out ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_somebody_is_removed_and_added_while_others_send(cast, told):
    alice, bob, carol, dave = cast[:4]
    room = group(alice, bob, carol, dave)
    actions.set_role(alice.pk, room, carol.pk, "admin")

    def talk(user):
        for number in range(20):
            try:
                actions.send_message(user.pk, room, uuid.uuid4(), f"{number} @dave")
            except ApplicationError as refused:
                assert refused.code == "not_found" and user is dave

    def turn(user):
        for number in range(10):
            try:
                if number % 2:
                    actions.add_members(user.pk, room, [dave.pk])
                else:
                    actions.remove_member(user.pk, room, dave.pk)
            except ApplicationError as refused:
                assert refused.code == "not_found"

    at_once(lambda: talk(alice), lambda: talk(bob), lambda: talk(dave), lambda: turn(alice), lambda: turn(carol))
    assert_sound(room, told)
    his = [
        item
        for item in told
        if isinstance(item, ConversationEvent) and dave.pk in (item.joined_user_id, item.left_user_id)
    ]
    turns = sorted((item.version, bool(item.joined_user_id)) for item in his)
    assert [came for _version, came in turns] == [bool(place % 2) for place in range(len(turns))]  # left, came, left …
    row = Membership.objects.get(conversation_id=room, user=dave)
    assert row.version == turns[-1][0] and (row.left_at is None) == turns[-1][1]
    # What he said, he said while he was in; and nobody named him while he was out.
    inside = {row.seq for row in Message.objects.filter(conversation_id=room, sender=dave, kind="text")}
    events = {m.seq: m.event["name"] for m in Message.objects.filter(conversation_id=room, kind="system")}
    state = True
    for message in Message.objects.filter(conversation_id=room).order_by("seq"):
        if message.seq in events:
            state = {"joined": True, "removed": False}.get(events[message.seq], state)
        elif message.seq in inside or message.mentions:
            assert state, f"{message.seq} while he was out"


# ── All at once ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def no_ring(caplog):
    """A deadlock is broken by PostgreSQL after a second, and said in our log."""
    yield
    assert not [line for line in caplog.messages if "deadlock" in line or "did not answer" in line]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.usefixtures("no_ring")
def test_marks_roles_and_names_never_wait_for_each_other_in_a_ring(cast, told):
    """All of them lock memberships and people. Each takes them in one order."""
    alice, bob, carol, dave = cast[:4]
    room = group(alice, bob, carol, dave)
    message = actions.send_message(alice.pk, room, uuid.uuid4(), "hello")[0].id
    until = time.monotonic() + 3

    def repeat(deed: Callable[[int], Any]) -> int:
        for number in itertools.count():
            if time.monotonic() > until:
                return number
            deed(number)
        return 0

    def mark(number: int) -> Any:
        return move_markers(
            [MarkerMove(user.pk, room, read_seq=1, back=bool(number % 2)) for user in (dave, carol, bob)]
        )

    def name(number: int) -> Any:
        return actions.edit_message(
            alice.pk, message, f"{number} {('@bob', '@carol', '@dave', '@all', '')[number % 5]}"
        )

    def lead(number: int) -> Any:
        return actions.set_role(alice.pk, room, (dave, carol, bob)[number % 3].pk, ("admin", "member")[number % 2])

    counts = at_once(*[lambda deed=deed: repeat(deed) for deed in (mark, mark, name, lead)])
    assert min(counts) > 5
    assert_sound(room, told)


@pytest.mark.usefixtures("no_ring")
def test_verbs_at_random_never_wait_for_each_other_in_a_ring(cast, told):
    alice, *others = cast
    rooms = [group(alice, *others) for _ in range(2)]
    for room in rooms:
        for other in others[:3]:
            actions.set_role(alice.pk, room, other.pk, "admin")
        for user in cast:
            actions.send_message(user.pk, room, uuid.uuid4(), "hello")
    until = time.monotonic() + 4
    count: Counter[str] = Counter()

    def live(user, seed):
        luck = random.Random(seed)
        while time.monotonic() < until:
            room, other = luck.choice(rooms), luck.choice(cast)
            texts = list(Message.objects.filter(conversation_id=room, kind="text").order_by("-seq")[:8])
            own = [text for text in texts if text.sender_id == user.pk]
            text = luck.choice(texts)
            deed = luck.choice(
                [
                    *["send", "read", "read all", "edit", "react", "role", "remove", "add", "delete"],
                    *["mute", "pin", "pair", "rename", "name", "back"],
                ]
            )
            names = " ".join(f"@{each.username}" for each in luck.sample(cast, 3))
            try:
                match deed:
                    case "send":
                        actions.send_message(user.pk, room, uuid.uuid4(), f"{luck.random()} {names} @all")
                    case "read":
                        actions.mark_read(user.pk, room, text.seq)
                    case "back":
                        actions.mark_read(user.pk, room, text.seq, back=True)
                    case "read all":  # of another process, all in one transaction
                        move_markers([MarkerMove(each.pk, r, read_seq=text.seq) for r in rooms for each in cast])
                    case "edit" if own:
                        actions.edit_message(user.pk, luck.choice(own).pk, f"{luck.random()} {names}")
                    case "react":
                        actions.set_reaction(user.pk, text.pk, "👍", luck.random() < 0.5)
                    case "role":
                        actions.set_role(user.pk, room, other.pk, luck.choice(["owner", "admin", "member"]))
                    case "remove":
                        actions.remove_member(user.pk, room, other.pk)
                    case "add":
                        actions.add_members(user.pk, room, [each.pk for each in luck.sample(cast, 3)])
                    case "delete":
                        actions.delete_message(user.pk, text.pk)
                    case "mute":
                        actions.update_member_state(user.pk, room, {"muted": luck.random() < 0.5})
                    case "pin":
                        actions.set_pinned(user.pk, text.pk, luck.random() < 0.5)
                    case "pair":
                        actions.open_direct_conversation(user.pk, other.pk)
                    case "rename":
                        actions.update_group(user.pk, room, {"title": f"Room {luck.randint(1, 99)}"})
                    case "name":
                        actions.publish_profile_change(user.pk)
                count[deed] += 1
            except ApplicationError as refused:
                count[refused.code] += 1

    at_once(*[lambda user=user, seed=seed: live(user, seed) for seed, user in enumerate(cast * 2)])
    assert count["unavailable"] == 0
    assert len(count) > 14, count
    for room in rooms:
        assert_sound(room, told)


# ── Lanes ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_conversation_that_somebody_holds_waits_alone(cast, postgres_db, told):
    alice, bob = cast[:2]
    held, free = group(alice, bob), group(alice, bob)
    with psycopg.connect(postgres_db) as holder:
        holder.execute("SELECT 1 FROM chat_conversation WHERE id = %s FOR UPDATE", [held])
        waiting = []
        for number in range(5):
            thread = threading.Thread(target=_say, args=(alice, held, f"{number}"))
            thread.start()
            waiting.append(thread)
            time.sleep(0.05)  # they ask in this order
        begun = time.monotonic()
        for number in range(10):
            _say(bob, free, f"{number}")
        assert time.monotonic() - begun < 2
        assert all(thread.is_alive() for thread in waiting)
        holder.rollback()
    for thread in waiting:
        thread.join(10)
    assert [m.body for m in Message.objects.filter(conversation_id=held).order_by("seq")] == list("01234")
    assert_sound(held, told)
    assert_sound(free, told)


def _say(user, room: int, body: str) -> None:
    try:
        actions.send_message(user.pk, room, uuid.uuid4(), body)
    finally:
        connection.close()
