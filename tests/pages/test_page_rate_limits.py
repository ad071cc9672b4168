"""Tests of limits on pages: the number of requests, of rows in one part of a list, and of shown versions of a message.

Also tests invalid list positions in URLs, and how the conversation list shows names and hints.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chat import actions, selectors
from chat.models import Revision
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError
from messenger.rest.throttling import UserOrAddressThrottle

pytestmark = pytest.mark.usefixtures("transactional_db")  # another thread, the send queue, stores messages


@pytest.fixture
def limited(settings):
    settings.LIMITS = True
    rate_limits.reset_all()
    yield
    rate_limits.reset_all()


@pytest.mark.parametrize(
    "place",
    [
        "0001-01-01T00:00:00+23:59~1",
        "9999-12-31T23:59:59-23:59~1",
        "2026-01-01T00:00:00+00:00~0",
        "2026-01-01T00:00:00+00:00~" + "9" * 5000,
        "2026-01-01T00:00:00~1",
        "~",
        "\0~1",
    ],
)
def test_an_invalid_list_cursor_is_ignored(browser, alice, group, place):
    page = browser(alice).get("/", older=place)
    assert page.status == 200 and page.all("a", cls="conversation-row")


def test_list_pages_follow_each_other(browser, alice, group, direct_conversation):
    shown, after = selectors.list_conversations(alice.pk, limit=1)
    page = browser(alice).get("/", older="~".join(map(str, after)))
    assert page.status == 200 and len(page.all("a", cls="conversation-row")) == 1
    assert page.one("a", cls="conversation-row")["data-id"] != str(shown[0].id)


def test_forms_and_api_share_a_rate_limit_and_pages_have_their_own(browser, alice, group, say, limited, monkeypatch):
    message, alice_browser = say(alice, group), browser(alice)
    alice_browser.get("/")  # sets the CSRF cookie
    of_forms, of_pages = rate_limits.bucket("api.person", alice.pk), rate_limits.bucket("page.person", alice.pk)
    empty, asked = {of_forms}, []

    def acquire_many(buckets):
        asked.extend(bucket for bucket in buckets if bucket in {of_forms, of_pages})
        return [7.2 if bucket in empty else 0.0 for bucket in buckets]

    monkeypatch.setattr(rate_limits, "acquire_many", acquire_many)
    page = alice_browser.post(f"/m/{message.id}/react/", add="👍")
    assert page.status == 429 and page.response["Retry-After"] == "8"
    assert alice_browser.post(f"/m/{message.id}/forward/", conversation_id=group.pk).status == 429
    UserOrAddressThrottle().allow_request(SimpleNamespace(user=alice), None)
    assert asked.count(of_forms) == 3
    assert alice_browser.get("/").status == 200
    empty.add(of_pages)
    assert alice_browser.get("/").status == 429
    assert set(asked) == {of_forms, of_pages}


def test_rate_limit_of_edits(alice, group, say, limited):
    message = say(alice, group)
    for number in range(20):
        actions.edit_message(alice.pk, message.id, f"words {number}")
    with pytest.raises(ApplicationError) as refused:
        for number in range(20):
            actions.edit_message(alice.pk, message.id, f"more words {number}")
    assert refused.value.code == "rate_limited" and refused.value.retry_after


def test_rate_limit_of_new_groups(alice, limited):
    for number in range(10):
        actions.create_group(alice.pk, f"Group {number}", [])
    with pytest.raises(ApplicationError) as refused:
        actions.create_group(alice.pk, "One more", [])
    assert refused.value.code == "rate_limited" and refused.value.retry_after > 1


def test_the_newest_hundred_revisions_are_shown_oldest_first(alice, group, say):
    message = say(alice, group)
    Revision.objects.bulk_create(
        Revision(message_id=message.id, body=str(n), body_html=str(n), written_at=message.created_at)
        for n in range(130)
    )
    assert [each.body for each in selectors.list_revisions(alice.pk, message.id)] == [str(n) for n in range(30, 130)]


def test_names_in_the_list_are_isolated_from_the_text(browser, alice, bob, group, say):
    bob.name = "سامي"
    bob.save()
    say(bob, group, "hello")
    last = browser(alice).get("/").one("span", cls="row-last")
    assert "dir" not in last.attrs
    who = last.one("span", cls="who")
    assert who.text.replace(" ", "") == "سامي:"
    assert who.one("bdi").text == "سامي"
    assert last.one("bdi", data_part="text").text == "hello"


def test_hints_are_in_the_list_too(browser, alice, bob):
    page = browser(alice).get("/")
    first = page.one("section", cls="list").one("ul", cls="steps")
    assert [link["href"] for link in first.all("a")] == ["/settings/", "/people/", "/new/"]


def test_the_file_input_has_a_styled_button(browser, alice):
    page = browser(alice).get("/settings/")
    field = page.one("input", type="file")
    assert "visually-hidden" in field.classes
    assert page.one("label", cls="btn")["for"] == field["id"]
