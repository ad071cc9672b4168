"""Tests at which message the page of a conversation opens: the first unread, the first of a given day, or the newest.

The page is tested without scripts. The tests also cover the beginning of the message log and the separators for pauses
between messages.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import actions, selectors
from chat.actions.sending import SendCommand, send_many
from chat.models import Conversation, Message
from chat.payloads import SendPayload

pytestmark = pytest.mark.usefixtures("transactional_db")  # another thread, the send queue, stores messages


@pytest.fixture
def history(bob, group, settings):
    """Provides a function: `history(120)` stores 120 messages of bob, oldest first, and returns their numbers.

    The texts of the messages are `number 0`, `number 1` and so on.
    """
    settings.LIMITS = False

    def make(count: int) -> list[int]:
        sent = []
        for start in range(0, count, 100):
            texts = range(start, min(start + 100, count))
            sent += send_many(
                [SendCommand(bob.pk, SendPayload(group.pk, uuid.uuid4(), f"number {number}")) for number in texts]
            )
        return [each.message.seq for each in sent]

    return make


def list_shown_seqs(page) -> list[int]:
    return [int(line["data-seq"]) for line in page.messages]


def test_many_unread_messages_open_at_the_first_with_read_ones_above(browser, alice, group, history):
    seqs = history(200)
    actions.mark_read(alice.pk, group.pk, seqs[49])
    page = browser(alice).get(f"/c/{group.pk}/")
    assert list_shown_seqs(page) == list(range(seqs[50] - 12, seqs[50] + 38))
    lines = [each for each in page.one("message-log").one("ol").children if hasattr(each, "attrs")]
    at = next(index for index, each in enumerate(lines) if "unread-line" in each.classes)
    assert lines[at + 1]["data-seq"] == str(seqs[50])
    latest = page.one("a", cls="latest")
    assert "hidden" not in latest.attrs and latest.one(cls="num").text == "150"
    newest = browser(alice).get(f"/c/{group.pk}/{latest['href']}")
    assert list_shown_seqs(newest)[-1] == seqs[-1] and "hidden" in newest.one("a", cls="latest").attrs


def test_few_unread_messages_open_at_the_end(browser, alice, group, history):
    seqs = history(60)
    actions.mark_read(alice.pk, group.pk, seqs[39])
    page = browser(alice).get(f"/c/{group.pk}/")
    assert list_shown_seqs(page)[-1] == seqs[-1]
    assert len(page.all(cls="unread-line")) == 1


def test_a_conversation_marked_unread_opens_there_on_each_reload(browser, alice, group, history):
    seqs = history(120)
    actions.mark_read(alice.pk, group.pk, seqs[-1])
    alice_browser = browser(alice)
    assert not alice_browser.get(f"/c/{group.pk}/").all(cls="unread-line")
    actions.mark_read(alice.pk, group.pk, seqs[10], back=True)
    for _ in range(2):
        page = alice_browser.get(f"/c/{group.pk}/")
        assert seqs[10] in list_shown_seqs(page) and seqs[-1] not in list_shown_seqs(page)
        assert len(page.all(cls="unread-line")) == 1


def test_read_page_by_page_with_scripts_off(browser, alice, group, history):
    seqs = history(130)
    alice_browser = browser(alice)
    read = []
    for _ in range(5):
        page = alice_browser.get(f"/c/{group.pk}/")
        read += [seq for seq in list_shown_seqs(page) if seq not in read]
        if not page.all(cls="unread-line"):
            break
        alice_browser.post(f"/c/{group.pk}/read/", page.form(f"/c/{group.pk}/read/"))
    assert set(seqs) <= set(read) and read == sorted(read)


def test_newer_pages_open_at_their_beginning(browser, alice, group, history):
    seqs = history(120)
    page = browser(alice).get(f"/c/{group.pk}/?after={seqs[20]}")
    assert "at-start" in page.one(cls="log").classes
    assert "at-start" not in browser(alice).get(f"/c/{group.pk}/?before={seqs[100]}").one(cls="log").classes


def test_a_requested_message_sets_the_position_before_scripts_run(browser, alice, group, history):
    seqs = history(60)
    page = browser(alice).get(f"/c/{group.pk}/?at={seqs[30]}")
    lines = [each for each in page.one("message-log").one("ol").children if hasattr(each, "attrs")]
    at = next(index for index, each in enumerate(lines) if "opens-here" in each.classes)
    assert lines[at + 1]["data-seq"] == str(seqs[30])
    assert not browser(alice).get(f"/c/{group.pk}/").all(cls="opens-here")


# ── Finding a day ───────────────────────────────────────────────────────────────────────────────────────────────────
def set_times(group, seqs: list[int], start: datetime, step: timedelta) -> None:
    """Changes the times of the messages with the numbers `seqs` in a group.

    The first message gets the time `start`; each following message gets a time that is later by `step`.
    """
    rows = list(Message.objects.filter(conversation=group, seq__in=seqs).order_by("seq"))
    for number, row in enumerate(rows):
        row.created_at = start + number * step
    Message.objects.bulk_update(rows, ["created_at"], batch_size=200)


NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "number"),
    [
        ("UTC", "2026-10-01", 0),
        ("UTC", "2026-10-03", 3),  # number 2 is at 00:00 of this day, number 3 at 18:00
        ("Asia/Shanghai", "2026-10-03", 2),  # number 2 is at 08:00 of this day there
        ("UTC", "2020-01-01", 0),
        ("UTC", "2026-10-04", 4),
    ],
)
def test_a_day_is_found_in_the_time_zone_of_the_reader(browser, alice, group, history, zone, day, number):
    seqs = history(8)
    set_times(group, seqs, NOON, timedelta(hours=18))
    # number 0 is on the 1st at 12:00 UTC, then 2nd 06:00, 3rd 00:00, 3rd 18:00, 4th 12:00 …
    written = [NOON + timedelta(hours=18) * n for n in range(8)]
    with timezone.override(zone):
        wanted = next(n for n, at in enumerate(written) if timezone.localtime(at).date().isoformat() >= day)
    alice.time_zone = zone
    alice.save()
    place = browser(alice).get(f"/c/{group.pk}/?on={day}").response["Location"]
    first = Message.objects.filter(conversation=group).order_by("seq").first()
    expected = seqs[wanted] if first.created_at >= NOON or wanted else first.seq
    assert place == f"/c/{group.pk}/?at={expected}#m-{expected}"


@pytest.mark.parametrize("day", ["", "x", "2026-13-01", "9999-12-31", "2999-01-01"])
def test_an_invalid_or_future_day_shows_the_conversation(browser, alice, group, history, day):
    history(3)
    assert browser(alice).get(f"/c/{group.pk}/?on={day}").status == 200


def test_non_members_cannot_look_up_a_day(browser, mallory, group, history):
    history(3)
    assert browser(mallory).get(f"/c/{group.pk}/?on=2020-01-01").status == 404


def test_finding_a_day_takes_few_queries_in_a_long_history(alice, bob, group, history):
    seqs = history(2)
    row = Message.objects.get(conversation=group, seq=seqs[-1])
    rest = [
        Message(
            conversation=group, seq=seqs[-1] + n, version=1, first_version=1, text_count=n, sender=bob,
            client_id=uuid.uuid4(), body="x", created_at=row.created_at + timedelta(minutes=n),
        )
        for n in range(1, 20_000)
    ]  # fmt: skip
    Message.objects.bulk_create(rest, batch_size=1000)
    last = rest[-1].seq
    Conversation.objects.filter(pk=group.pk).update(last_seq=last)
    with CaptureQueriesContext(connection) as captured:
        found = selectors.find_first_seq_since(alice.pk, group.pk, row.created_at + timedelta(minutes=12_345))
    assert found == seqs[-1] + 12_345
    assert len(captured) <= 17
    assert selectors.find_first_seq_since(alice.pk, group.pk, row.created_at + timedelta(days=400)) is None


def test_the_menu_contains_the_form_for_a_day(browser, alice, group):
    page = browser(alice).get(f"/c/{group.pk}/")
    form = page.one(id="date-jump")
    assert form["method"] == "get" and form["action"] == f"/c/{group.pk}/"
    assert form.one("input", name="on")["type"] == "date"
    assert any(button.attrs.get("popovertarget") == "date-jump" for button in page.all("button"))


# ── Beginning and time separators ───────────────────────────────────────────────────────────────────────────────────
def test_an_empty_group_offers_the_next_step(browser, alice, bob, group):
    """A group without messages shows links for inviting people to the members who may add people.

    The links are in the HTML even after the first message; CSS then hides them.
    """
    links = browser(alice).get(f"/c/{group.pk}/").one("ol").one(cls="beginning").all("a")
    assert [link.text for link in links] == ["Invite by link", "Add people"]
    assert [link["href"] for link in links] == [f"/c/{group.pk}/settings/#links", f"/c/{group.pk}/settings/#add"]
    actions.update_group(alice.pk, group.pk, {"members_may_add": False})
    assert not browser(bob).get(f"/c/{group.pk}/").one("ol").one(cls="beginning").all("a")


def test_an_empty_direct_conversation_offers_the_profile(browser, alice, bob, direct_conversation):
    (link,) = browser(alice).get(f"/c/{direct_conversation.pk}/").one("ol").one(cls="beginning").all("a")
    assert (link.text, link["href"]) == ("View profile", f"/people/{bob.pk}/")


def test_the_beginning_shows_creator_and_date(browser, alice, bob, group, direct_conversation, history):
    began = Conversation.objects.get(pk=group.pk)
    began.created_at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    began.save()
    hers = browser(alice).get(f"/c/{group.pk}/").one("ol").one(cls="beginning")
    assert "20 November 2026" in hers.text
    assert "You created this group" in hers.text
    assert "Alice" in browser(bob).get(f"/c/{group.pk}/").one("ol").one(cls="beginning").text
    assert "Bob" in browser(alice).get(f"/c/{direct_conversation.pk}/").one("ol").one(cls="beginning").text
    assert "Say hello" in browser(alice).get(f"/c/{direct_conversation.pk}/").one("ol").one(cls="beginning").text
    history(60)
    assert not browser(alice).get(f"/c/{group.pk}/?newest=1").one("ol").all(cls="beginning")


def test_a_time_separator_follows_a_long_pause(browser, alice, group, history):
    seqs = history(4)
    set_times(group, seqs, datetime(2026, 11, 20, 8, tzinfo=UTC), timedelta(hours=2))
    page = browser(alice).get(f"/c/{group.pk}/?newest=1")
    assert [each.text for each in page.one("ol").all(cls="pause")] == ["10:00", "12:00", "14:00"]


def test_opening_at_the_first_unread_takes_as_many_queries_in_a_long_history(browser, alice, group, history):
    def queries(path: str) -> int:
        browser(alice).get(path)
        alice_browser = browser(alice)
        with CaptureQueriesContext(connection) as captured:
            alice_browser.get(path)
        return len(captured)

    seqs = history(20)
    actions.mark_read(alice.pk, group.pk, seqs[0])
    few = queries(f"/c/{group.pk}/")
    history(300)
    many = queries(f"/c/{group.pk}/")
    assert many <= few + 1  # one more query for the read messages above the first unread one
