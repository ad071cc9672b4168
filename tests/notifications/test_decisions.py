"""Tests of the decision about one message and one user: push, e-mail, badge or nothing, and why."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from notifications.decisions import Concern, Facts, decide, find_keyword, is_quiet_time

MENTION = {"concern": Concern.MENTION}
DIRECT = {"concern": Concern.DIRECT}


@pytest.mark.parametrize(
    "case, facts, outcome, reason",
    [
        ("a plain message", {}, "push", "notified"),
        ("a mention", MENTION, "push", "notified"),
        ("an own message", {"is_own": True, **DIRECT}, "nothing", "own"),
        ("after leaving", {"is_member": False, **MENTION}, "nothing", "not_member"),
        ("a deleted message", {"is_deleted": True, **MENTION}, "nothing", "deleted"),
        ("somebody has joined", {"is_system": True}, "nothing", "system"),
        ("the user has blocked the sender", {"is_blocked": True, **MENTION}, "nothing", "blocked"),
        ("notifications are off here", {"level": "none", **MENTION}, "nothing", "level_none"),
        ("muted", {"is_muted": True}, "nothing", "muted"),
        ("muted, direct", {"is_muted": True, **DIRECT}, "nothing", "muted"),
        ("muted, but named", {"is_muted": True, **MENTION}, "badge", "muted"),
        ("muted, everyone named", {"is_muted": True, "concern": Concern.EVERYONE}, "nothing", "muted"),
        ("mentions only", {"level": "mentions"}, "nothing", "mentions_only"),
        ("mentions only, named", {"level": "mentions", **MENTION}, "push", "notified"),
        ("mentions only, everyone", {"level": "mentions", "concern": Concern.EVERYONE}, "push", "notified"),
        ("mentions only, a reply", {"level": "mentions", "concern": Concern.REPLY}, "push", "notified"),
        ("mentions only, a keyword", {"level": "mentions", "concern": Concern.KEYWORD}, "push", "notified"),
        ("read already", {"is_read": True, **MENTION}, "nothing", "read"),
        ("on the screen", {"is_viewing": True, **MENTION}, "badge", "viewing"),
        ("do not disturb", {"is_do_not_disturb": True, **MENTION}, "badge", "do_not_disturb"),
        ("do not disturb, with e-mail", {"is_do_not_disturb": True, "wants_email": True, **MENTION}, "email",
         "do_not_disturb"),
        ("do not disturb, allowed sender", {"is_do_not_disturb": True, "is_sender_allowed": True}, "push", "allowed"),
        ("quiet hours", {"is_quiet": True}, "badge", "quiet_hours"),
        ("quiet hours, plain message, with e-mail", {"is_quiet": True, "wants_email": True}, "badge", "quiet_hours"),
        ("quiet hours, direct, with e-mail", {"is_quiet": True, "wants_email": True, **DIRECT}, "email",
         "quiet_hours"),
        ("quiet hours, allowed sender", {"is_quiet": True, "is_sender_allowed": True}, "push", "allowed"),
        ("an allowed sender does not undo a mute", {"is_muted": True, "is_sender_allowed": True}, "nothing", "muted"),
        ("an allowed sender without device", {"is_quiet": True, "is_sender_allowed": True, "has_device": False},
         "badge", "no_device"),
        ("no device", {"has_device": False}, "badge", "no_device"),
        ("no device, mention, with e-mail", {"has_device": False, "wants_email": True, **MENTION}, "email",
         "no_device"),
        ("no device, plain, with e-mail", {"has_device": False, "wants_email": True}, "badge", "no_device"),
        ("a block counts before a mute", {"is_blocked": True, "is_muted": True}, "nothing", "blocked"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)  # fmt: skip
def test_each_combination_of_facts_has_one_outcome_and_reason(case, facts, outcome, reason):
    decision = decide(Facts(**facts))
    assert (decision.outcome, decision.reason) == (outcome, reason)


NIGHTS = [{"day": day, "start": "22:00", "end": "07:00"} for day in range(5)]  # Monday to Friday evening
WEEKEND = [{"day": 5, "start": "09:00", "end": "18:00"}]


@pytest.mark.parametrize(
    "hours, moment, quiet",
    [
        (NIGHTS, "2026-11-23 21:59", False),  # a Monday
        (NIGHTS, "2026-11-23 22:00", True),
        (NIGHTS, "2026-11-24 06:59", True),
        (NIGHTS, "2026-11-24 07:00", False),
        (NIGHTS, "2026-11-23 06:59", False),  # the night from Sunday
        (NIGHTS, "2026-11-28 06:59", True),  # Saturday morning belongs to Friday
        (NIGHTS, "2026-11-28 22:30", False),
        (WEEKEND, "2026-11-28 09:00", True),
        (WEEKEND, "2026-11-28 18:00", False),
        (WEEKEND, "2026-11-29 10:00", False),
        ([{"day": 6, "start": "08:00", "end": "08:00"}], "2026-11-30 07:59", True),  # a whole day
        ([], "2026-11-28 03:00", False),
    ],
)
def test_quiet_hours_begin_on_their_weekday_and_may_last_until_the_next_day(hours, moment, quiet):
    assert is_quiet_time(hours, datetime.fromisoformat(moment)) is quiet


def test_quiet_hours_are_in_the_time_zone_of_the_user():
    moment = datetime(2026, 11, 23, 15, 0, tzinfo=ZoneInfo("UTC"))
    assert is_quiet_time(NIGHTS, moment.astimezone(ZoneInfo("Asia/Shanghai")))
    assert not is_quiet_time(NIGHTS, moment.astimezone(ZoneInfo("Europe/Zurich")))


@pytest.mark.parametrize(
    "text, keyword",
    [
        ("The Deploy is done", "deploy"),
        ("deployment", None),
        ("re-deploy!", "deploy"),
        ("我们今天发布新版本", "发布"),
        ("发 布", None),
        ("C++ is hard", "c++"),
        ("ＤＥＰＬＯＹ", None),
        ("straße", "STRASSE"),
    ],
)
def test_a_keyword_is_found_as_a_whole_word_and_anywhere_in_chinese(text, keyword):
    assert find_keyword(["deploy", "发布", "c++", "STRASSE"], text) == keyword
