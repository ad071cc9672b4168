"""Reads a recorded day: `[HH:MM] <nick> text`, `[HH:MM] * nick does`, `=== nick has joined #channel`, …"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

LONGEST_TITLE, LONGEST_NAME = 80, 30

_SAYS = re.compile(r"\[(\d\d):(\d\d)\]\s+<([^>]+)> ?(.*)")
_DOES = re.compile(r"\[(\d\d):(\d\d)\]\s+\* (\S+) (.*)")
_COMES = re.compile(r"=== (\S+) .*\bhas (joined|left) [#&]\S+.*")
_NOTICE = re.compile(r"=== (?:\S+ is now known as \S+.*|(?:mode/|Topic |topic )\S*.*)")
_OLD_DOES = re.compile(r"=== (\S+) +(.*)")
_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True)
class Happening:
    what: Literal["says", "joins", "leaves"]
    nick: str
    text: str
    at: float  # seconds since the first minute of the file


@dataclass
class Day:
    title: str
    happenings: list[Happening]
    skipped: Counter[str]  # why → how many lines

    @property
    def nicks(self) -> list[str]:
        """Whoever says something, in the order of speaking."""
        return list(dict.fromkeys(each.nick for each in self.happenings if each.what == "says"))

    @property
    def lines(self) -> int:
        return sum(each.what == "says" for each in self.happenings)


def read(file: Path) -> Day:
    """The day of this file. Bytes that are no UTF-8 become �; nothing that somebody said is left out."""
    skipped: Counter[str] = Counter()
    happenings = list(_spread(_parsed(file.read_text("utf-8", errors="replace").splitlines(), skipped)))
    speaking = {each.nick for each in happenings if each.what == "says"}
    kept = [each for each in happenings if each.nick in speaking]
    skipped["comings and goings of people who say nothing"] += len(happenings) - len(kept)
    return Day(file.stem[:LONGEST_TITLE], kept, +skipped)


_Raw = tuple[Literal["says", "joins", "leaves"], str, str, int]


def _parsed(lines: list[str], skipped: Counter[str]) -> Iterator[_Raw]:
    minute = previous = midnights = 0
    for line in lines:
        said = _SAYS.fullmatch(line)
        if match := said or _DOES.fullmatch(line):
            now = int(match[1]) * 60 + int(match[2])
            if now < previous - 720:  # past midnight, and not a clock that was put right
                midnights += 1
            minute, previous = max(minute, now + midnights * 1440), now
            text = match[4] if said else f"*{match[4]}*"
            if is_blank(text):
                skipped["lines without a visible character"] += 1
            else:
                yield "says", match[3].strip(), text, minute
        elif match := _COMES.fullmatch(line):
            yield "joins" if match[2] == "joined" else "leaves", match[1], "", minute
        elif _NOTICE.fullmatch(line):
            skipped["notices (mode, topic, new name)"] += 1
        elif match := _OLD_DOES.fullmatch(line):
            yield "says", match[1], f"*{match[2]}*", minute
        elif line.strip():
            skipped["lines that are none"] += 1


def _spread(parsed: Iterator[_Raw]) -> Iterator[Happening]:
    """Recorded to the minute: what was said in one minute is spread over it."""
    rows = list(parsed)
    of_minute = Counter(row[3] for row in rows)
    place: Counter[int] = Counter()
    for what, nick, text, minute in rows:
        at = (minute - rows[0][3]) * 60 + 60 * place[minute] / of_minute[minute]
        place[minute] += 1
        yield Happening(what, nick, text, at)


def is_blank(text: str) -> bool:
    """Nothing that a reader could see, or something that no server stores."""
    return "\0" in text or all(unicodedata.category(char)[0] in "CZ" for char in text)


def names(nick: str) -> Iterator[str]:
    """User names for a nick, best first: `[away]joe|` is `away_joe`, then `away_joe2`, …"""
    bare = _NO_NAME.sub("_", unicodedata.normalize("NFKC", nick)).strip("._-") or "nick"
    for number in count(1):
        ending = "" if number == 1 else str(number)
        name = bare[: LONGEST_NAME - len(ending)] + ending
        if len(name) > 1:
            yield name
