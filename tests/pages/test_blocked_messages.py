"""What somebody has blocked is folded wherever it would stand for them, with scripts off: log, mentions, list, pins."""

from __future__ import annotations

import pytest

from accounts.actions import contacts
from accounts.models import User
from chat import actions

pytestmark = pytest.mark.usefixtures("transactional_db")

FOLDED = "From somebody you have blocked."


@pytest.fixture
def named(alice, bob, room, say):
    """bob named alice, and she pinned it; then she blocked him."""
    message = say(bob, room, "hello @alice, these are my words")
    actions.pin(alice.pk, message.id, True)
    contacts.block(alice.pk, bob.pk)
    alice.refresh_from_db()
    return message


def test_the_log_folds_and_does_not_highlight(browser, alice, room, named):
    line = browser(alice).get(f"/c/{room.pk}/").one("li", id=f"m-{named.seq}")
    assert "blocked" in line.classes and "for-me" not in line.classes
    assert FOLDED in line.one("label", cls="unblock").text


def test_the_page_of_mentions_folds_too(browser, alice, named):
    (line,) = browser(alice).get("/mentions/").messages
    assert "blocked" in line.classes and "for-me" not in line.classes
    assert line.one("label", cls="unblock")


def test_the_list_says_only_that_somebody_wrote(browser, alice, bob, carol, room, pair, say, named):
    say_before = (
        browser(alice).get("/").one("a", cls="conversation-row", data_id=str(room.pk)).one("span", cls="row-last")
    )
    assert say_before.text == FOLDED and "these are my words" not in say_before.text
    actions.add_members(alice.pk, room.pk, [carol.pk])
    say(carol, room, "and mine")
    assert "and mine" in browser(alice).get("/").one("a", cls="conversation-row", data_id=str(room.pk)).text
    # To bob, who is blocked, and to the others it is as ever.
    say(bob, room, "more of my words")
    for reader in (bob, carol):
        assert (
            "more of my words" in browser(reader).get("/").one("a", cls="conversation-row", data_id=str(room.pk)).text
        )


def test_pins_fold_too_and_unblocking_brings_all_back(browser, alice, bob, room, named):
    hers = browser(alice)
    assert hers.get(f"/c/{room.pk}/pins/").one("span", cls="pin-text").text == FOLDED
    contacts.unblock(alice.pk, bob.pk)
    assert "these are my words" in hers.get(f"/c/{room.pk}/pins/").one("span", cls="pin-text").text
    (line,) = hers.get("/mentions/").messages
    assert "for-me" in line.classes and "blocked" not in line.classes
    assert "these are my words" in hers.get("/").one("a", cls="conversation-row").text


def test_folding_asks_the_database_nothing(browser, alice, bob, room, named):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    hers = browser(alice)

    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            hers.get(path)
        return len(asked)

    paths = ("/", f"/c/{room.pk}/", "/mentions/", f"/c/{room.pk}/pins/")
    before = [cost(path) for path in paths]
    contacts.unblock(alice.pk, bob.pk)
    assert [cost(path) for path in paths] == before


def test_by_number_nobody_is_chosen_who_hides(browser, alice, bob):
    """The address of a page that chooses people names them by number."""
    User.objects.filter(pk=bob.pk).update(find_me="nobody")
    hers = browser(alice)
    assert "Bob" not in hers.get("/new/", user=bob.pk).text
    contacts.add(bob.pk, alice.pk)
    User.objects.filter(pk=bob.pk).update(find_me="contacts")
    assert "Bob" in hers.get("/new/", user=bob.pk).text
