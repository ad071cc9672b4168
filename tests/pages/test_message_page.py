"""What stands on one message without scripts: reactions, marks, who read it, versions, folds, links."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actions import contacts
from chat import actions
from messenger.core.errors import ApplicationError

pytestmark = pytest.mark.usefixtures("transactional_db")  # sends are stored in a thread of their own


def last(browser, person, room):
    return browser(person).get(f"/c/{room.pk}/").messages[-1]


def test_reactions_say_whose_they_are(browser, alice, bob, room, say):
    message = say(bob, room)
    actions.react(alice.pk, message.id, "👍", True)
    actions.react(bob.pk, message.id, "👍", True)
    assert last(browser, alice, room).one("button", cls="reaction")["title"] == f"You and {bob.shown_name}"
    assert last(browser, bob, room).one("button", cls="reaction")["title"] == f"{alice.shown_name} and You"


def test_reactions_stand_in_the_order_in_which_they_came(browser, alice, bob, room, say):
    message = say(bob, room)
    for emoji in ("🎉", "👍", "❤️"):
        actions.react(alice.pk, message.id, emoji, True)
    actions.react(bob.pk, message.id, "❤️", True)
    shown = [each["data-emoji"] for each in last(browser, bob, room).all("button", cls="reaction")]
    assert shown == ["🎉", "👍", "❤️"]


def test_one_message_has_room_for_fifty_kinds_and_shows_the_first_two_dozen(browser, person, alice, bob, room, say):
    kinds = [chr(0x1F600 + n) for n in range(51)]
    people = [person(f"r{n}") for n in range(3)]
    actions.add_members(alice.pk, room.pk, [each.pk for each in people])
    message = say(bob, room)
    for n, emoji in enumerate(kinds[:50]):
        actions.react(people[n // 20].pk, message.id, emoji, True)
    with pytest.raises(ApplicationError):
        actions.react(alice.pk, message.id, kinds[50], True)
    actions.react(alice.pk, message.id, kinds[0], True)  # one that is there goes on
    line = last(browser, alice, room)
    assert len(line.all("button", cls="reaction")) == 24 and line.one(cls="rest").text == "+26"


def test_marks_of_ones_own_texts_stand_in_the_page(browser, alice, bob, room, say):
    message = say(alice, room, "first")
    assert last(browser, alice, room).one(data_part="mark")["title"] == "Sent"
    actions.received(bob.pk, {room.pk: message.seq})
    assert last(browser, alice, room).one(data_part="mark")["title"] == "Delivered"
    actions.read(bob.pk, room.pk, message.seq)
    mark = last(browser, alice, room).one(data_part="mark")
    assert mark["title"] == "Read by 1 of 1" and mark["href"] == f"/m/{message.id}/details/"
    assert not last(browser, bob, room).all(data_part="mark")


def test_who_got_and_read_it_and_when(browser, alice, bob, carol, room, say):
    actions.add_members(alice.pk, room.pk, [carol.pk])
    message = say(alice, room)
    actions.read(bob.pk, room.pk, message.seq)
    actions.react(bob.pk, message.id, "👍", True)
    page = browser(alice).get(f"/m/{message.id}/details/")
    details = page.one(data_part="dialog").text
    assert details.index("Read by") < details.index(bob.shown_name) < details.index("Not yet delivered")
    assert carol.shown_name in details and "👍" in details


def test_receipts_are_off_by_conversation_and_mutually(browser, alice, bob, room, say):
    message = say(alice, room)
    actions.read(bob.pk, room.pk, message.seq)
    hers = browser(alice)
    hers.post(f"/c/{room.pk}/mine/", receipts="off")
    assert last(browser, alice, room).one(data_part="mark")["title"] == "Sent"
    assert "you do not see it of others" in hers.get(f"/m/{message.id}/details/").text
    hers.post(f"/c/{room.pk}/mine/", receipts="on")
    assert last(browser, alice, room).one(data_part="mark")["title"] == "Read by 1 of 1"


def test_versions_show_what_changed(browser, alice, bob, room, say):
    message = say(alice, room, "the quick fox")
    actions.edit(alice.pk, message.id, "the slow fox <b>")
    page = browser(bob).get(f"/m/{message.id}/revisions/")
    (now, first) = page.one(cls="versions").all("li")
    assert now.one("del").text == "quick" and [each.text for each in now.all("ins")] == ["slow", "<b>"]
    assert first.one(cls="version").text == "the quick fox" and not first.all("del")


def test_a_long_text_is_folded_by_a_switch_that_needs_no_script(browser, alice, bob, room, say):
    say(alice, room, "line\n" * 40)
    line = last(browser, bob, room)
    assert "long" in line.one(cls="msg-text").classes and line.one(cls="unfold").one("input")["type"] == "checkbox"
    assert line.one(cls="body").text.count("line") == 40
    say(alice, room, "short")
    assert not last(browser, bob, room).all(cls="unfold")


def test_what_somebody_blocked_wrote_is_folded_for_whoever_blocks_alone(browser, alice, bob, room, say):
    say(bob, room, "loud words")
    contacts.block(alice.pk, bob.pk)
    hers = last(browser, alice, room)
    assert "blocked" in hers.classes and hers.one(cls="unblock") and "loud words" in hers.text
    assert "blocked" not in last(browser, bob, room).classes


def test_code_says_its_language_and_has_its_words_marked(browser, alice, bob, room, say):
    say(alice, room, "```python\ndef f(): pass\n```")
    line = last(browser, bob, room)
    assert line.one("pre")["data-language"] == "python"
    assert [each.text for each in line.all(cls="t-k")] == ["def", "pass"]


def test_the_page_of_details_asks_the_same_for_two_readers_and_twenty(browser, person, alice, bob, room, say):
    message = say(alice, room)
    hers = browser(alice)

    def queries() -> int:
        hers.get(f"/m/{message.id}/details/")
        with CaptureQueriesContext(connection) as captured:
            assert hers.get(f"/m/{message.id}/details/").status == 200
        return len(captured)

    few = queries()
    others = [person(f"d{n}") for n in range(20)]
    actions.add_members(alice.pk, room.pk, [other.pk for other in others])
    for other in others:
        actions.read(other.pk, room.pk, message.seq)
        actions.react(other.pk, message.id, "👍", True)
    assert queries() == few
