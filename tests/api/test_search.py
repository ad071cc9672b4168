"""Tests of searching through the API, on both databases: what is found, and what only members of a conversation see."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from accounts import actions as account_actions
from chat import actions
from chat.actions import search_index
from chat.attachments import uploads
from chat.models import Message
from chat.selectors import search as search_selectors

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def search(api):
    """Returns a function: `search(alice, "minutes", sort="best")` returns the answer of a search as JSON."""

    def ask(user, q: str, **parameters):
        answer = api(user).get(f"search/?{urlencode({'q': q, **parameters})}")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return ask


@pytest.fixture
def bodies(search):
    """Returns a function: `bodies(alice, "minutes")` returns the texts of the found messages, newest first."""
    return lambda user, q, **parameters: [
        hit["message"]["body"] for hit in search(user, q, **parameters)["messages"]["results"]
    ]


@pytest.fixture
def say(api, alice, group):
    """Returns a function: `say("hello", by=bob)` sends a message to the group and returns it as JSON."""

    def send(body: str, by=None, conversation_id: int = 0, **fields):
        answer = api(by or alice).send(conversation_id or group.pk, body, **fields)
        assert answer.status_code == 201, answer.content
        return answer.json()

    return send


@pytest.fixture
def backdate():
    """Returns a function: `backdate(message, time)` sets when a message was sent, and moves those before it."""

    def move(message: dict, time: datetime) -> None:
        rows = Message.objects.filter(
            conversation=message["conversation_id"], seq__lte=message["seq"], created_at__gt=time
        )
        for row in rows:
            row.created_at = time
            row.save()
            search_index.update_message(row)

    return move


# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────────
FOUND = [
    ("The minutes of the meeting", ["minutes", "MINUTES", "min", "meeting the", '"the minutes"', "m"]),
    ("Über das Café in Zürich", ["uber", "cafe", "Zürich", "ＣＡＦＥ", "zur"]),
    ("我们明天下午在圖書館见面", ["图书", "图书馆", "圖書館", "书馆", "明天 见面", "面", "我"]),
    ("会議は図書館で行います", ["会議", "図書館", "行い", "ます"]),
    ("팀회의록을 보내 주세요", ["회의", "회의록", "팀회", "보내"]),
    ("用iPhone手机拍的照片", ["iphone", "手机", "iPhone手机", "照片"]),
    ("call get_user_name() in a.b.c", ["get_user_name", "user_name", "a.b.c", "get_user_name()", "a.b"]),
    ("see https://example.org/docs/read-me.html", ["example.org", "read-me", "https://example.org/docs", "docs"]),
    ("party 🎉 tonight ❤️", ["🎉", "❤", "party 🎉"]),
    ("use git push --force here", ["--force", "push --force", "--for"]),
    ("Привет, мир. Ёлка", ["привет", "мир", "елка", "ПРИВ"]),
    ("हिन्दी में लिखो", ["हिन्दी", "हिन्"]),
    ("version v2.0-rc1 costs 12,50 €", ["v2.0", "rc1", "12,50"]),
    ("k" * 70 + "z" * 10, ["k" * 30, "k" * 64, "k" * 70 + "z", "k" * 70 + "z" * 10]),
    ("alpha beta gamma delta", ["a b g d", "a b g delta", "b a"]),
    ("Łódź und Øresund, Đà Nẵng, Æsir, Straße, ısı", ["lodz", "ŁÓDŹ", "oresund", "da nang", "aesir", "strasse", "isi"]),
    ("**bold**word, a~~gai~~n and `co`de", ["boldword", "word", '"boldword"', "bold", "again", "code"]),
    ("这是**重点**内容", ["重点内容", "是重点", "内容", "重点"]),
    ("foo*bar and 3*5", ["foo bar", "bar", "foo*bar", "5"]),
    ("O'Brien's co-op", ["o'brien", "brien", "co-op", "op"]),
]
NOT_FOUND = [
    ("the unite", "nit"),  # not the beginning of a word
    ("annual general meeting", '"annual meeting"'),
    ("meetings", '"meeting"'),
    ("图案和书本", "图书"),
    ("budget draft", "budget -draft"),
    ("读书会图片", "图书"),
    ("hello", "hello goodbye"),
    ("alpha beta gamma delta", "a b g x"),
    ("alpha 3*5 beta", "35"),
    ("**alpha** beta", "alphabeta"),
]


def test_a_message_is_found_by_its_words(say, bodies, alice, settings):
    settings.LIMITS = False
    say("something else entirely, 别的事情")
    for body, queries in FOUND:
        message = say(body)
        for query in queries:
            assert body in bodies(alice, query), query
            assert "something else entirely, 别的事情" not in bodies(alice, query), query
        Message.objects.filter(pk=message["id"]).update(deleted_at=message["created_at"])


def test_a_message_without_the_words_is_not_found(say, bodies, alice, settings):
    settings.LIMITS = False
    for body, query in NOT_FOUND:
        say(body)
        assert body not in bodies(alice, query), (body, query)


def test_highlights_say_where_the_words_stand(say, search, alice):
    say("Ein Café 👍🏽 im Stadt-CAFÉ, 圖書館旁")
    [hit] = search(alice, "cafe 图书馆")["messages"]["results"]
    body = hit["message"]["body"]
    assert [body[start:end] for start, end in hit["highlights"]] == ["Café", "CAFÉ", "圖書館"]


def test_highlights_are_those_of_letters_with_strokes_and_of_words_with_emphasis_inside(say, search, alice):
    say("Ein Bær in Łódź, **bold**word und 这是**重点**内容")
    for q, marked in (
        ("lodz", "Łódź"),
        ("baer", "Bær"),
        ("bold", "bold"),
        ("boldword", "bold**word"),
        ("是重点内", "是**重点**内"),
    ):
        [hit] = search(alice, q)["messages"]["results"]
        assert [hit["message"]["body"][start:end] for start, end in hit["highlights"]] == [marked], q


def test_highlights_in_file_names_are_those_of_their_file(say, search, alice, bob):
    files = [uploads.store_upload(bob.pk, name, 4, [b"plan"]) for name in ("Tax.csv", "the tax of Tax.csv")]
    say("tax", by=bob, attachment_ids=[file.pk for file in files])
    [hit] = search(alice, "tax")["messages"]["results"]
    assert hit["highlights"] == [[0, 3]] and hit["attachment_highlights"] == [[[0, 3]], [[4, 7], [11, 14]]]


def test_newest_comes_first_and_pages_go_on_without_gaps(say, search, api, alice):
    for number in range(7):
        say(f"apple {number}")
    found, url = [], None
    while True:
        page = (api(alice).get(url).json() if url else search(alice, "apple", limit=3, kind="messages"))["messages"]
        found += [hit["message"]["body"] for hit in page["results"]]
        if not (url := page["next"]):
            break
    assert found == [f"apple {number}" for number in range(6, -1, -1)]


def test_a_page_is_full_while_there_are_more_matches(say, search, alice, settings, monkeypatch):
    settings.LIMITS = False
    monkeypatch.setattr(search_selectors, "CANDIDATES", 2)
    monkeypatch.setattr(search_selectors, "MAX_CANDIDATES", 3)
    for number in range(5):
        say(f"alpha beta gamma delta {number}")
    for _ in range(8):
        say("beta alpha")
    for query in ('"alpha beta"', "beta -nothing g"):
        page = search(alice, query, limit=4, kind="messages")["messages"]
        assert [hit["message"]["body"][-1] for hit in page["results"]] == ["4", "3", "2", "1"] and page["next"], query
    # More than two short beginnings are compared in the database: also if only few messages may be loaded for a page.
    monkeypatch.setattr(search_selectors, "MAX_COMPARED", 5)
    page = search(alice, "a b g d", limit=4, kind="messages")["messages"]
    assert [hit["message"]["body"][-1] for hit in page["results"]] == ["4", "3", "2", "1"]


def test_the_best_matches_come_first(say, bodies, alice):
    say("budget budget: the budget of this year")
    say("something about budgeting and a great many other things " + "word " * 200)
    assert bodies(alice, "budget", sort="best")[0].startswith("budget budget")


# ── Operators ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_operators_choose_sender_conversation_and_day(say, bodies, alice, bob, direct_conversation, backdate):
    backdate(say("plan of alice"), datetime(2026, 3, 5, 12, tzinfo=UTC))
    say("plan of bob", by=bob)
    say("plan between us", by=bob, conversation_id=direct_conversation.pk)
    assert bodies(alice, "plan from:bob") == ["plan between us", "plan of bob"]
    assert bodies(alice, "plan from:me") == ["plan of alice"]
    assert bodies(alice, "来自：bob plan in:room") == ["plan of bob"]
    assert bodies(alice, "plan in:bob") == ["plan between us"]
    assert bodies(alice, "plan before:2026-04-01") == ["plan of alice"]
    assert bodies(alice, "plan after:2026-04-01") == ["plan between us", "plan of bob"]
    assert bodies(alice, "from:bob") == ["plan between us", "plan of bob"]
    assert bodies(alice, "from:nobody plan") == bodies(alice, "in:nowhere plan") == []


def test_days_are_those_of_the_reader(say, bodies, alice, backdate):
    backdate(say("late in the evening"), datetime(2026, 11, 20, 18, tzinfo=UTC))
    alice.time_zone = "Asia/Shanghai"
    alice.save()
    assert bodies(alice, "evening on:2026-11-21") == ["late in the evening"]
    assert bodies(alice, "evening on:2026-11-20") == []


def test_a_time_alone_finds_messages_however_old_they_are(say, bodies, search, api, alice, backdate):
    for year in (1999, 2011, 2012, 2025):
        backdate(say(f"said in {year}"), datetime(year, 12, 31, 12, tzinfo=UTC))
    say("said now")
    assert bodies(alice, "before:2012-12-31") == ["said in 2011", "said in 1999"]
    assert bodies(alice, "after:2000-01-01 before:2026-01-01") == ["said in 2025", "said in 2012", "said in 2011"]
    assert bodies(alice, "after:2012-12-30 said") == ["said now", "said in 2025", "said in 2012"]
    assert bodies(alice, "on:1999-12-31") == ["said in 1999"]
    for query in ("before:1999-01-01", "on:2012-12-30", "after:2999-01-01"):
        assert bodies(alice, query) == [], query
    page = search(alice, "before:2013-01-01", limit=2, kind="messages")["messages"]
    assert [hit["message"]["body"] for hit in page["results"]] == ["said in 2012", "said in 2011"]
    page = api(alice).get(page["next"]).json()["messages"]
    assert [hit["message"]["body"] for hit in page["results"]] == ["said in 1999"] and page["next"] is None


def test_mentions_links_and_files_are_found(say, bodies, search, api, alice, bob):
    attachment = uploads.store_upload(bob.pk, "年度预算 2026_final.csv", 8, [b"one,two\n"])
    say("numbers", by=bob, attachment_ids=[attachment.pk])
    say("@alice look", by=bob)
    say("see https://example.org", by=bob)
    assert bodies(alice, "mentions:me") == ["@alice look"] and bodies(bob, "mentions:me") == []
    assert bodies(alice, "has:link") == ["see https://example.org"]
    assert bodies(alice, "has:file") == bodies(alice, "预算") == bodies(alice, "final.csv") == ["numbers"]
    assert bodies(alice, "has:image") == []
    [found] = search(alice, "2026_final", kind="files")["files"]["results"]
    assert found["attachment"]["name"] == "年度预算 2026_final.csv" and found["sender"]["username"] == "bob"
    assert search(alice, "numbers", kind="files")["files"]["results"] == []


def test_people_and_conversations_are_found_beside_messages(say, search, alice, bob, make_user):
    make_user("千泷", name="千泷")
    say("hello room, says Bob")
    answer = search(alice, "bob")
    assert [user["username"] for user in answer["people"]["results"]] == ["bob"]
    assert [title["title"] for title in search(alice, "room")["conversations"]["results"]] == ["Room"]
    assert [user["username"] for user in search(alice, "qianlong")["people"]["results"]] == ["千泷"]
    assert len(answer["messages"]["results"]) == 1
    assert search(alice, "bob", kind="people")["messages"] is None


def test_people_are_found_in_pages_and_each_once(search, api, alice, make_user, settings):
    """The next page begins after the last person of the page, also if this person was renamed in the meantime."""
    settings.LIMITS = False
    people = [make_user(f"ann{number}", name="Łukasz" if number else "Ann") for number in range(7)]
    account_actions.add_contact(alice.pk, people[5].pk)

    def page(answer) -> list[str]:
        return [user["username"] for user in answer["people"]["results"]]

    answer = search(alice, "ann", limit=3)
    assert page(answer) == ["ann5", "ann0", "ann1"]
    account_actions.update_profile(people[1].pk, {"username": "zoe"})
    answer = api(alice).get(answer["people"]["next"]).json()
    assert page(answer) == ["ann2", "ann3", "ann4"] and answer["messages"] is None
    answer = api(alice).get(answer["people"]["next"]).json()
    assert page(answer) == ["ann6"] and answer["people"]["next"] is None
    assert page(search(alice, "lukasz", kind="people")) == page(search(alice, "ŁUKASZ", kind="people"))
    assert len(page(search(alice, "lukasz", kind="people"))) == 6


def test_conversations_are_found_in_pages_and_none_twice(search, api, alice, bob, settings):
    """The next page begins after the last conversation of the page, also if another one has become active meanwhile."""
    settings.LIMITS = False
    garden_ids = [actions.create_group(alice.pk, f"Garden {number}", [bob.pk]).id for number in range(5)]

    def page(answer) -> list[str]:
        return [title["title"] for title in answer["conversations"]["results"]]

    answer = search(alice, "garden", limit=2)
    assert page(answer) == ["Garden 4", "Garden 3"]
    api(bob).send(garden_ids[0], "first again")
    answer = api(alice).get(answer["conversations"]["next"]).json()
    assert page(answer) == ["Garden 2", "Garden 1"] and answer["conversations"]["next"] is None
    assert page(search(alice, "garden", limit=5)) == [f"Garden {number}" for number in (0, 4, 3, 2, 1)]


def test_a_cursor_is_that_of_its_list(api, alice):
    for parameters in (
        {"before": "5"},
        {"kind": "messages", "before": "0_1_bob"},
        {"kind": "files", "before": "x"},
        {"kind": "people", "before": "5"},
        {"kind": "conversations", "before": "5"},
        {"kind": "conversations", "before": "2026-11-21_x"},
        {"kind": "people", "before": "0_9_bob"},
        {"kind": "people", "before": f"0_1_{'x' * 101}"},
    ):
        answer = api(alice).get(f"search/?{urlencode({'q': 'a', **parameters})}")
        assert answer.status_code == 400 and list(answer.json()["fields"]) == ["before"], parameters


def test_a_query_that_cannot_be_understood_is_a_clear_error(api, alice):
    for q in ("has:everything", "mentions:bob", "on:yesterday", "on:0001-01-01", "x" * 201, "a " * 20):
        answer = api(alice).get(f"search/?{urlencode({'q': q})}")
        assert answer.status_code == 400 and list(answer.json()["fields"]) == ["q"], q


def test_an_excluded_operator_is_a_clear_error_and_not_its_opposite(api, alice):
    for q in ("minutes -from:me", "-has:file", "－来自：我"):
        answer = api(alice).get(f"search/?{urlencode({'q': q})}")
        assert answer.status_code == 400 and "only stand before words" in answer.json()["fields"]["q"][0], q


def test_operators_may_be_written_in_traditional_characters(say, bodies, alice, bob):
    say("see https://example.org")
    say("plain", by=bob)
    for q in ("來自:我", "含：連結", "含：链接", "來自：me 晚於：2020-01-01"):
        assert bodies(alice, q) == ["see https://example.org"], q


def test_signs_of_the_query_languages_of_databases_are_ordinary_text(say, search, alice, settings):
    settings.LIMITS = False
    say("hello")
    signs = [
        "%",
        "-",
        '"',
        "''",
        "' OR 1=1",
        '" OR "',
        "a* NEAR(b)",
        "c1xhello",
        "\\",
        "(((",
        "a:b:c",
        "-a -b",
        "from:",
    ]
    for q in signs:
        assert search(alice, q)["messages"]["results"] == [], q


# ── Only what I may see ──────────────────────────────────────────────────────────────────────────────────────────
def test_nobody_finds_messages_of_conversations_of_others(say, search, alice, mallory, group):
    say("a secret word")
    for parameters in ({}, {"conversation": group.pk}):
        answer = search(mallory, "secret", **parameters)
        assert answer["messages"] == {"results": [], "next": None}
        assert answer["conversations"]["results"] == answer["files"]["results"] == []
    assert search(mallory, f"secret in:#{group.pk}")["messages"]["results"] == []


def test_a_member_who_left_finds_nothing_more(say, bodies, api, bob, group):
    say("still here")
    assert bodies(bob, "still") == ["still here"]
    assert api(bob).delete(f"conversations/{group.pk}/members/{bob.pk}/").status_code == 204
    assert bodies(bob, "still") == []


def test_an_edit_is_found_at_once_and_the_old_text_no_more(say, bodies, api, alice):
    message = say("colour")
    assert api(alice).patch(f"messages/{message['id']}/", {"body": "flavour"}).status_code == 200
    assert bodies(alice, "flavour") == ["flavour"] and bodies(alice, "colour") == []


def test_a_deleted_message_is_found_no_more(say, bodies, api, alice):
    message = say("regret")
    api(alice).delete(f"messages/{message['id']}/")
    assert bodies(alice, "regret") == bodies(alice, "from:me") == []


def test_a_hidden_message_is_found_again_only_after_it_is_restored(say, bodies, api, alice, bob, make_user):
    from chat import actions

    message = say("rude words", by=bob)
    api(alice).delete(f"messages/{message['id']}/")  # as owner: hidden, not wiped
    assert bodies(bob, "rude") == bodies(alice, "rude") == []
    actions.restore_message(make_user("root", is_superuser=True).pk, message["id"])
    assert bodies(alice, "rude") == ["rude words"]


# ── Old messages ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_messages_from_before_the_index_are_found_after_the_worker_has_run(say, bodies, alice, run_tasks):
    from chat.models import SearchEntry

    for number in range(5):
        say(f"old {number}")
    SearchEntry.objects.all().delete()
    assert bodies(alice, "old") == []
    search_index.start_rebuild()
    search_index.fill()
    assert len(bodies(alice, "old")) == 5
    assert search_index.fill_batch() is None
