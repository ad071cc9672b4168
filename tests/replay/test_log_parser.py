"""Tests of the parser of recorded IRC chat logs (text files with one line for each message).

It reads each line as a message, a join or a leave of a user, or counts it as skipped.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from accounts.usernames.rules import normalize_username
from tools.irc_replay import log_parser

DAY = Path(__file__).parent / "day.txt"


@pytest.fixture
def read_lines(tmp_path):
    def read_lines(*lines: str) -> log_parser.DayLog:
        file = tmp_path / "a-day.txt"
        file.write_bytes("\n".join(lines).encode())
        return log_parser.read_log(file)

    return read_lines


def list_entries(day: log_parser.DayLog) -> list[tuple[str, str, str]]:
    return [(entry.kind, entry.nick, entry.text) for entry in day.entries]


def test_messages_and_actions_are_read(read_lines):
    day = read_lines("[09:03] <MKR> a  b ", "[09:03]  * MKR waves", "=== MKR wonders", "=== kim <debian> by <kim>")
    assert list_entries(day) == [
        ("message", "MKR", "a  b "),
        ("message", "MKR", "*waves*"),
        ("message", "MKR", "*wonders*"),
        ("message", "kim", "*<debian> by <kim>*"),
    ]
    assert day.title == "a-day" and day.nicks == ["MKR", "kim"] and not day.skipped


def test_joins_and_leaves_of_users_with_messages_are_kept(read_lines):
    day = read_lines(
        "=== joe [n=joe@example.org]  has joined #Ubuntu",
        "[09:03] <joe> hi",
        '=== joe [n=joe@example.org]  has left #ubuntu ["has joined"]',
        "=== silent [x]  has joined #ubuntu",
        "=== joe is now known as jim",
        "=== mode/#ubuntu [+o LjL]  by ChanServ",
        "=== Topic for #ubuntu: none",
        "",
        "what is this?",
    )
    assert list_entries(day) == [("join", "joe", ""), ("message", "joe", "hi"), ("leave", "joe", "")]
    assert sum(day.skipped.values()) == 5


def test_time_never_goes_back(read_lines):
    day = read_lines("[23:58] <a> 1", "[23:58] <a> 2", "[00:10] <a> 3", "[00:09] <a> 4", "[00:12] <a> 5")
    assert [entry.at for entry in day.entries] == [0, 30, 720, 750, 840]


def test_invalid_utf8_is_replaced(tmp_path):
    file = tmp_path / "x.txt"
    file.write_bytes(b"[10:00] <a> caf\xe9\n[10:00] <a> nul\x00\n[10:00] <a> \x02\x03\n")
    day = log_parser.read_log(file)
    assert list_entries(day) == [("message", "a", "caf�")]
    assert sum(day.skipped.values()) == 2


def test_the_sample_day_is_read_completely():
    day = log_parser.read_log(DAY)
    assert day.message_count == 60
    assert dict(day.skipped) == {
        "lines without a visible character": 2,
        "notices (mode, topic, new name)": 2,
        "joins and leaves of nicks without messages": 2,
    }
    dated_lines = [line for line in DAY.read_text().splitlines() if line.startswith("[")]
    assert day.message_count == len(dated_lines) - 2 + 1  # two without text; one action without a time


@pytest.mark.parametrize(
    ("nick", "name"),
    [
        ("alice", "alice"),
        ("[away]joe|", "away_joe"),
        ("`", "nick"),
        ("a", "a2"),
        ("-x-", "x2"),
        ("小千", "nick"),
        ("x" * 40, "x" * 30),
        ("Shawn|i7-720QM", "Shawn_i7-720QM"),
    ],
)
def test_username_candidates_are_valid_and_distinct(nick, name):
    candidates = list(islice(log_parser.username_candidates(nick), 12))
    assert candidates[0] == name
    assert len(set(candidates)) == 12
    for candidate in candidates:
        normalize_username(candidate)
