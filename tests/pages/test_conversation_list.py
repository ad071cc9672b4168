"""The list of conversations: its filters, favourites, the archive, and what it costs."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import actions, selectors
from chat.models import Conversation, Level, Membership, Role
from presence.tracker import Tracker, use

pytestmark = pytest.mark.usefixtures("transactional_db")


def ids(page) -> list[int]:
    return [int(row["data-id"]) for row in page.all("a", cls="conversation-row")]


def totals(page) -> tuple[str, str]:
    """The numbers at the places: unread, mentions; empty where they are hidden."""
    return tuple(
        "" if "hidden" in badge.attrs else badge.children[0].text
        for name in ("unread", "mentions")
        for badge in page.one("span", data_total=name).all(cls="badge")
    )


@pytest.fixture
def chats(alice, bob, carol, room, pair, say):
    """A room with a mention, a pair with one text, a quiet group, and an archived one: newest first, room last."""
    say(bob, room, "hi @alice")
    say(bob, pair, "hello")
    quiet = Conversation.objects.get(pk=actions.create_group(alice.pk, "安静的群", [carol.pk]).id)
    old = Conversation.objects.get(pk=actions.create_group(alice.pk, "Old", [carol.pk]).id)
    actions.set_mine(alice.pk, old.pk, {"archived": True, "muted": True})
    return {"room": room.pk, "pair": pair.pk, "quiet": quiet.pk, "old": old.pk}


def test_each_filter_shows_its_own_and_is_kept_in_addresses(browser, alice, chats):
    hers = browser(alice)
    room, pair, quiet, old = chats["room"], chats["pair"], chats["quiet"], chats["old"]
    expected = {
        "all": [quiet, pair, room],
        "unread": [pair, room],
        "mentions": [room],
        "people": [pair],
        "groups": [quiet, room],
        "archived": [old],
    }
    for show, wanted in expected.items():
        page = hers.get("/", show=show)
        assert ids(page) == wanted, show
        assert page.one("nav", cls="tabs").one("a", aria_current="true")["href"] == f"?show={show}"
        kept = "" if show == "all" else f"?show={show}"
        assert all(row["href"].endswith(f"/{kept}") for row in page.all("a", cls="conversation-row")), show
    assert ids(hers.get("/", show="nonsense")) == expected["all"]


def test_the_open_one_stays_in_its_filter_until_it_is_left(browser, alice, chats):
    hers = browser(alice)
    hers.post(f"/c/{chats['pair']}/read/", seq=5)
    assert ids(hers.get(f"/c/{chats['pair']}/", show="unread")) == [chats["pair"], chats["room"]]
    assert ids(hers.get(f"/c/{chats['room']}/", show="unread")) == [chats["room"]]


def test_favourites_stand_on_top_in_every_filter(browser, alice, chats):
    hers = browser(alice)
    hers.post(f"/c/{chats['room']}/mine/", favourite="on")
    assert ids(hers.get("/")) == [chats["room"], chats["quiet"], chats["pair"]]
    assert ids(hers.get("/", show="unread")) == [chats["room"], chats["pair"]]
    hers.post(f"/c/{chats['room']}/mine/", favourite="off")
    assert ids(hers.get("/"))[0] == chats["quiet"]


def test_what_calls_is_counted_and_what_is_quiet_is_not(browser, alice, chats):
    hers = browser(alice)
    assert totals(hers.get("/")) == ("2", "1")
    hers.post(f"/c/{chats['pair']}/mine/", muted="on")
    page = hers.get("/")
    assert totals(page) == ("1", "1")
    row = next(row for row in page.all("a", cls="conversation-row") if row["data-id"] == str(chats["pair"]))
    assert {"muted", "quiet", "unread"} <= row.classes
    assert "muted" in row.one("span", data_part="count").classes
    hers.post(f"/c/{chats['room']}/mine/", level="mentions")
    assert totals(hers.get("/")) == ("1", "1")
    hers.post(f"/c/{chats['room']}/mine/", level="none")
    assert totals(hers.get("/")) == ("", "")
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
    hers = browser(alice)
    hers.post(f"/c/{chats['pair']}/mine/", read="on")
    assert chats["pair"] not in ids(hers.get("/", show="unread"))
    hers.post(f"/c/{chats['pair']}/mine/", read="off")
    assert chats["pair"] in ids(hers.get("/", show="unread"))
    hers.post(f"/c/{chats['quiet']}/mine/", read="off")  # nobody else wrote there: nothing to mark
    assert chats["quiet"] not in ids(hers.get("/", show="unread"))


def test_a_new_text_brings_a_conversation_out_of_the_archive_unless_it_is_muted(browser, alice, bob, carol, chats, say):
    hers = browser(alice)
    hers.post(f"/c/{chats['pair']}/mine/", archived="on")
    assert chats["pair"] not in ids(hers.get("/"))
    before = Membership.objects.get(conversation=chats["pair"], user=alice).me_version
    say(bob, Conversation(pk=chats["pair"]), "are you there?")
    row = Membership.objects.get(conversation=chats["pair"], user=alice)
    assert not row.archived and row.me_version > before  # a device that was away hears of it
    assert ids(hers.get("/"))[0] == chats["pair"]
    say(carol, Conversation(pk=chats["old"]), "still archived, since it is muted")
    assert chats["old"] not in ids(hers.get("/"))
    assert ids(hers.get("/", show="archived")) == [chats["old"]]


def test_ones_own_text_brings_it_back_too(alice, pair, say):
    actions.set_mine(alice.pk, pair.pk, {"archived": True})
    say(alice, pair, "hello again")
    assert not Membership.objects.get(conversation=pair, user=alice).archived


def test_found_by_name_by_user_name_and_by_pinyin_also_in_the_archive(browser, alice, chats):
    hers = browser(alice)
    assert ids(hers.get("/", find="OLD")) == [chats["old"]]
    assert ids(hers.get("/", find="bob")) == [chats["pair"]]
    for typed in ("anjing", "ajdq", "安静", "dequn"):
        assert ids(hers.get("/", find=typed)) == [chats["quiet"]], typed
    nothing = hers.get("/", find="<nobody>")
    assert not ids(nothing)
    said = [none for none in nothing.all(cls="list-none") if "hidden" not in none.attrs]
    assert [none["data-none"] for none in said] == ["find"] and "<nobody>" in said[0].text


def test_an_empty_filter_says_so(browser, alice, room):
    for show in ("unread", "mentions", "people", "archived"):
        page = browser(alice).get("/", show=show)
        shown = [none["data-none"] for none in page.all(cls="list-none") if "hidden" not in none.attrs]
        assert shown == [show]


def test_first_steps_are_put_away_for_good(browser, alice):
    hers = browser(alice)
    assert hers.get("/").all("ol", cls="steps")
    hers.post("/hints/done/")
    page = hers.get("/")
    assert not page.all("ol", cls="steps")
    some, none = page.all("div", cls="empty")
    assert "hidden" in some.attrs and "hidden" not in none.attrs and none.one("h2").text == "Quiet so far."


def test_the_list_alone_is_what_the_page_shows(browser, alice, chats):
    hers = browser(alice)
    assert ids(hers.get("/list/", show="unread")) == ids(hers.get("/", show="unread"))
    assert ids(hers.get("/list/", show="people", here=chats["room"])) == [chats["pair"], chats["room"]]


def test_titles_for_the_switcher(browser, alice, bob, chats):
    told = browser(alice).client.get("/api/v1/conversations/titles/").json()["results"]
    assert [row["id"] for row in told] == [chats["old"], chats["quiet"], chats["pair"], chats["room"]]
    by_id = {row["id"]: row for row in told}
    assert "ajdq" in by_id[chats["quiet"]]["keys"]
    assert by_id[chats["pair"]]["title"] == "Bob" and by_id[chats["pair"]]["peer"]["id"] == bob.pk


# ── Many ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def crowd(alice, count: int) -> list[int]:
    """So many groups of alice, newest last, a third of them with something unread."""
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


def test_older_ones_come_page_by_page_each_once(browser, alice):
    made = crowd(alice, 150)
    Membership.objects.filter(conversation=made[0]).update(favourite=True)
    hers = browser(alice)
    page = hers.get("/")
    seen = ids(page)
    assert seen[0] == made[0] and len(seen) == 61
    while more := page.all("a", cls="list-more"):
        page = hers.get("/" + more[0]["href"])
        seen += ids(page)
    assert seen == [made[0], *reversed(made[1:])]
    unread = ids(hers.get("/", show="unread"))
    assert len(unread) == 50


def test_one_deep_down_is_in_the_list_of_its_own_page(browser, alice):
    made = crowd(alice, 150)
    assert made[3] in ids(browser(alice).get(f"/c/{made[3]}/"))


@pytest.mark.parametrize("path", ["/", "/?show=unread", "/?show=mentions", "/?find=group", "/list/", "/settings/"])
def test_as_many_statements_for_many_conversations_as_for_few(browser, alice, path):
    crowd(alice, 3)
    hers = browser(alice)
    hers.get(path)
    with CaptureQueriesContext(connection) as few:
        hers.get(path)
    crowd(alice, 200)
    with CaptureQueriesContext(connection) as many:
        hers.get(path)
    assert len(many) <= len(few), path
    assert len(many) <= 12, [query["sql"][:90] for query in many]


def test_two_thousand_conversations_are_quick(browser, alice, room, pair, bob, say):
    """Measured: 5 ms for where one stands in 2,000, 80 ms for the whole page. The bounds are for a busy machine."""
    crowd(alice, 2000)
    started = time.perf_counter()
    rows = selectors.list_summaries(alice.pk)
    assert time.perf_counter() - started < 0.25 and len(rows) == 2002
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("EXPLAIN QUERY PLAN SELECT id FROM chat_membership m WHERE m.conversation_id = 1"
                           " AND m.archived AND NOT m.muted AND m.left_at IS NULL")  # fmt: skip
            assert "membership_put_away" in str(cursor.fetchall())
    hers = browser(alice)
    hers.get("/")
    started = time.perf_counter()
    assert len(ids(hers.get("/", show="unread"))) == 60
    assert time.perf_counter() - started < 2


def test_flags_of_a_standing(alice, room):
    row = selectors.list_summaries(alice.pk)[0]._replace(
        muted=True, level=Level.NONE, favourite=True, unread=3, mentions=2
    )
    assert row.flags == 21 and row.weight == 0
    assert row._replace(muted=False, level=Level.MENTIONS).weight == 2
    assert row._replace(muted=False, level=Level.ALL).weight == 3


def test_who_is_here_stands_in_the_page_as_far_as_they_show_it(browser, alice, bob, pair):
    """In the row of a pair, in its head and beside the members of a group; scripts only go on from there."""

    def dots(page) -> set[str]:
        faces = [face for face in page.all(cls="avatar") if face.attrs.get("data-user-id") == str(bob.pk)]
        return {"off" if "hidden" in dot.attrs else "here" for face in faces for dot in face.all(cls="here")}

    hers = browser(alice)
    group = actions.create_group(alice.pk, "Walkers", [bob.pk]).id
    pages = ("/", f"/c/{pair.pk}/", f"/c/{group}/?panel=members")
    use(Tracker())
    try:
        assert [dots(hers.get(path)) for path in pages] == [{"off"}] * 3
        browser(bob).get("/")  # a page is a sign of life
        assert [dots(hers.get(path)) for path in pages] == [{"here"}] * 3
        assert "here now" in hers.get(f"/c/{pair.pk}/").one(data_part="peer-here").text
        assert "here now" in hers.visit(f"/c/{pair.pk}/").one(data_part="peer-here").text
        type(bob).objects.filter(pk=bob.pk).update(show_presence="nobody")
        assert [dots(hers.get(path)) for path in pages] == [{"off"}] * 3
    finally:
        use(None)
