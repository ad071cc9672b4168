"""Reads the talks: who says what, when, and what becomes of it.

A talk begins with lines of `key value` (`group` or `pair`; owner, admins, members; about, favourite, muted, draft,
unread), ended by an empty line. Then come times, and under each of them what happened, one thing a line:

    26 days ago, 09:12                     also: `40 minutes ago`, `2 days before 3 Sundays ago, 18:00`
    (7 minutes later)                      a pause
    alice #plan: The plan.                 a message; `#plan` is a name to come back to
    | Its second line.
      + 👍 bob carol                       what became of it: reactions,
      = The better plan.                   an edit,
      * pinned by alice                    a pin,
      ! bob: rude                          a report,
      - recalled                           its end (`- hidden`: by the moderator, who settles what was reported)
    bob re plan: I like it.                an answer; `re 1` answers the message before
    * alice adds dave                      other deeds: adds, announces, renames, forwards, leaves
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
FOLLOW_UPS = {"+": "reaction", "=": "edit", "*": "pin", "!": "report", "-": "end"}

_MESSAGE = re.compile(r"(\S+)(?: #(\w+))?(?: re (\w+))?:(?: (.*))?")
_DEED = re.compile(r"\* (\S+) (adds|announces|renames|forwards|leaves)(?:: | )?(.*)")
_MINUTES = re.compile(r"(\d+) (minutes|hours?) ago")
_DAYS = re.compile(r"(\d+) days? ago, (\d\d):(\d\d)")
_SUNDAYS = re.compile(r"(?:(\d+) days? before )?(\d+) Sundays? ago, (\d\d):(\d\d)")
_PAUSE = re.compile(r"\((\d+) minutes later\)")


class ScriptError(ValueError):
    """A talk that makes no sense; says where."""


@dataclass
class Person:
    username: str
    name: str
    language: str
    about: str


@dataclass
class Message:
    """One text. `number` counts the texts of its talk, from 0."""

    number: int
    at: datetime
    by: str
    body: str
    tag: str = ""
    answers: int | None = None  # the number of the message that it answers


@dataclass
class Deed:
    """Anything that is no new text. `of`: the number of the message that it is done to."""

    at: datetime
    by: str
    what: str
    words: str = ""
    of: int | None = None


@dataclass
class Session:
    """Messages that belong together. Afterwards the others read them."""

    ends: datetime


@dataclass
class Talk:
    name: str
    kind: str
    title: str
    people: list[str]  # the owner of a group first
    admins: list[str]
    about: str
    begins: datetime
    favourite: list[str]
    muted: list[str]
    drafts: dict[str, str]
    unread: dict[str, int]
    messages: list[Message] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    def reads_up_to(self, name: str) -> int:
        """The number of the first text that this person is not to have read; as many as there are where all is read."""
        wanted = self.unread.get(name, 0)
        if not wanted:
            return len(self.messages)
        return [message.number for message in self.messages if message.by != name][-wanted]


def people() -> list[Person]:
    lines = (HERE / "people.txt").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line and not line.startswith("#")]
    return [Person(*row) for row in rows]


def talks(now: datetime) -> list[Talk]:
    """All of them, as they would have been held before `now`, which is in the zone of whoever lives here."""
    return [_Reader(file, now).read() for file in sorted((HERE / "talks").glob("*.txt"))]


class _Reader:
    def __init__(self, file: Path, now: datetime):
        self.name, self.now = file.stem, now
        self.lines = iter(enumerate(file.read_text("utf-8").splitlines(), 1))
        self.line = 0
        # The same jitter each time: a demo that somebody describes is the demo that another sees.
        self.random = Random(self.name)
        self.clock = datetime.min.replace(tzinfo=now.tzinfo)

    def read(self) -> Talk:
        talk = self._head()
        for text in self._lines():
            if not text:
                continue
            if moment := self._moment(text):
                self._end_session(talk)
                self.clock = max(moment, self.clock + timedelta(minutes=1))
            elif match := _PAUSE.fullmatch(text):
                self.clock += timedelta(minutes=int(match[1]))
            elif match := _DEED.fullmatch(text):
                self._wait(5, 40)
                talk.deeds.append(Deed(self.clock, match[1], match[2], match[3]))
            elif text.startswith("  ") and text[2:3] in FOLLOW_UPS:
                self._follow_up(talk, FOLLOW_UPS[text[2]], text[4:])
            elif text.startswith("| "):
                message = talk.messages[-1]
                message.body = f"{message.body}\n{text[2:].rstrip()}".lstrip("\n")
            elif match := _MESSAGE.fullmatch(text):
                self._message(talk, *match.groups())
            else:
                raise self._wrong(text)
        self._end_session(talk)
        first: list[Message | Deed] = [*talk.messages, *talk.deeds]
        talk.begins = min(each.at for each in first) - timedelta(minutes=3)
        return talk

    def _lines(self) -> Iterator[str]:
        for number, text in self.lines:
            self.line = number
            yield text.rstrip() if text != "| " else text

    def _wrong(self, text: str) -> ScriptError:
        return ScriptError(f"{self.name}, line {self.line}: {text}")

    def _head(self) -> Talk:
        head: dict[str, str] = {}
        drafts = {}
        for text in self._lines():
            if not text:
                break
            key, _, value = text.partition(" ")
            if key == "draft":
                name, _, words = value.partition(": ")
                drafts[name] = words
            else:
                head[key] = value
        kind = "pair" if "pair" in head else "group"
        several = ("admins", "members", "favourite", "muted")
        listed = {key: head.get(key, "").replace(",", " ").split() for key in several}
        unread = (entry.split() for entry in head.get("unread", "").split(",") if entry.strip())
        return Talk(
            name=self.name,
            kind=kind,
            title=head.get("group", ""),
            people=head["pair"].split() if kind == "pair" else [head["owner"], *listed["admins"], *listed["members"]],
            admins=listed["admins"],
            about=head.get("about", ""),
            begins=self.now,
            favourite=listed["favourite"],
            muted=listed["muted"],
            drafts=drafts,
            unread={name: int(count) for name, count in unread},
        )

    # ── When ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _moment(self, text: str) -> datetime | None:
        if match := _MINUTES.fullmatch(text):
            return self.now - timedelta(minutes=int(match[1]) * (1 if match[2] == "minutes" else 60))
        if match := _DAYS.fullmatch(text):
            return self._day(int(match[1]), int(match[2]), int(match[3]))
        if match := _SUNDAYS.fullmatch(text):
            last = self.now.isoweekday() % 7 or 7  # days since the last Sunday that is over
            days = last + 7 * (int(match[2]) - 1) + int(match[1] or 0)
            return self._day(days, int(match[3]), int(match[4]))
        return None

    def _day(self, days: int, hour: int, minute: int) -> datetime:
        return (self.now - timedelta(days=days)).replace(hour=hour, minute=minute, second=11, microsecond=0)

    def _wait(self, least: float, most: float) -> None:
        self.clock += timedelta(seconds=self.random.uniform(least, most))

    def _end_session(self, talk: Talk) -> None:
        if talk.messages:
            talk.sessions.append(Session(self.clock))

    # ── What ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _message(self, talk: Talk, by: str, tag: str | None, answers: str | None, words: str | None) -> None:
        words = words or ""
        self._wait(12, 35)
        self.clock += timedelta(seconds=min(len(words) / 6, 60))  # it has to be typed
        number = len(talk.messages)
        talk.messages.append(Message(number, self.clock, by, words, tag or "", self._answered(talk, answers)))

    def _answered(self, talk: Talk, answers: str | None) -> int | None:
        if answers is None:
            return None
        if answers.isdecimal():
            return len(talk.messages) - int(answers)
        for message in talk.messages:
            if message.tag == answers:
                return message.number
        raise self._wrong(f"there is no #{answers}")

    def _follow_up(self, talk: Talk, what: str, words: str) -> None:
        """What is done to the last message happens soon after it; the talk may have gone on meanwhile."""
        message = talk.messages[-1]
        at = self.clock

        def later(by: str, words: str, most: float = 90) -> None:
            nonlocal at
            at = min(at + timedelta(seconds=self.random.uniform(3, most)), self.now)
            talk.deeds.append(Deed(at, by, what, words, message.number))

        if what == "reaction":
            emoji, *names = words.split()
            for name in names:
                later(name, emoji, 40)
        elif what == "pin":
            later(words.removeprefix("pinned by "), "")
        elif what == "report":
            name, _, reason = words.partition(": ")
            later(name, reason)
        else:  # an edit, or the end: by its writer, after all that came before
            at += timedelta(minutes=2)
            later("moderator" if words == "hidden" else message.by, words)
