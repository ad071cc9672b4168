"""Parses the demo texts: users from people.txt, conversations with their messages and actions from conversations/*.txt.

A conversation begins with lines of `key value` (`group` or `pair`; owner, admins, members; about, favourite, muted,
draft, unread) up to an empty line. Then come times, and below each time what happened, one item per line:

    26 days ago, 09:12                     also: `40 minutes ago`, `2 days before 3 Sundays ago, 18:00`
    (7 minutes later)                      a pause
    alice #plan: The plan.                 a message; `#plan` is a tag to refer to it
    | Its second line.
      + 👍 bob carol                       what was done to this message: reactions,
      = The better plan.                   an edit,
      * pinned by alice                    a pin,
      ! bob: rude                          a report,
      - recalled                           its deletion (`- hidden`: by the moderator, who settles its reports)
    bob re plan: I like it.                a reply; `re 1` replies to the previous message
    * alice adds dave                      other actions: adds, announces, renames, forwards, leaves
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

DEMO_DIR = Path(__file__).parent
FOLLOW_UPS = {"+": "reaction", "=": "edit", "*": "pin", "!": "report", "-": "removal"}

_MESSAGE = re.compile(r"(\S+)(?: #(\w+))?(?: re (\w+))?:(?: (.*))?")
_ACTION = re.compile(r"\* (\S+) (adds|announces|renames|forwards|leaves)(?:: | )?(.*)")
_MINUTES = re.compile(r"(\d+) (minutes|hours?) ago")
_DAYS = re.compile(r"(\d+) days? ago, (\d\d):(\d\d)")
_SUNDAYS = re.compile(r"(?:(\d+) days? before )?(\d+) Sundays? ago, (\d\d):(\d\d)")
_PAUSE = re.compile(r"\((\d+) minutes later\)")


class DemoSyntaxError(ValueError):
    """Raised for an invalid line in a file of a demo conversation. The error text has the file name and line number."""


@dataclass
class DemoUser:
    username: str
    name: str
    language: str
    about: str


@dataclass
class DemoMessage:
    """A text message of a demo conversation. `number` is its position in the conversation, counted from 0."""

    number: int
    at: datetime
    username: str
    body: str
    tag: str = ""
    reply_to_number: int | None = None


@dataclass
class DemoAction:
    """Something that happens in a demo conversation and is not a text message, for example a reaction or a new member.

    `message_number` is the number of the message that the action changes, or None if the action changes the
    conversation.
    """

    at: datetime
    username: str
    kind: str  # a value of FOLLOW_UPS, or a verb of the file format: "adds", "leaves", …
    text: str = ""
    message_number: int | None = None


@dataclass
class DemoSession:
    """A period of a demo conversation with messages that follow each other closely.

    After it ends, the other members read its messages.
    """

    ends_at: datetime


@dataclass
class DemoConversation:
    name: str  # of the file
    kind: str  # "group" or "direct"
    title: str
    usernames: list[str]  # the owner of a group first
    admins: list[str]
    about: str
    begins_at: datetime
    favourite: list[str]
    muted: list[str]
    drafts: dict[str, str]
    unread: dict[str, int]  # number of unread messages by user name
    messages: list[DemoMessage] = field(default_factory=list)
    actions: list[DemoAction] = field(default_factory=list)
    sessions: list[DemoSession] = field(default_factory=list)

    def first_unread_number(self, username: str) -> int:
        """Returns the number of the first message that the user `username` has not read.

        If the user has read all messages, returns the number that the next message would have.
        """
        unread_count = self.unread.get(username, 0)
        if not unread_count:
            return len(self.messages)
        return [message.number for message in self.messages if message.username != username][-unread_count]


def parse_users() -> list[DemoUser]:
    lines = (DEMO_DIR / "people.txt").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line and not line.startswith("#")]
    return [DemoUser(*row) for row in rows]


def parse_conversations(now: datetime) -> list[DemoConversation]:
    """Parses all demo conversations and returns them.

    All their times are before `now`. Times of day in the files are in the time zone of `now`.
    """
    return [ConversationParser(file, now).parse() for file in sorted((DEMO_DIR / "conversations").glob("*.txt"))]


class ConversationParser:
    def __init__(self, file: Path, now: datetime):
        self.name, self.now = file.stem, now
        self.numbered_lines = iter(enumerate(file.read_text("utf-8").splitlines(), 1))
        self.line_number = 0
        # A fixed seed, so that every run creates the same demo.
        self.random = Random(self.name)
        self.clock = datetime.min.replace(tzinfo=now.tzinfo)

    def parse(self) -> DemoConversation:
        conversation = self._parse_header()
        for line in self._lines():
            if not line:
                continue
            if time := self._parse_time(line):
                self._end_session(conversation)
                self.clock = max(time, self.clock + timedelta(minutes=1))
            elif match := _PAUSE.fullmatch(line):
                self.clock += timedelta(minutes=int(match[1]))
            elif match := _ACTION.fullmatch(line):
                self._advance_clock(5, 40)
                conversation.actions.append(DemoAction(self.clock, match[1], match[2], match[3]))
            elif line.startswith("  ") and line[2:3] in FOLLOW_UPS:
                self._add_follow_up(conversation, FOLLOW_UPS[line[2]], line[4:])
            elif line.startswith("| "):
                message = conversation.messages[-1]
                message.body = f"{message.body}\n{line[2:].rstrip()}".lstrip("\n")
            elif match := _MESSAGE.fullmatch(line):
                self._add_message(conversation, *match.groups())
            else:
                raise self._syntax_error(line)
        self._end_session(conversation)
        items: list[DemoMessage | DemoAction] = [*conversation.messages, *conversation.actions]
        conversation.begins_at = min(item.at for item in items) - timedelta(minutes=3)
        return conversation

    def _lines(self) -> Iterator[str]:
        for line_number, line in self.numbered_lines:
            self.line_number = line_number
            yield line.rstrip() if line != "| " else line

    def _syntax_error(self, detail: str) -> DemoSyntaxError:
        return DemoSyntaxError(f"{self.name}, line {self.line_number}: {detail}")

    def _parse_header(self) -> DemoConversation:
        header: dict[str, str] = {}
        drafts = {}
        for line in self._lines():
            if not line:
                break
            key, _, value = line.partition(" ")
            if key == "draft":
                username, _, text = value.partition(": ")
                drafts[username] = text
            else:
                header[key] = value
        is_direct = "pair" in header
        list_keys = ("admins", "members", "favourite", "muted")
        lists = {key: header.get(key, "").replace(",", " ").split() for key in list_keys}
        unread = (entry.split() for entry in header.get("unread", "").split(",") if entry.strip())
        return DemoConversation(
            name=self.name,
            kind="direct" if is_direct else "group",
            title=header.get("group", ""),
            usernames=header["pair"].split() if is_direct else [header["owner"], *lists["admins"], *lists["members"]],
            admins=lists["admins"],
            about=header.get("about", ""),
            begins_at=self.now,
            favourite=lists["favourite"],
            muted=lists["muted"],
            drafts=drafts,
            unread={username: int(count) for username, count in unread},
        )

    # ── Times ────────────────────────────────────────────────────────────────────────────────────────────────────
    def _parse_time(self, line: str) -> datetime | None:
        if match := _MINUTES.fullmatch(line):
            return self.now - timedelta(minutes=int(match[1]) * (1 if match[2] == "minutes" else 60))
        if match := _DAYS.fullmatch(line):
            return self._days_ago(int(match[1]), int(match[2]), int(match[3]))
        if match := _SUNDAYS.fullmatch(line):
            days_since_sunday = self.now.isoweekday() % 7 or 7  # if `now` is a Sunday, counts from the Sunday before
            days = days_since_sunday + 7 * (int(match[2]) - 1) + int(match[1] or 0)
            return self._days_ago(days, int(match[3]), int(match[4]))
        return None

    def _days_ago(self, days: int, hour: int, minute: int) -> datetime:
        return (self.now - timedelta(days=days)).replace(hour=hour, minute=minute, second=11, microsecond=0)

    def _advance_clock(self, min_seconds: float, max_seconds: float) -> None:
        self.clock += timedelta(seconds=self.random.uniform(min_seconds, max_seconds))

    def _end_session(self, conversation: DemoConversation) -> None:
        if conversation.messages:
            conversation.sessions.append(DemoSession(self.clock))

    # ── Messages and actions ─────────────────────────────────────────────────────────────────────────────────────
    def _add_message(
        self, conversation: DemoConversation, username: str, tag: str | None, reply_to: str | None, body: str | None
    ) -> None:
        body = body or ""
        self._advance_clock(12, 35)
        self.clock += timedelta(seconds=min(len(body) / 6, 60))  # how long typing this message takes
        number = len(conversation.messages)
        reply_to_number = self._find_message_number(conversation, reply_to)
        conversation.messages.append(DemoMessage(number, self.clock, username, body, tag or "", reply_to_number))

    def _find_message_number(self, conversation: DemoConversation, reference: str | None) -> int | None:
        """Returns the number of the message to which a message replies.

        `reference` is the tag of that message, or a number n for the n-th message before. Returns None if `reference`
        is None.
        """
        if reference is None:
            return None
        if reference.isdecimal():
            return len(conversation.messages) - int(reference)
        for message in conversation.messages:
            if message.tag == reference:
                return message.number
        raise self._syntax_error(f"there is no #{reference}")

    def _add_follow_up(self, conversation: DemoConversation, kind: str, argument: str) -> None:
        """Adds an action (such as a reaction or an edit) on the last message that was parsed.

        The time of the action is soon after this message, maybe after messages that come later in the file.
        """
        message = conversation.messages[-1]
        at = self.clock

        def add(username: str, text: str, max_seconds: float = 90) -> None:
            nonlocal at
            at = min(at + timedelta(seconds=self.random.uniform(3, max_seconds)), self.now)
            conversation.actions.append(DemoAction(at, username, kind, text, message.number))

        if kind == "reaction":
            emoji, *usernames = argument.split()
            for username in usernames:
                add(username, emoji, 40)
        elif kind == "pin":
            add(argument.removeprefix("pinned by "), "")
        elif kind == "report":
            username, _, reason = argument.partition(": ")
            add(username, reason)
        else:  # an edit or removal, usually by the sender, after the other actions
            at += timedelta(minutes=2)
            add("moderator" if argument == "hidden" else message.username, argument)
