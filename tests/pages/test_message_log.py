"""Tests of how the server prepares messages for display: grouping, avatars, separators, system messages and times.

The browser scripts must give the same results. Therefore many cases are in JSON files (tests/js/shared_cases), which
the tests of the scripts read too.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import dateformat, timezone, translation

from accounts.schemas import build_user_schema
from chat.schemas import MentionSchema, MineSchema, SystemEvent
from chat.text import language
from chat.view_models import message_log, template_samples, times
from chat.view_models.message_log import (
    GroupingInput,
    format_name_list,
    group_messages,
    highlight_own_mentions,
    link_mentions,
)
from messenger.core.user_agents import describe_user_agent

HERE = Path(__file__).resolve().parent.parent
GROUPING = json.loads((HERE / "js/shared_cases/grouping.json").read_text())
LANGS = json.loads((HERE / "js/shared_cases/languages.json").read_text())
BIG = json.loads((HERE / "js/shared_cases/emoji_only.json").read_text())


@pytest.mark.parametrize("case", GROUPING, ids=lambda case: case["name"])
def test_groups(case):
    zone = ZoneInfo(case["zone"])
    stamps = [
        GroupingInput(
            line["sender"],
            datetime.fromisoformat(line["at"]).astimezone(zone),
            line["kind"] == "text",
            line.get("unread_before", False),
        )
        for line in case["lines"]
    ]
    wanted = [{"pause_before": False} | place for place in case["expect"]]
    assert [dataclasses.asdict(place) for place in group_messages(stamps)] == wanted


@pytest.mark.parametrize("case", LANGS, ids=lambda case: case["text"] or "nothing")
def test_language_of_a_text(case):
    assert language.detect_language(case["text"]) == case["lang"]


@pytest.mark.parametrize(
    ("text", "page", "said"),
    [
        ("hello", "en", ""),
        ("hello", "zh-hans", "en"),
        ("ありがとう", "en", ""),
        ("ありがとう", "zh-hans", "und"),
        ("你好", "en", "zh-Hans"),
        ("你好", "zh-hans", "zh-Hans"),
        ("👍", "zh-hans", ""),
    ],
)
def test_lang_attribute_only_if_it_differs_from_the_page(text, page, said):
    assert language.get_lang_attribute(language.detect_language(text), page) == said


@pytest.mark.parametrize("case", BIG, ids=lambda case: case["text"] or "nothing")
def test_texts_of_emoji_only_are_big(case):
    assert language.is_emoji_only(case["text"]) == case["big"]


def text(seq: int, sender: int = 1, at: str = "2026-11-21T09:00:00.000Z", **fields):
    message = template_samples.get_sample_context()["blank_item"].message
    values = {"id": seq, "seq": seq, "sender": build_user_schema(sender, f"u{sender}", f"U{sender}"), "created_at": at}
    return type(message)(**{name: getattr(message, name) for name in message.__struct_fields__} | values | fields)


def unread(read_seq: int, count: int) -> MineSchema:
    return MineSchema("member", read_seq, count, 0, False, "all", False, False, "", 0)


@pytest.mark.parametrize(
    ("read_seq", "count", "from_start", "stands_above"),
    [
        (1, 2, True, 2),
        (0, 3, True, 1),
        (3, 0, True, None),
        (1, 2, False, 2),  # the read marker is on this page
        (0, 3, False, 1),  # the read marker is just above this page
    ],
)
def test_unread_separator(read_seq, count, from_start, stands_above):
    items = message_log.build_message_items(
        [text(seq) for seq in (1, 2, 3)], user_id=9, member_state=unread(read_seq, count), from_start=from_start
    )
    assert [item.message.seq for item in items if item.is_first_unread] == ([stands_above] if stands_above else [])


@pytest.mark.parametrize(("read_seq", "count", "words"), [(2, 1, "1 new since "), (0, 3, "3 new since ")])
def test_the_unread_separator_says_how_many_messages_are_new_and_since_when(read_seq, count, words):
    items = message_log.build_message_items(
        [text(seq) for seq in (1, 2, 3)], user_id=9, member_state=unread(read_seq, count)
    )
    [item] = [item for item in items if item.is_first_unread]
    since = times.format_short(timezone.localtime(item.sent_at), timezone.localtime())
    assert item.unread_label == f"{words}{since}"


def test_no_unread_separator_if_it_belongs_to_an_older_page():
    items = message_log.build_message_items(
        [text(seq) for seq in (7, 8)], user_id=9, member_state=unread(3, 5), from_start=False
    )
    assert not any(item.is_first_unread for item in items)


def test_unread_separator_skips_own_and_system_messages():
    came = text(3, kind="system", event=SystemEvent("joined", 1))
    items = message_log.build_message_items(
        [text(1), text(2, sender=9), came, text(4)], user_id=9, member_state=unread(1, 1)
    )
    assert [item.message.seq for item in items if item.is_first_unread] == [4]


@pytest.mark.parametrize(
    ("sender", "mentioned", "expected"), [(1, [9], True), (1, [None], True), (1, [2], False), (9, [None], False)]
)
def test_messages_that_mention_the_reader(sender, mentioned, expected):
    message = text(1, sender, mentions=[MentionSchema(pk, 0, 2) for pk in mentioned])
    assert message_log.mentions_user(message, 9) is expected


def test_only_mentions_of_the_reader_are_highlighted():
    html = (
        '<p><span class="mention" data-user-id="9">@me</span> <span class="mention" data-user-id="99">@you</span></p>'
    )
    assert highlight_own_mentions(html, 9).count("mention me") == 1
    assert 'class="mention me" data-user-id="9"' in highlight_own_mentions(html, 9)


def test_mentions_of_others_lead_to_their_profiles():
    everybody = '<span class="mention" data-user-id="all">@all</span>'
    html = f'<p><span class="mention" data-user-id="99">@you</span> {everybody}</p>'
    linked = '<a class="mention" data-user-id="99" href="/people/99/" data-dialog="">@you</a>'
    assert link_mentions(html) == f"<p>{linked} {everybody}</p>"
    inside_link = '<a href="https://example.org/"><span class="mention" data-user-id="99">@you</span></a>'
    assert link_mentions(inside_link) == inside_link  # a link in a link is not possible
    assert link_mentions(highlight_own_mentions(html, 99)).count("<a ") == 0


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b", "c", "d"], "a, b, c and d"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
        (["%b", "x"], "%b and x"),
    ],
)
def test_name_lists(names, words):
    assert format_name_list(names) == words


@pytest.mark.parametrize(
    ("event", "kind", "actor", "users"),
    [
        (SystemEvent("joined", 1, [1]), "joined", "U1", ""),
        (SystemEvent("joined", 1, [2, 9]), "added", "U1", "U2 and you"),
        (SystemEvent("joined", 9, [2]), "added", "You", "U2"),
        (SystemEvent("left", 1, [1]), "left", "U1", ""),
        (SystemEvent("announced", 1, [], "old", None), "unannounced", "U1", ""),
        (SystemEvent("announced", 1, [], None, "new"), "announced", "U1", ""),
        (SystemEvent("pictured", 1), "unpictured", "U1", ""),
        (SystemEvent("role", 1, [2], "member", "admin"), "promoted", "U1", "U2"),
        (SystemEvent("role", 1, [2], "admin", "member"), "demoted", "U1", "U2"),
        (SystemEvent("joined", 1, [1], by_id=2), "linked", "U1", "U2"),
        (SystemEvent("joined", 1, [1], by_id=9), "linked-mine", "U1", "you"),
        (SystemEvent("of a later version", 1), "changed", "U1", ""),
    ],
)
def test_system_messages(event, kind, actor, users):
    told = message_log.build_system_text(text(1, kind="system", event=event), 9, {1: "U1", 2: "U2"})
    assert (told.kind, told.actor, told.users) == (kind, actor, users)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 11, 21), "Today"),
        (date(2026, 11, 20), "Yesterday"),
        (date(2026, 11, 18), "Wednesday, 18 November"),
        (date(2025, 12, 31), "Wednesday, 31 December 2025"),
    ],
)
def test_day_labels(day, words):
    assert times.format_day_label(day, date(2026, 11, 21)) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-11-21T08:05:00.000Z", "09:05"),
        ("2026-11-20T22:59:00.000Z", "Fri"),
        ("2026-11-20T23:00:00.000Z", "00:00"),  # in Berlin this is today
        ("2026-11-15T12:00:00.000Z", "Sun"),
        ("2026-11-14T12:00:00.000Z", "14 Nov"),
        ("2025-11-21T12:00:00.000Z", "21 Nov 2025"),
    ],
)
def test_times_in_the_time_zone_of_the_reader(at, words):
    with timezone.override("Europe/Berlin"):
        now = timezone.localtime(datetime(2026, 11, 21, 9, 0, tzinfo=UTC))
        assert times.format_short(times.parse_timestamp(at), now) == words


def test_the_page_contains_all_texts_for_scripts():
    with translation.override("en"):
        words = times.time_words()
    assert words["weekdays"].split("|")[0] == "Monday" and len(words["months"].split("|")) == 12


def test_labels_of_user_agents():
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
    edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0"
    assert (
        describe_user_agent(firefox),
        describe_user_agent(edge),
        describe_user_agent("curl/8.5"),
        describe_user_agent(""),
    ) == (
        "Firefox, Linux",
        "Edge, Windows",
        "curl/8.5",
        "",
    )


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_short_names_of_months_are_the_same_in_scripts_and_templates(language):
    with translation.override(language):
        names = times.time_words()["months-short"].split("|")
        assert names == [dateformat.format(date(2026, month, 12), "M") for month in range(1, 13)]
        assert language != "en" or names[10] == "Nov"
