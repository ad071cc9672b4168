"""Tests of the HTML of a message, without scripts: reactions, receipts, earlier versions, collapsed texts and code."""

from __future__ import annotations

import time
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actions import contacts
from accounts.models import User
from chat import actions
from chat.models import Conversation
from chat.view_models.rendered_messages import MAX_AGE, rendered_messages
from messenger.core.errors import ApplicationError

pytestmark = pytest.mark.usefixtures("transactional_db")  # another thread, the send queue, stores messages


def last(browser, person, group):
    return browser(person).get(f"/c/{group.pk}/").messages[-1]


def test_reactions_show_who_reacted(browser, alice, bob, group, say):
    message = say(bob, group)
    actions.set_reaction(alice.pk, message.id, "👍", True)
    actions.set_reaction(bob.pk, message.id, "👍", True)
    assert last(browser, alice, group).one("button", cls="reaction")["title"] == f"You and {bob.display_name}"
    assert last(browser, bob, group).one("button", cls="reaction")["title"] == f"{alice.display_name} and You"


def test_reactions_are_in_order_of_time(browser, alice, bob, group, say):
    message = say(bob, group)
    for emoji in ("🎉", "👍", "❤️"):
        actions.set_reaction(alice.pk, message.id, emoji, True)
    actions.set_reaction(bob.pk, message.id, "❤️", True)
    shown = [each["data-emoji"] for each in last(browser, bob, group).all("button", cls="reaction")]
    assert shown == ["🎉", "👍", "❤️"]


