"""Grouping, faces and the wording of lines: what the server and the scripts must do alike."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from accounts.schemas import UserSchema
from chat.schemas import MentionSchema, MineSchema, SystemEvent
from chat.text import language
from chat.view_models import message_log, template_samples, times
from chat.view_models.message_log import Stamp, grouped, marked, name_list
from messenger.core.initials import hue, initials_for
from messenger.core.user_agents import describe_user_agent

HERE = Path(__file__).resolve().parent.parent
GROUPING = json.loads((HERE / "shared_cases/grouping.json").read_text())
FACES = json.loads((HERE / "shared_cases/initials.json").read_text())
LANGS = json.loads((HERE / "shared_cases/languages.json").read_text())
BIG = json.loads((HERE / "shared_cases/emoji_only.json").read_text())


@pytest.mark.parametrize("case", GROUPING, ids=lambda case: case["name"])
def test_groups(case):
    zone = ZoneInfo(case["zone"])
    stamps = [
        Stamp(
            line["sender"],
            datetime.fromisoformat(line["at"]).astimezone(zone),
            line["kind"] == "text",
            line.get("unread_before", False),
        )
        for line in case["lines"]
    ]
    wanted = [{"pause_before": False} | place for place in case["expect"]]
    assert [dataclasses.asdict(place) for place in grouped(stamps)] == wanted


@pytest.mark.parametrize("case", FACES, ids=lambda case: case["name"] or "nothing")
def test_faces(case):
    assert initials_for(case["name"])._asdict() == {name: case[name] for name in ("initial", "second", "lang")}


@pytest.mark.parametrize("case", LANGS, ids=lambda case: case["text"] or "nothing")
def test_in_which_language_a_text_is_set(case):
    assert language.lang_of(case["text"]) == case["lang"]


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
def test_a_language_is_said_only_where_the_page_is_set_otherwise(text, page, said):
    assert language.lang_for(text, page) == said


@pytest.mark.parametrize("case", BIG, ids=lambda case: case["text"] or "nothing")
def test_which_texts_are_set_big(case):
    assert language.is_big(case["text"]) == case["big"]


def test_every_colour_is_used():
    assert (hue(123), hue(123, room=True)) == (3, 8)
    assert {hue(number) for number in range(20)} == set(range(10))


def text(seq: int, sender: int = 1, at: str = "2026-11-21T09:00:00.000Z", **fields):
    message = template_samples.everything()["blank_line"].message
    values = {"id": seq, "seq": seq, "sender": UserSchema(sender, f"u{sender}", f"U{sender}"), "created_at": at}
    return type(message)(**{name: getattr(message, name) for name in message.__struct_fields__} | values | fields)


def unread(read_seq: int, count: int) -> MineSchema:
    return MineSchema("member", read_seq, count, 0, False, "all", False, False, "", 0)


@pytest.mark.parametrize(
    ("read_seq", "count", "from_start", "stands_above"),
    [
        (1, 2, True, 2),
        (0, 3, True, 1),
        (3, 0, True, None),
        (1, 2, False, 2),  # the mark is on this page
        (0, 3, False, 1),  # just above it
    ],
)
def test_the_unread_line(read_seq, count, from_start, stands_above):
    drawn = message_log.lines(
        [text(seq) for seq in (1, 2, 3)], me=9, mine=unread(read_seq, count), from_start=from_start
    )
    assert [line.message.seq for line in drawn if line.unread] == ([stands_above] if stands_above else [])


def test_no_unread_line_where_its_place_is_further_up():
    drawn = message_log.lines([text(seq) for seq in (7, 8)], me=9, mine=unread(3, 5), from_start=False)
    assert not any(line.unread for line in drawn)


def test_the_unread_line_passes_over_ones_own_and_system_lines():
    came = text(3, kind="system", event=SystemEvent("joined", 1))
    drawn = message_log.lines([text(1), text(2, sender=9), came, text(4)], me=9, mine=unread(1, 1))
    assert [line.message.seq for line in drawn if line.unread] == [4]


@pytest.mark.parametrize(
    ("sender", "mentioned", "expected"), [(1, [9], True), (1, [None], True), (1, [2], False), (9, [None], False)]
)
def test_what_is_for_me(sender, mentioned, expected):
    message = text(1, sender, mentions=[MentionSchema(pk, 0, 2) for pk in mentioned])
    assert message_log.is_for(message, 9) is expected


def test_my_mentions_are_marked_and_no_others():
    html = (
        '<p><span class="mention" data-user-id="9">@me</span> <span class="mention" data-user-id="99">@you</span></p>'
    )
    assert marked(html, 9).count("mention me") == 1
    assert 'class="mention me" data-user-id="9"' in marked(html, 9)


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
def test_lists_of_names(names, words):
    assert name_list(names) == words


@pytest.mark.parametrize(
    ("event", "kind", "actor", "users"),
    [
        (SystemEvent("joined", 1, [1]), "joined", "U1", ""),
        (SystemEvent("joined", 1, [2, 9]), "added", "U1", "U2 and you"),
        (SystemEvent("joined", 9, [2]), "added", "You", "U2"),
        (SystemEvent("left", 1, [1]), "left", "U1", ""),
        (SystemEvent("announced", 1, [], "old", None), "unannounced", "U1", ""),
        (SystemEvent("announced", 1, [], None, "new"), "announced", "U1", ""),
    ],
)
def test_system_lines(event, kind, actor, users):
    told = message_log.event(text(1, kind="system", event=event), 9, {1: "U1", 2: "U2"})
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
def test_days(day, words):
    assert times.day_label(day, date(2026, 11, 21)) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-11-21T08:05:00.000Z", "09:05"),
        ("2026-11-20T22:59:00.000Z", "Fri"),
        ("2026-11-20T23:00:00.000Z", "00:00"),  # today already, in Berlin
        ("2026-11-15T12:00:00.000Z", "Sun"),
        ("2026-11-14T12:00:00.000Z", "14 Nov"),
        ("2025-11-21T12:00:00.000Z", "21 Nov 2025"),
    ],
)
def test_times_in_the_readers_zone(at, words):
    with timezone.override("Europe/Berlin"):
        now = timezone.localtime(datetime(2026, 11, 21, 9, 0, tzinfo=UTC))
        assert times.brief(times.parse(at), now) == words


def test_scripts_are_told_all_the_words():
    with translation.override("en"):
        words = times.time_words()
    assert words["weekdays"].split("|")[0] == "Monday" and len(words["months"].split("|")) == 12


def test_devices():
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
