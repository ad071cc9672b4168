"""Reading a recorded day: what is said, by whom, when; and nothing of it left out without a word."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from accounts.text.usernames import tidy_username
from tools.irc_replay import log_parser

DAY = Path(__file__).parent / "day.txt"


@pytest.fixture
def read(tmp_path):
    def read(*lines: str) -> log_parser.Day:
        file = tmp_path / "a-day.txt"
        file.write_bytes("\n".join(lines).encode())
        return log_parser.read(file)

    return read


def told(day: log_parser.Day) -> list[tuple[str, str, str]]:
    return [(each.what, each.nick, each.text) for each in day.happenings]


def test_what_is_said_and_done(read):
    day = read("[09:03] <MKR> a  b ", "[09:03]  * MKR waves", "=== MKR wonders", "=== kim <debian> by <kim>")
    assert told(day) == [
        ("says", "MKR", "a  b "),
        ("says", "MKR", "*waves*"),
        ("says", "MKR", "*wonders*"),
        ("says", "kim", "*<debian> by <kim>*"),
    ]
    assert day.title == "a-day" and day.nicks == ["MKR", "kim"] and not day.skipped


def test_comings_and_goings_of_those_who_speak(read):
    day = read(
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
    assert told(day) == [("joins", "joe", ""), ("says", "joe", "hi"), ("leaves", "joe", "")]
    assert sum(day.skipped.values()) == 5


def test_time_goes_forward(read):
    day = read("[23:58] <a> 1", "[23:58] <a> 2", "[00:10] <a> 3", "[00:09] <a> 4", "[00:12] <a> 5")
    assert [each.at for each in day.happenings] == [0, 30, 720, 750, 840]


def test_bytes_that_are_no_utf8_are_not_the_end(tmp_path):
    file = tmp_path / "x.txt"
    file.write_bytes(b"[10:00] <a> caf\xe9\n[10:00] <a> nul\x00\n[10:00] <a> \x02\x03\n")
    day = log_parser.read(file)
    assert told(day) == [("says", "a", "caf�")]
    assert sum(day.skipped.values()) == 2


def test_the_made_up_day_is_read_whole():
    day = log_parser.read(DAY)
    assert day.lines == 60
    assert dict(day.skipped) == {
        "lines without a visible character": 2,
        "notices (mode, topic, new name)": 2,
        "comings and goings of people who say nothing": 2,
    }
    said = [line for line in DAY.read_text().splitlines() if line.startswith("[")]
    assert day.lines == len(said) - 2 + 1  # two are blank, one is said in the older way


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
def test_names(nick, name):
    wanted = list(islice(log_parser.names(nick), 12))
    assert wanted[0] == name
    assert len(set(wanted)) == 12
    for each in wanted:
        tidy_username(each)