def test_a_message_has_up_to_fifty_emoji_and_shows_the_first_24(browser, make_user, alice, bob, group, say):
    kinds = [chr(0x1F600 + n) for n in range(51)]
    people = [make_user(f"r{n}") for n in range(3)]
    actions.add_members(alice.pk, group.pk, [each.pk for each in people])
    message = say(bob, group)
    for n, emoji in enumerate(kinds[:50]):
        actions.set_reaction(people[n // 20].pk, message.id, emoji, True)
    with pytest.raises(ApplicationError):
        actions.set_reaction(alice.pk, message.id, kinds[50], True)
    actions.set_reaction(alice.pk, message.id, kinds[0], True)  # more users can add an emoji that is there already
    line = last(browser, alice, group)
    assert len(line.all("button", cls="reaction")) == 24 and line.one(cls="rest").text == "+26"


def test_receipt_marks_of_own_messages(browser, alice, bob, group, say):
    message = say(alice, group, "first")
    assert last(browser, alice, group).one(data_part="mark")["title"] == "Sent"
    actions.mark_delivered(bob.pk, {group.pk: message.seq})
    assert last(browser, alice, group).one(data_part="mark")["title"] == "Delivered"
    actions.mark_read(bob.pk, group.pk, message.seq)
    mark = last(browser, alice, group).one(data_part="mark")
    assert mark["title"] == "Seen by 1 of 1" and mark["href"] == f"/m/{message.id}/details/"
    assert not last(browser, bob, group).all(data_part="mark")


def test_receipts_with_times(browser, alice, bob, carol, group, say):
    actions.add_members(alice.pk, group.pk, [carol.pk])
    message = say(alice, group)
    actions.mark_read(bob.pk, group.pk, message.seq)
    actions.set_reaction(bob.pk, message.id, "👍", True)
    page = browser(alice).get(f"/m/{message.id}/details/")
    details = page.one(data_part="dialog").text
    assert details.index("Seen by") < details.index(bob.display_name) < details.index("Not delivered yet")
    assert carol.display_name in details and "👍" in details


def test_the_readers_of_a_message_come_in_pages(browser, alice, bob, group, say):
    readers = [User.objects.create_user(f"reader{number}", name=f"Reader {number}") for number in range(120)]
    actions.add_members(alice.pk, group.pk, [reader.pk for reader in readers])
    message = say(alice, group)
    for reader in readers[:70]:
        actions.mark_read(reader.pk, group.pk, message.seq)
    path = f"/m/{message.id}/details/"
    page = browser(alice).get(path)
    for name, total in (("seen", 70), ("waiting", 51)):  # bob has not received it either
        section = page.one("section", id=name)
        assert len(section.all("li")) == 50 and section.one(cls="num").text == str(total)
    url = page.one("section", id="seen").one("a", data_part="more")["href"]
    page = browser(alice).get(f"{path}{url}")
    seen, waiting = page.one("section", id="seen"), page.one("section", id="waiting")
    assert (len(seen.all("li")), seen.all("a"), len(waiting.all("li"))) == (70, [], 50)
    page = browser(alice).get(path + waiting.one("a", data_part="more")["href"])
    assert [len(page.one("section", id=name).all("li")) for name in ("seen", "waiting")] == [70, 51]
    assert browser(alice).get(f"{path}?seen=-1").status == 200


def test_receipts_are_off_by_conversation_and_mutually(browser, alice, bob, group, say):
    message = say(alice, group)
    actions.mark_read(bob.pk, group.pk, message.seq)
    alice_browser = browser(alice)
    alice_browser.post(f"/c/{group.pk}/mine/", receipts="off")
    assert last(browser, alice, group).one(data_part="mark")["title"] == "Sent"
    assert "you can’t see those of others" in alice_browser.get(f"/m/{message.id}/details/").text
    alice_browser.post(f"/c/{group.pk}/mine/", receipts="on")
    assert last(browser, alice, group).one(data_part="mark")["title"] == "Seen by 1 of 1"


def test_versions_show_what_changed(browser, alice, bob, group, say):
    message = say(alice, group, "the quick fox")
    actions.edit_message(alice.pk, message.id, "the slow fox <b>")
    page = browser(bob).get(f"/m/{message.id}/revisions/")
    (now, first) = page.one(cls="versions").all("li")
    assert now.one("del").text == "quick" and [each.text for each in now.all("ins")] == ["slow", "<b>"]
    assert first.one(cls="version").text == "the quick fox" and not first.all("del")


def test_a_long_text_is_collapsed_without_scripts(browser, alice, bob, group, say):
    say(alice, group, "line\n" * 40)
    line = last(browser, bob, group)
    assert "long" in line.one(cls="msg-text").classes and line.one(cls="unfold").one("input")["type"] == "checkbox"
    assert line.one(cls="body").text.count("line") == 40
    say(alice, group, "short")
    assert not last(browser, bob, group).all(cls="unfold")


def test_messages_of_blocked_users_are_collapsed_only_for_the_blocker(browser, alice, bob, group, say):
    say(bob, group, "loud words")
    contacts.block_user(alice.pk, bob.pk)
    hers = last(browser, alice, group)
    assert "blocked" in hers.classes and hers.one(cls="unblock") and "loud words" in hers.text
    assert "blocked" not in last(browser, bob, group).classes


def test_quotes_of_blocked_users_are_hidden_only_from_the_blocker(browser, alice, bob, group, say):
    quoted = say(bob, group, "loud words")
    say(alice, group, "I disagree", reply_to_id=quoted.id)
    contacts.block_user(alice.pk, bob.pk)
    hers, his = (last(browser, user, group).one(cls="reply") for user in (alice, bob))
    assert "blocked" in hers.classes and hers["title"] == ""
    assert "blocked" not in his.classes and his["title"] == "loud words"


def test_code_has_its_language_and_is_highlighted(browser, alice, bob, group, say):
    say(alice, group, "```python\ndef f(): pass\n```")
    line = last(browser, bob, group)
    assert line.one("pre")["data-language"] == "python"
    assert [each.text for each in line.all(cls="t-k")] == ["def", "pass"]


def test_the_details_page_takes_as_many_queries_for_two_readers_as_for_twenty(
    browser, make_user, alice, bob, group, say
):
    message = say(alice, group)
    alice_browser = browser(alice)

    def queries() -> int:
        alice_browser.get(f"/m/{message.id}/details/")
        with CaptureQueriesContext(connection) as captured:
            assert alice_browser.get(f"/m/{message.id}/details/").status == 200
        return len(captured)

    few = queries()
    others = [make_user(f"d{n}") for n in range(20)]
    actions.add_members(alice.pk, group.pk, [other.pk for other in others])
    for other in others:
        actions.mark_read(other.pk, group.pk, message.seq)
        actions.set_reaction(other.pk, message.id, "👍", True)
    assert queries() == few


# ── Cache ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def cached():
    """Returns a function that returns all HTML in the cache of this process, as one text."""
    rendered_messages.__init__()
    return lambda: "".join(html for _, _, html in rendered_messages._entries.values())


def test_a_message_is_rendered_once(browser, alice, bob, group, say, cached, monkeypatch):
    say(bob, group, "the first words")
    first = browser(alice).get(f"/c/{group.pk}/").messages[-1]
    assert "the first words" in cached()
    monkeypatch.setattr("chat.templatetags.chat_tags._render_item", lambda _encoded: pytest.fail("rendered again"))
    assert browser(alice).get(f"/c/{group.pk}/").messages[-1].text == first.text


@pytest.mark.parametrize("is_own", [True, False], ids=["by its sender", "by an admin"])
def test_a_deleted_message_and_its_quotes_leave_the_cache(browser, alice, bob, group, say, cached, is_own):
    secret = say(bob, group, "the secret words")
    actions.send_message(alice.pk, group.pk, uuid.uuid4(), "what?", secret.id)
    browser(alice).get(f"/c/{group.pk}/")
    assert cached().count("the secret words") >= 2
    actions.delete_message(bob.pk if is_own else alice.pk, secret.id)
    assert "secret" not in cached()


def test_messages_leave_the_cache_after_a_while(browser, alice, bob, group, say, cached, monkeypatch):
    say(bob, group, "the old words")
    browser(alice).get(f"/c/{group.pk}/")
    later = time.monotonic() + MAX_AGE + 1
    monkeypatch.setattr("chat.view_models.rendered_messages.time.monotonic", lambda: later)
    other = actions.create_group(alice.pk, "Other", [])
    say(alice, Conversation.objects.get(pk=other.id), "the new words")
    browser(alice).get(f"/c/{other.id}/")
    assert "the new words" in cached() and "the old words" not in cached()
