"""Tests of listeners: functions that an app registers to be called with published events.

Whatever a listener does, the message is stored and delivered once.
"""

from __future__ import annotations

import asyncio
import uuid

import msgspec
import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from chat import actions, selectors
from chat.actions import search_index
from chat.actions.sending import SendCommand, send_many
from chat.events import MentionEvent, MessagePayload
from chat.models import Message
from chat.payloads import SendPayload
from messenger.live import listeners
from messenger.live.frames import encode_frame, get_frame_type
from messenger.live.listeners import listen, listen_to_types
from tests.live.test_hub import send, withheld_events


class Heard:
    """A listener that records what it hears: the text of each message, in the order and batches of the calls."""

    def __init__(self):
        self.batches: list[list[str]] = []
        self.recipients: list[list[int]] = []
        self.was_in_transaction: list[bool] = []

    def __call__(self, events):
        texts = [event.payload.message for event in events if event.payload.message.kind == "text"]
        if texts:
            self.batches.append([message.body for message in texts])
            self.recipients.append(sorted(selectors.list_member_ids(texts[0].conversation_id)))
            self.was_in_transaction.append(connection.in_atomic_block)


class Text(msgspec.Struct):
    body: str


class Payload(msgspec.Struct):
    message: Text


@pytest.fixture(autouse=True)
def no_other_listeners(monkeypatch):
    """Removes the listeners of the apps of the site for the time of the test."""
    monkeypatch.setattr(listeners, "_in_transaction", {})
    monkeypatch.setattr(listeners, "_after_commit", {})


@pytest.fixture
def register():
    """Returns the function `listen`. What it registers is removed after the test."""
    registered = []

    def register_listener(type, payload, listener, **options):
        listen(type, payload, listener, **options)
        registered.append(listener)
        return listener

    yield register_listener
    for listener in registered:
        listeners.stop_listening(listener)
    assert not listeners._in_transaction and not listeners._after_commit


def bodies(conversation) -> list[str]:
    return list(
        Message.objects.filter(conversation=conversation, kind="text").order_by("seq").values_list("body", flat=True)
    )


async def test_a_listener_hears_of_each_message_once_with_its_recipients(environment, register, group, alice, bob):
    within = register("message.created", MessagePayload, Heard(), in_transaction=True)
    after = register("message.created", MessagePayload, Heard())
    for number in range(3):
        await send(environment, alice, group.pk, f"{number}")
    for heard in (within, after):
        assert heard.batches == [["0"], ["1"], ["2"]]
        assert heard.recipients == [[alice.pk, bob.pk]] * 3
    assert within.was_in_transaction == [True] * 3
    assert after.was_in_transaction == [False] * 3


async def test_events_that_reconciliation_delivers_again_are_not_heard_again(environment, register, group, alice, bob):
    bobs = await environment.connect(bob)
    heard = register("message.created", MessagePayload, Heard())
    with withheld_events():
        await send(environment, alice, group.pk, "lost on its way")
    environment.hub.reconciler.reconcile_conversation_soon(environment.hub.conversations[group.pk])
    await wait_for_text(bobs, "lost on its way")
    assert heard.batches == [["lost on its way"]]


async def wait_for_text(listener, text: str) -> None:
    async with asyncio.timeout(5):
        while not any(text in frame for frame in listener.transport.texts):
            await asyncio.sleep(0.01)


def test_the_messages_of_one_transaction_are_heard_together(each_database, register, group, alice, bob):
    heard = register("message.created", MessagePayload, Heard(), in_transaction=True)
    commands = [SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), f"{number}")) for number in range(20)]
    outcomes = send_many([*commands, commands[0]])
    assert [outcome.created for outcome in outcomes] == [True] * 20 + [False]
    assert heard.batches == [[f"{number}" for number in range(20)]]
    send_many(commands)  # sent again: nothing new
    assert len(heard.batches) == 1


@pytest.mark.parametrize("in_transaction", [True, False], ids=["in the transaction", "after the commit"])
async def test_a_listener_that_fails_costs_neither_message_nor_event(
    environment, register, group, alice, bob, in_transaction, caplog
):
    def fail(events):
        User.objects.create(username="half done")
        raise RuntimeError("a mistake")

    register("message.created", MessagePayload, fail, in_transaction=in_transaction)
    heard = register("message.created", MessagePayload, Heard(), in_transaction=in_transaction)
    bobs = await environment.connect(bob)
    message = await send(environment, alice, group.pk, "hello")
    assert bobs.apply_received().bodies(group.pk) == ["hello"]
    assert (await environment.run(selectors.get_message, bob.pk, message.id)).body == "hello"
    assert heard.batches == [["hello"]]
    assert "A listener failed" in caplog.text
    assert await environment.run(User.objects.filter(username="half done").exists) is not in_transaction


