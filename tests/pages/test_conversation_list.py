"""Tests of the conversation list: filters, favourites, archive, and the number of database queries."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import contacts
from accounts.models import User
from chat import actions, selectors
from chat.models import Conversation, Level, Membership, Role
from chat.view_models.conversation_list import LIST_RULES
from presence.tracker import PresenceTracker, set_tracker

pytestmark = pytest.mark.usefixtures("transactional_db")
LIST_RULES_FILE = Path(__file__).parent.parent / "js/shared_cases/list_rules.json"


def ids(page) -> list[int]:
    return [int(row["data-id"]) for row in page.all("a", cls="conversation-row")]


def totals(page) -> tuple[str, str]:
    """Returns the two numbers in the navigation bar: unread conversations, and mentions.

    A hidden number is returned as an empty text.
    """
    return tuple(
        "" if "hidden" in badge.attrs else badge.all()[0].text
        for name in ("unread", "mentions")
        for badge in page.one("span", data_total=name).all(cls="badge")
    )


def test_the_list_shows_whether_the_own_last_message_of_a_direct_conversation_was_read(
    browser, alice, bob, group, direct_conversation, say
):
    def receipt(user, conversation) -> str:
        row = browser(user).get("/").one("a", cls="conversation-row", data_id=str(conversation.pk))
        marks = [mark["aria-label"] for mark in row.all("span", cls="row-receipt")]
        assert len(marks) == bool(row["data-receipt"])
        return row["data-receipt"]

    message = say(alice, direct_conversation, "hello")
    say(alice, group, "hello all")
    assert receipt(alice, direct_conversation) == "sent" and receipt(bob, direct_conversation) == ""
    assert receipt(alice, group) == ""
    actions.mark_delivered(bob.pk, {direct_conversation.pk: message.seq})
    assert receipt(alice, direct_conversation) == "delivered"
    actions.mark_read(bob.pk, direct_conversation.pk, message.seq)
    assert receipt(alice, direct_conversation) == "read"
    User.objects.filter(pk=bob.pk).update(show_receipts="nobody")
    assert receipt(alice, direct_conversation) == "sent"
    User.objects.filter(pk=bob.pk).update(show_receipts="everyone")
    User.objects.filter(pk=alice.pk).update(show_receipts="nobody")
    assert receipt(alice, direct_conversation) == "sent"
    User.objects.filter(pk=alice.pk).update(show_receipts="everyone")
    contacts.block_user(bob.pk, alice.pk)
    assert receipt(alice, direct_conversation) == "sent"
    contacts.unblock_user(bob.pk, alice.pk)
    assert receipt(alice, direct_conversation) == "read"
    actions.delete_message(alice.pk, message.id)
    assert receipt(alice, direct_conversation) == ""


@pytest.fixture
def chats(alice, bob, carol, group, direct_conversation, say):
    """Creates four conversations of alice and returns their ids in a dictionary, newest first.

    They are a group with a mention of alice, a direct conversation with one message, an empty group and an archived
    group.
    """
    say(bob, group, "hi @alice")
    say(bob, direct_conversation, "hello")
    quiet = Conversation.objects.get(pk=actions.create_group(alice.pk, "安静的群", [carol.pk]).id)
    old = Conversation.objects.get(pk=actions.create_group(alice.pk, "Old", [carol.pk]).id)
    actions.update_member_state(alice.pk, old.pk, {"archived": True, "muted": True})
    return {"room": group.pk, "pair": direct_conversation.pk, "quiet": quiet.pk, "old": old.pk}


def test_filters_and_their_links(browser, alice, chats):
    alice_browser = browser(alice)
    group, direct_conversation, quiet, old = chats["room"], chats["pair"], chats["quiet"], chats["old"]
    expected = {
        "all": [quiet, direct_conversation, group],
        "unread": [direct_conversation, group],
        "mentions": [group],
        "people": [direct_conversation],
        "groups": [quiet, group],
        "archived": [old],
    }
    for show, wanted in expected.items():
        page = alice_browser.get("/", show=show)
        assert ids(page) == wanted, show
        assert page.one("nav", cls="tabs").one("a", aria_current="true")["href"] == f"?show={show}"
        kept = "" if show == "all" else f"?show={show}"
        assert all(row["href"].endswith(f"/{kept}") for row in page.all("a", cls="conversation-row")), show
    assert ids(alice_browser.get("/", show="nonsense")) == expected["all"]


def test_the_open_conversation_stays_in_the_filter(browser, alice, chats):
    alice_browser = browser(alice)
    alice_browser.post(f"/c/{chats['pair']}/read/", seq=5)
    assert ids(alice_browser.get(f"/c/{chats['pair']}/", show="unread")) == [chats["pair"], chats["room"]]
    assert ids(alice_browser.get(f"/c/{chats['room']}/", show="unread")) == [chats["room"]]


def test_favourites_are_first_in_every_filter(browser, alice, chats):
    alice_browser = browser(alice)
    alice_browser.post(f"/c/{chats['room']}/mine/", favourite="on")
    assert ids(alice_browser.get("/")) == [chats["room"], chats["quiet"], chats["pair"]]
    assert ids(alice_browser.get("/", show="unread")) == [chats["room"], chats["pair"]]
    alice_browser.post(f"/c/{chats['room']}/mine/", favourite="off")
    assert ids(alice_browser.get("/"))[0] == chats["quiet"]


def test_muted_conversations_are_not_counted(browser, alice, chats):
    alice_browser = browser(alice)
    assert totals(alice_browser.get("/")) == ("2", "1")
    alice_browser.post(f"/c/{chats['pair']}/mine/", muted="on")
    page = alice_browser.get("/")
    assert totals(page) == ("1", "1")
    row = next(row for row in page.all("a", cls="conversation-row") if row["data-id"] == str(chats["pair"]))
    assert {"muted", "quiet", "unread"} <= row.classes
    assert "muted" in row.one("span", data_part="count").classes
    alice_browser.post(f"/c/{chats['room']}/mine/", level="mentions")
    assert totals(alice_browser.get("/")) == ("1", "1")
    alice_browser.post(f"/c/{chats['room']}/mine/", level="none")
    assert totals(alice_browser.get("/")) == ("", "")
    assert page.one("title").text == "(1) Chats · Messenger"


def test_every_page_of_the_site_has_the_counts(browser, alice, chats):
    for path in ("/people/", "/mentions/", "/settings/", f"/c/{chats['room']}/settings/", "/new/"):
        page = browser(alice).get(path)
        assert totals(page) == ("2", "1"), path
        told = json.loads(next(t for t in _templates(page) if t.attrs.get("id") == "standing")["data-conversations"])
        assert {row[0] for row in told} == set(chats.values()), path


def _templates(element):
    for child in element.children:
        if not isinstance(child, str):
            if child.tag == "template":
                yield child
            yield from _templates(child)


def test_read_and_unread_by_form(browser, alice, chats):
    alice_browser = browser(alice)
    alice_browser.post(f"/c/{chats['pair']}/mine/", read="on")
    assert chats["pair"] not in ids(alice_browser.get("/", show="unread"))
    alice_browser.post(f"/c/{chats['pair']}/mine/", read="off")
    assert chats["pair"] in ids(alice_browser.get("/", show="unread"))
    alice_browser.post(f"/c/{chats['quiet']}/mine/", read="off")  # no text of another member, so it stays read
    assert chats["quiet"] not in ids(alice_browser.get("/", show="unread"))


def test_a_new_text_unarchives_a_conversation_unless_it_is_muted(browser, alice, bob, carol, chats, say):
    alice_browser = browser(alice)
    alice_browser.post(f"/c/{chats['pair']}/mine/", archived="on")
    assert chats["pair"] not in ids(alice_browser.get("/"))
    before = Membership.objects.get(conversation=chats["pair"], user=alice).me_version
    say(bob, Conversation(pk=chats["pair"]), "are you there?")
    row = Membership.objects.get(conversation=chats["pair"], user=alice)
    assert not row.archived and row.me_version > before  # the new version tells other devices of the change
    assert ids(alice_browser.get("/"))[0] == chats["pair"]
    say(carol, Conversation(pk=chats["old"]), "still archived, since it is muted")
    assert chats["old"] not in ids(alice_browser.get("/"))
    assert ids(alice_browser.get("/", show="archived")) == [chats["old"]]


def test_a_text_of_the_user_unarchives_it_too(alice, direct_conversation, say):
    actions.update_member_state(alice.pk, direct_conversation.pk, {"archived": True})
    say(alice, direct_conversation, "hello again")
    assert not Membership.objects.get(conversation=direct_conversation, user=alice).archived


def test_search_by_name_username_and_pinyin_also_in_the_archive(browser, alice, chats):
    alice_browser = browser(alice)
    assert ids(alice_browser.get("/", find="OLD")) == [chats["old"]]
    assert ids(alice_browser.get("/", find="bob")) == [chats["pair"]]
    for typed in ("anjing", "ajdq", "安静", "dequn"):
        assert ids(alice_browser.get("/", find=typed)) == [chats["quiet"]], typed
    nothing = alice_browser.get("/", find="<nobody>")
    assert not ids(nothing)
    said = [none for none in nothing.all(cls="list-none") if "hidden" not in none.attrs]
    assert [none["data-none"] for none in said] == ["find"] and "<nobody>" in said[0].text


def test_text_of_an_empty_filter(browser, alice, group):
    for show in ("unread", "mentions", "people", "archived"):
        page = browser(alice).get("/", show=show)
        shown = [none["data-none"] for none in page.all(cls="list-none") if "hidden" not in none.attrs]
        assert shown == [show]


def test_hints_are_dismissed_for_good(browser, alice):
    alice_browser = browser(alice)
    assert alice_browser.get("/").all("ol", cls="steps")
    alice_browser.post("/hints/done/")
    page = alice_browser.get("/")
    assert not page.all("ol", cls="steps")
    some, none = page.all("div", cls="empty")
    assert "hidden" in some.attrs and "hidden" not in none.attrs and none.one("h2").text == "No chats yet"


def test_the_list_without_page_equals_the_list_of_the_page(browser, alice, chats):
    alice_browser = browser(alice)
    assert ids(alice_browser.get("/list/", show="unread")) == ids(alice_browser.get("/", show="unread"))
    assert ids(alice_browser.get("/list/", show="people", here=chats["room"])) == [chats["pair"], chats["room"]]


def test_titles_for_the_switcher(browser, alice, bob, chats):
    told = browser(alice).client.get("/api/v1/conversations/titles/").json()["results"]
    assert [row["id"] for row in told] == [chats["old"], chats["quiet"], chats["pair"], chats["room"]]
    by_id = {row["id"]: row for row in told}
    assert "ajdq" in by_id[chats["quiet"]]["keys"]
    assert by_id[chats["pair"]]["title"] == "Bob" and by_id[chats["pair"]]["peer"]["id"] == bob.pk


# ── Many conversations ───────────────────────────────────────────────────────────────────────────────────────────
def create_groups(alice, count: int) -> list[int]:
    """Creates `count` groups of alice and returns their ids, newest last. Every third one has an unread message."""
    now = timezone.now()
    made = Conversation.objects.bulk_create(
        Conversation(
            kind="group", title=f"Group {n}", owner=alice, created_at=now, active_at=now + timedelta(seconds=n),
            text_count=n % 3, last_seq=n % 3, version=1 + n % 3, member_count=1,
        )
        for n in range(count)
    )  # fmt: skip
    Membership.objects.bulk_create(
        Membership(conversation=one, user=alice, role=Role.OWNER, joined_at=now, read_count=0 if n % 3 == 1 else n % 3)
        for n, one in enumerate(made)
    )
    return [one.pk for one in made]


def test_older_conversations_by_page_each_once(browser, alice):
    made = create_groups(alice, 150)
    Membership.objects.filter(conversation=made[0]).update(favourite=True)
    alice_browser = browser(alice)
    page = alice_browser.get("/")
    seen = ids(page)
    assert seen[0] == made[0] and len(seen) == 61
    while more := page.all("a", cls="list-more"):
        page = alice_browser.get("/" + more[0]["href"])
        seen += ids(page)
    assert seen == [made[0], *reversed(made[1:])]
    unread = ids(alice_browser.get("/", show="unread"))
    assert len(unread) == 50


def test_an_old_conversation_is_in_the_list_of_its_own_page(browser, alice):
    made = create_groups(alice, 150)
    assert made[3] in ids(browser(alice).get(f"/c/{made[3]}/"))


@pytest.mark.parametrize("path", ["/", "/?show=unread", "/?show=mentions", "/?find=group", "/list/", "/settings/"])
def test_as_many_queries_for_many_conversations_as_for_few(browser, alice, path):
    create_groups(alice, 3)
    alice_browser = browser(alice)
    alice_browser.get(path)
    with CaptureQueriesContext(connection) as few:
        alice_browser.get(path)
    create_groups(alice, 200)
    with CaptureQueriesContext(connection) as many:
        alice_browser.get(path)
    assert len(many) <= len(few), path
    assert len(many) <= 12, [query["sql"][:90] for query in many]


def test_two_thousand_conversations_are_quick(browser, alice, group, direct_conversation, bob, say):
    """The conversation list stays fast with 2,000 conversations.

    A measurement gave 5 ms for the database queries and 80 ms for the page. The limits of this test are much higher.
    """
    create_groups(alice, 2000)
    started = time.thread_time()
    rows = selectors.list_conversation_summaries(alice.pk)
    assert time.thread_time() - started < 0.25 and len(rows) == 2002
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("EXPLAIN QUERY PLAN SELECT id FROM chat_membership m WHERE m.conversation_id = 1"
                           " AND m.archived AND NOT m.muted AND m.left_at IS NULL")  # fmt: skip
            assert "membership_put_away" in str(cursor.fetchall())
    alice_browser = browser(alice)
    alice_browser.get("/")
    started = time.thread_time()
    assert len(ids(alice_browser.get("/", show="unread"))) == 60
    assert time.thread_time() - started < 2


def test_flags_of_a_summary(alice, group):
    row = selectors.list_conversation_summaries(alice.pk)[0]._replace(
        muted=True, level=Level.NONE, favourite=True, unread=3, mentions=2
    )
    assert row.flags == 21 and row.badge_count == 0
    assert row._replace(muted=False, level=Level.MENTIONS).badge_count == 2
    assert row._replace(muted=False, level=Level.ALL).badge_count == 3


def test_the_page_shows_who_is_online_if_they_show_presence(browser, alice, bob, direct_conversation):
    """The HTML from the server already contains the mark for users who are online; scripts only update it later.

    Users who hide their presence have no mark. The mark is in the row and the header of a direct conversation, and in
    the list of members of a group.
    """

    def dots(page) -> set[str]:
        faces = [face for face in page.all(cls="avatar") if face.attrs.get("data-user-id") == str(bob.pk)]
        return {"off" if "hidden" in dot.attrs else "here" for face in faces for dot in face.all(cls="here")}

    alice_browser = browser(alice)
    group = actions.create_group(alice.pk, "Walkers", [bob.pk]).id
    pages = ("/", f"/c/{direct_conversation.pk}/", f"/c/{group}/?panel=members")
    set_tracker(PresenceTracker())
    try:
        assert [dots(alice_browser.get(path)) for path in pages] == [{"off"}] * 3
        browser(bob).get("/")  # loading a page counts as activity
        assert [dots(alice_browser.get(path)) for path in pages] == [{"here"}] * 3
        assert "online" in alice_browser.get(f"/c/{direct_conversation.pk}/").one(data_part="peer-here").text
        assert "online" in alice_browser.visit(f"/c/{direct_conversation.pk}/").one(data_part="peer-here").text
        type(bob).objects.filter(pk=bob.pk).update(show_presence="nobody")
        assert [dots(alice_browser.get(path)) for path in pages] == [{"off"}] * 3
    finally:
        set_tracker(None)


def test_a_direct_conversation_is_in_the_list_of_the_other_user_from_its_first_message(browser, alice, bob, say):
    location = browser(alice).post("/new/direct/", user_id=bob.pk).response["Location"]
    conversation = Conversation.objects.get(kind=Conversation.Kind.DIRECT)
    assert ids(browser(alice).get("/")) == [conversation.pk]
    bobs = browser(bob)
    assert ids(bobs.get("/")) == []
    assert bobs.get(location).status == 404
    assert f"/c/{conversation.pk}/" not in bobs.get(f"/people/{alice.pk}/").response.content.decode()
    assert ids(bobs.get("/", find="alice")) == []
    say(alice, conversation, "hello")
    page = bobs.get("/")
    assert ids(page) == [conversation.pk] and totals(page) == ("1", "")
    assert bobs.get(location).status == 200


def test_tests_of_scripts_use_the_rules_of_the_server():
    """The page carries the rules of filters as data; the tests of scripts (tests/js) read them from a file."""
    assert json.loads(LIST_RULES_FILE.read_text()) == LIST_RULES
