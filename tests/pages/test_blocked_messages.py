"""Tests that pages collapse (hide until a click) the messages of users whom the reader has blocked.

This concerns the message log, the mentions, the conversation list and the pinned messages.
"""

from __future__ import annotations

import uuid

import pytest

from accounts.actions import contacts
from accounts.models import User
from chat import actions

pytestmark = pytest.mark.usefixtures("transactional_db")

FOLDED = "Message from someone you blocked"


@pytest.fixture
def named(alice, bob, group, say):
    """Creates a message of bob that mentions alice. alice pins it and then blocks bob. Returns the message."""
    message = say(bob, group, "hello @alice, these are my words")
    actions.set_pinned(alice.pk, message.id, True)
    contacts.block_user(alice.pk, bob.pk)
    alice.refresh_from_db()
    return message


def test_the_log_collapses_blocked_messages_and_does_not_highlight_them(browser, alice, group, named):
    line = browser(alice).get(f"/c/{group.pk}/").one("li", id=f"m-{named.seq}")
    assert "blocked" in line.classes and "for-me" not in line.classes
    assert FOLDED in line.one("label", cls="unblock").text


def test_their_words_are_collapsed_too_where_others_forward_them(
    browser, alice, carol, group, direct_conversation, say, named
):
    actions.add_members(alice.pk, group.pk, [carol.pk])
    forwarded, _created = actions.send_message(carol.pk, group.pk, uuid.uuid4(), "", forward_id=named.id)
    page = browser(alice).get(f"/c/{group.pk}/")
    line = page.one("li", id=f"m-{forwarded.seq}")
    assert "blocked" in line.classes and line.one("label", cls="unblock")
    row = page.one("a", cls="conversation-row", data_id=str(group.pk))
    assert row.one("span", cls="row-last").text == FOLDED
    assert "these are my words" in browser(carol).get("/").one("a", cls="conversation-row", data_id=str(group.pk)).text
    own, _created = actions.send_message(alice.pk, group.pk, uuid.uuid4(), "", forward_id=named.id)
    page = browser(alice).get(f"/c/{group.pk}/")
    assert "blocked" not in page.one("li", id=f"m-{own.seq}").classes  # what one forwards oneself stays visible


def test_the_mentions_page_collapses_them_too(browser, alice, named):
    (line,) = browser(alice).get("/mentions/").messages
    assert "blocked" in line.classes and "for-me" not in line.classes
    assert line.one("label", cls="unblock")


def test_the_conversation_list_hides_their_text(browser, alice, bob, carol, group, direct_conversation, say, named):
    say_before = (
        browser(alice).get("/").one("a", cls="conversation-row", data_id=str(group.pk)).one("span", cls="row-last")
    )
    assert say_before.text == FOLDED and "these are my words" not in say_before.text
    actions.add_members(alice.pk, group.pk, [carol.pk])
    say(carol, group, "and mine")
    assert "and mine" in browser(alice).get("/").one("a", cls="conversation-row", data_id=str(group.pk)).text
    # bob, who is blocked, and other members see his messages as before.
    say(bob, group, "more of my words")
    for reader in (bob, carol):
        assert (
            "more of my words" in browser(reader).get("/").one("a", cls="conversation-row", data_id=str(group.pk)).text
        )


def test_pins_are_collapsed_too_and_unblocking_shows_everything(browser, alice, bob, group, named):
    alice_browser = browser(alice)
    assert alice_browser.get(f"/c/{group.pk}/pins/").one("span", cls="pin-text").text == FOLDED
    contacts.unblock_user(alice.pk, bob.pk)
    assert "these are my words" in alice_browser.get(f"/c/{group.pk}/pins/").one("span", cls="pin-text").text
    (line,) = alice_browser.get("/mentions/").messages
    assert "for-me" in line.classes and "blocked" not in line.classes
    assert "these are my words" in alice_browser.get("/").one("a", cls="conversation-row").text


def test_collapsing_takes_no_query(browser, alice, bob, group, named):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    alice_browser = browser(alice)

    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            alice_browser.get(path)
        return len(asked)

    paths = ("/", f"/c/{group.pk}/", "/mentions/", f"/c/{group.pk}/pins/")
    before = [cost(path) for path in paths]
    contacts.unblock_user(alice.pk, bob.pk)
    assert [cost(path) for path in paths] == before


def test_hidden_people_cannot_be_selected_by_id(browser, alice, bob):
    """The URL of the people picker contains the ids of the selected users.

    If somebody puts in the id of a user who does not want to be found, the page must not show the name of this user.
    """
    User.objects.filter(pk=bob.pk).update(find_me="nobody")
    alice_browser = browser(alice)
    assert "Bob" not in alice_browser.get("/new/", user=bob.pk).text
    contacts.add_contact(bob.pk, alice.pk)
    User.objects.filter(pk=bob.pk).update(find_me="contacts")
    assert "Bob" in alice_browser.get("/new/", user=bob.pk).text