def test_a_database_error_of_a_listener_does_not_undo_the_message(each_database, register, group, alice):
    def write_what_the_database_rejects(events):
        for _ in range(2):
            User.objects.create(username="twice")

    register("message.created", MessagePayload, write_what_the_database_rejects, in_transaction=True)
    _message, created = actions.send_message(alice.pk, group.pk, uuid.uuid4(), "hello")
    assert created and bodies(group) == ["hello"]
    assert not User.objects.filter(username="twice").exists()


def test_a_transaction_that_cannot_be_saved_any_more_is_not_reported_as_stored(each_database, register, group, alice):
    """If the listener's failure took the whole transaction with it, the sender gets an error and sends again."""

    def lose_the_connection(events):
        connection.close()
        raise RuntimeError("the connection is lost")

    register("message.created", MessagePayload, lose_the_connection, in_transaction=True)
    command = SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), "hello"))
    with pytest.raises(RuntimeError):
        send_many([command])
    assert bodies(group) == []
    listeners.stop_listening(lose_the_connection)
    assert send_many([command])[0].created
    assert bodies(group) == ["hello"]


def test_what_a_listener_stores_is_rolled_back_with_the_message(each_database, register, group, alice):
    after = register("message.created", MessagePayload, Heard())
    register(
        "message.created",
        MessagePayload,
        lambda events: User.objects.create(username="from a listener"),
        in_transaction=True,
    )
    with pytest.raises(RuntimeError), transaction.atomic():
        send_many([SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), "hello"))])
        raise RuntimeError("rolled back")
    assert not User.objects.filter(username="from a listener").exists()
    assert after.batches == []


async def test_a_listener_of_user_events_hears_whom_they_concern(environment, register, group, alice, bob):
    heard = []
    register("mention", MentionEvent, heard.extend)
    await send(environment, alice, group.pk, "@bob, are you there?")
    assert [(event.type, event.user_id) for event in heard] == [("mention", bob.pk)]


async def test_a_listener_names_only_the_fields_that_it_needs(environment, register, group, alice):
    heard = []
    register("message.created", Payload, heard.extend)
    await send(environment, alice, group.pk, "hello")
    assert [event.payload for event in heard] == [Payload(Text("hello"))]


async def test_no_frame_is_decoded_while_nobody_listens(environment, group, alice, monkeypatch):
    monkeypatch.setattr(listeners, "get_frame_type", None)
    await send(environment, alice, group.pk, "hello")
    await environment.run(actions.update_group, alice.pk, group.pk, {"title": "New"})


@pytest.mark.parametrize("ref", [None, "1"])
def test_the_type_of_a_frame_is_found_without_decoding_it(ref):
    for type in ("message.created", "ack", ""):
        assert get_frame_type(encode_frame(type, {"type": "other"}, ref)) == type


async def test_events_that_no_listener_wants_are_not_decoded(environment, register, group, alice, bob):
    heard = []
    register("message.updated", MessagePayload, heard.extend)
    (registration,) = listeners._after_commit["message.updated"]
    decoded = []

    def decode(text):
        decoded.append(get_frame_type(text.removeprefix("[")))
        return registration.decoders["message.updated"](text)

    listeners._after_commit["message.updated"] = [registration._replace(decoders={"message.updated": decode})]
    message = await send(environment, alice, group.pk, "hello")
    await environment.run(actions.edit_message, alice.pk, message.id, "hello again")
    assert decoded == ["message.updated"]
    assert [event.payload.message.body for event in heard] == ["hello again"]


def test_one_listener_gets_the_events_of_several_types_in_one_call(group, alice, bob):
    send_many([SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), "hello"))])
    calls = []

    def listener(events):
        calls.append([(event.type, event.user_id) for event in events])

    types = {"message.created": msgspec.defstruct("Any", []), "mine.updated": msgspec.defstruct("Any", [])}
    listen_to_types(types, listener, in_transaction=True)
    send_many([SendCommand(bob.pk, SendPayload(group.pk, uuid.uuid4(), "hello"))])
    assert calls == [[("message.created", 0), ("mine.updated", bob.pk)]], "bob has read by writing"
    listeners.stop_listening(listener)
    assert not listeners._in_transaction


def test_a_listener_without_savepoint_that_fails_before_it_writes_changes_nothing(each_database, group, alice):
    def fail(events):
        raise KeyError

    listen_to_types({"message.created": Payload}, fail, in_transaction=True, has_savepoint=False)
    send_many([SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), "hello"))])
    assert bodies(group) == ["hello"]


def test_a_failed_statement_whose_result_nothing_waits_for_stores_no_message(each_database, group, alice, monkeypatch):
    def fail(sends):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE chat_conversation SET version = NULL WHERE id = %s", [group.pk])

    command = SendCommand(alice.pk, SendPayload(group.pk, uuid.uuid4(), "hello"))
    with monkeypatch.context() as patch:
        patch.setattr(search_index, "add_new_messages", fail)
        with pytest.raises(IntegrityError):
            send_many([command])
    assert bodies(group) == []
    assert send_many([command])[0].created and bodies(group) == ["hello"]
