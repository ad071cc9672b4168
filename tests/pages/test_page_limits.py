"""What somebody may write into an address or post in a hurry, and what the page answers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chat import actions, selectors
from chat.models import Revision
from messenger.api import PersonThrottle
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError

pytestmark = pytest.mark.usefixtures("transactional_db")  # sends are stored in a thread of their own


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
def test_a_place_that_is_none_in_the_list_is_as_if_not_asked(browser, alice, room, place):
    page = browser(alice).get("/", older=place)
    assert page.status == 200 and page.all("a", cls="conversation-row")


def test_the_list_goes_on_where_a_page_of_it_ends(browser, alice, room, pair):
    shown, after = selectors.list_conversations(alice.pk, limit=1)
    page = browser(alice).get("/", older="~".join(map(str, after)))
    assert page.status == 200 and len(page.all("a", cls="conversation-row")) == 1
    assert page.one("a", cls="conversation-row")["data-id"] != str(shown[0].id)


def test_forms_and_the_api_share_one_measure_and_pages_have_another(browser, alice, room, say, limited, monkeypatch):
    message, hers = say(alice, room), browser(alice)
    hers.get("/")  # its forms' token
    of_forms, of_pages = (f"api.person.{alice.pk}", 100, 20.0), (f"page.person.{alice.pk}", 100, 10.0)
    empty, asked = {of_forms}, []
    monkeypatch.setattr(rate_limits, "acquire", lambda *bucket: asked.append(bucket) or (7.2 if bucket in empty else 0))
    page = hers.post(f"/m/{message.id}/react/", add="👍")
    assert page.status == 429 and page.response["Retry-After"] == "8"
    assert hers.post(f"/m/{message.id}/forward/", conversation_id=room.pk).status == 429
    PersonThrottle().allow_request(SimpleNamespace(user=alice), None)
    assert asked.count(of_forms) == 3
    assert hers.get("/").status == 200
    empty.add(of_pages)
    assert hers.get("/").status == 429
    assert set(asked) == {of_forms, of_pages}


def test_edits_have_a_limit(alice, room, say, limited):
    message = say(alice, room)
    for number in range(20):
        actions.edit(alice.pk, message.id, f"words {number}")
    with pytest.raises(ApplicationError) as refused:
        for number in range(20):
            actions.edit(alice.pk, message.id, f"more words {number}")
    assert refused.value.code == "rate_limited" and refused.value.retry_after


def test_groups_have_a_limit(alice, limited):
    for number in range(10):
        actions.create_group(alice.pk, f"Group {number}", [])
    with pytest.raises(ApplicationError) as refused:
        actions.create_group(alice.pk, "One more", [])
    assert refused.value.code == "rate_limited" and refused.value.retry_after > 1


def test_the_newest_hundred_revisions_are_shown_oldest_first(alice, room, say):
    message = say(alice, room)
    Revision.objects.bulk_create(
        Revision(message_id=message.id, body=str(n), body_html=str(n), written_at=message.created_at)
        for n in range(130)
    )
    assert [each.body for each in selectors.list_revisions(alice.pk, message.id)] == [str(n) for n in range(30, 130)]


def test_a_name_in_the_list_is_set_apart_from_what_was_said(browser, alice, bob, room, say):
    bob.name = "سامي"
    bob.save()
    say(bob, room, "hello")
    last = browser(alice).get("/").one("span", cls="row-last")
    assert "dir" not in last.attrs
    who = last.one("span", cls="who")
    assert who.text.replace(" ", "") == "سامي:"
    assert who.one("bdi").text == "سامي"
    assert last.one("bdi", data_part="text").text == "hello"


def test_first_steps_stand_in_the_list_too(browser, alice, bob):
    page = browser(alice).get("/")
    first = page.one("section", cls="list").one("ul", cls="steps")
    assert [link["href"] for link in first.all("a")] == ["/settings/", "/people/", "/new/"]


def test_the_picture_is_chosen_with_a_button_of_ours(browser, alice):
    page = browser(alice).get("/settings/")
    field = page.one("input", type="file")
    assert "visually-hidden" in field.classes
    assert page.one("label", cls="btn")["for"] == field["id"]
