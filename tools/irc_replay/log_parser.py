"""Parses the log file of one recorded IRC day.

The lines look like `[HH:MM] <nick> text`, `[HH:MM] * nick does something` or `=== nick has joined #channel`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

MAX_TITLE_LENGTH, MAX_USERNAME_LENGTH = 80, 30  # the limits of the server

_MESSAGE = re.compile(r"\[(\d\d):(\d\d)\]\s+<([^>]+)> ?(.*)")
_ACTION = re.compile(r"\[(\d\d):(\d\d)\]\s+\* (\S+) (.*)")
_MEMBERSHIP = re.compile(r"=== (\S+) .*\bhas (joined|left) [#&]\S+.*")
_NOTICE = re.compile(r"=== (?:\S+ is now known as \S+.*|(?:mode/|Topic |topic )\S*.*)")
_OLD_ACTION = re.compile(r"=== (\S+) +(.*)")  # as older logs write it
_NOT_IN_USERNAMES = re.compile(r"[^A-Za-z0-9_.-]")

EntryKind = Literal["message", "join", "leave"]


@dataclass(frozen=True)
class LogEntry:
    kind: EntryKind
    nick: str
    text: str  # of a message; otherwise empty
    at: float  # seconds since the first minute of the file


@dataclass
class DayLog:
    title: str
    entries: list[LogEntry]
    skipped: Counter[str]  # number of skipped lines by reason

    @property
    def nicks(self) -> list[str]:
        """Returns the IRC nicks (names of users) that wrote a message, in the order of their first message."""
        return list(dict.fromkeys(entry.nick for entry in self.entries if entry.kind == "message"))

    @property
    def message_count(self) -> int:
        return sum(entry.kind == "message" for entry in self.entries)


def read_log(file: Path) -> DayLog:
    """Parses the log file of one recorded IRC day. Replaces invalid UTF-8 with �.

    Leaves out joins and leaves of nicks that wrote no message. `DayLog.skipped` counts the lines that are left out, by
    reason.
    """
    skipped: Counter[str] = Counter()
    lines = file.read_text("utf-8", errors="replace").splitlines()
    entries = list(_spread_over_minutes(_parse_lines(lines, skipped)))
    nicks_with_messages = {entry.nick for entry in entries if entry.kind == "message"}
    kept = [entry for entry in entries if entry.nick in nicks_with_messages]
    skipped["joins and leaves of nicks without messages"] += len(entries) - len(kept)
    return DayLog(file.stem[:MAX_TITLE_LENGTH], kept, +skipped)


_RawEntry = tuple[EntryKind, str, str, int]  # kind, nick, text, minute


def _parse_lines(lines: list[str], skipped: Counter[str]) -> Iterator[_RawEntry]:
    minute = previous_minute = midnights = 0
    for line in lines:
        message = _MESSAGE.fullmatch(line)
        if match := message or _ACTION.fullmatch(line):
            minute_of_day = int(match[1]) * 60 + int(match[2])
            # If the time jumps back by more than 12 hours, it is midnight. By less: somebody corrected the clock.
            if minute_of_day < previous_minute - 720:
                midnights += 1
            minute, previous_minute = max(minute, minute_of_day + midnights * 1440), minute_of_day
            text = match[4] if message else f"*{match[4]}*"
            if is_blank(text):
                skipped["lines without a visible character"] += 1
            else:
                yield "message", match[3].strip(), text, minute
        elif match := _MEMBERSHIP.fullmatch(line):
            yield "join" if match[2] == "joined" else "leave", match[1], "", minute
        elif _NOTICE.fullmatch(line):
            skipped["notices (mode, topic, new name)"] += 1
        elif match := _OLD_ACTION.fullmatch(line):
            yield "message", match[1], f"*{match[2]}*", minute
        elif line.strip():
            skipped["unknown lines"] += 1


def _spread_over_minutes(raw_entries: Iterator[_RawEntry]) -> Iterator[LogEntry]:
    """Yields the log entries, each with a time in seconds since the first minute of the log.

    The log contains only hours and minutes, so the entries of one minute are spread evenly over that minute.
    """
    rows = list(raw_entries)
    entries_in_minute = Counter(row[3] for row in rows)
    index_in_minute: Counter[int] = Counter()
    for kind, nick, text, minute in rows:
        at = (minute - rows[0][3]) * 60 + 60 * index_in_minute[minute] / entries_in_minute[minute]
        index_in_minute[minute] += 1
        yield LogEntry(kind, nick, text, at)


def is_blank(text: str) -> bool:
    """Returns whether the text cannot be sent as a message.

    That is so if it has no visible character, or contains the character NUL, which the server does not store.
    """
    return "\0" in text or all(unicodedata.category(char)[0] in "CZ" for char in text)


def username_candidates(nick: str) -> Iterator[str]:
    """Yields valid user names for an IRC nick, the best first.

    For `[away]joe|` it yields `away_joe`, `away_joe2`, …
    """
    base = _NOT_IN_USERNAMES.sub("_", unicodedata.normalize("NFKC", nick)).strip("._-") or "nick"
    for number in count(1):
        suffix = "" if number == 1 else str(number)
        name = base[: MAX_USERNAME_LENGTH - len(suffix)] + suffix
        if len(name) > 1:
            yield name
