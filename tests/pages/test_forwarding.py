"""Tests of the page that forwards a message to several conversations. The user may add a text of his or her own."""

from __future__ import annotations

import pytest

from accounts.actions import block_user
from chat import actions
from chat.actions.forwarding import MAX_TARGETS
from chat.models import Message

pytestmark = pytest.mark.usefixtures("transactional_db")  # another thread, the send queue, stores messages


@pytest.fixture
def message(say, bob, group):
    return say(bob, group, "for everyone")


@pytest.fixture
def notes(alice):
    return actions.create_group(alice.pk, "Notes", [])


def open_form(browser, user, message):
    page = browser(user).get(f"/m/{message.id}/forward/")
    return {"client_id": page.one("input", name="client_id")["value"]}


def post(browser, user, message, form):
    return browser(user).post(f"/m/{message.id}/forward/", form)


def texts(conversation_id):
    rows = Message.objects.filter(conversation=conversation_id, kind="text").order_by("seq")
    return [(row.body, row.forwarded_sender is not None) for row in rows]


def test_a_message_goes_to_several_chats_below_the_words_and_only_once(
    browser, alice, message, direct_conversation, notes
):
    form = open_form(browser, alice, message)
    form |= {"conversation_id": [direct_conversation.pk, notes.id], "body": "see below"}
    for _ in range(2):  # the second time simulates a second click
        page = browser(alice).post(f"/m/{message.id}/forward/", form, follow=True)
        assert "Bob and Notes" in page.one(cls="toast").text
    for conversation_id in (direct_conversation.pk, notes.id):
        assert texts(conversation_id) == [("see below", False), ("for everyone", True)]


def test_who_refuses_is_named_and_the_others_get_nothing_twice(
    browser, alice, bob, message, direct_conversation, notes
):
    block_user(bob.pk, alice.pk)
    form = open_form(browser, alice, message) | {"conversation_id": [direct_conversation.pk, notes.id], "body": "hi"}
    for _ in range(2):
        page = post(browser, alice, message, form)
        assert page.status == 403
        assert "Bob" in page.one(cls="notice").text and "Forwarded to Notes." in page.html
        ticked = [box["value"] for box in page.all("input", name="conversation_id") if "checked" in box.attrs]
        assert ticked == [str(direct_conversation.pk)] and page.one("textarea", name="body").text.strip() == "hi"
        assert page.one("input", name="client_id")["value"] == form["client_id"]
    assert texts(notes.id) == [("hi", False), ("for everyone", True)] and texts(direct_conversation.pk) == []


def test_too_many_chats_or_none_are_refused_before_anything_is_sent(browser, alice, message):
    groups = [actions.create_group(alice.pk, f"Group {number}", []).id for number in range(MAX_TARGETS + 1)]
    for chosen in ([], groups):
        page = post(browser, alice, message, open_form(browser, alice, message) | {"conversation_id": chosen})
        assert page.status == 400 and page.one(cls="notice").text
    assert not any(texts(group_id) for group_id in groups)


def test_the_search_keeps_what_is_ticked_and_sends_nothing(browser, alice, message, direct_conversation, notes):
    form = open_form(browser, alice, message)
    form |= {"conversation_id": [direct_conversation.pk], "find": "note", "search": "1", "body": "hi"}
    page = post(browser, alice, message, form)
    boxes = page.all("input", name="conversation_id")
    assert [(box["value"], "checked" in box.attrs) for box in boxes] == [
        (str(direct_conversation.pk), True),
        (str(notes.id), False),
    ]
    assert page.status == 200 and page.one("textarea", name="body").text.strip() == "hi"
    assert texts(direct_conversation.pk) == []


def test_a_chat_of_others_is_not_found(browser, alice, mallory, message, notes):
    theirs = actions.create_group(mallory.pk, "Theirs", [])
    form = open_form(browser, alice, message) | {"conversation_id": [notes.id, theirs.id]}
    assert post(browser, alice, message, form).status == 404
    assert texts(notes.id) == []
