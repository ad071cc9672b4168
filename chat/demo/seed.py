"""Holds the talks: through the verbs, in the order of time, with the clock set to when each thing was done."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts import moderator_group
from accounts.models import User
from chat import actions
from chat.actions.messages import members_of
from chat.actions.read_markers import Move, move_many
from chat.actions.sending import Send, Sent, send_many
from chat.demo.parser import Deed, Message, Person, Session, Talk, people, talks
from chat.models import Report
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError
from messenger.live import events

PASSWORD = "let-me-talk"
MODERATOR = "moderator"
EVERYTHING = 2**62  # a seq beyond any: a mark goes as far as there are messages
READ_AFTER = (timedelta(seconds=70), timedelta(minutes=9))  # what was said last some read at once, others later


@dataclass
class Played:
    people: list[User]
    conversations: int
    messages: int


def play(now: datetime | None = None) -> Played:
    """All of it, or, where anything fails, nothing. `now` is the moment up to which there is something to see."""
    now = now or datetime.now().astimezone()  # in the zone of this machine: mornings are mornings
    with _alone(), write_transaction(), _clock() as clock:
        held = talks(now)
        stage = _Stage(clock, _make_people(people(), held, now))
        for when, _order, do in sorted(_everything(stage, held, now), key=lambda entry: entry[:2]):
            clock.now = when
            do()
        stage.say_when_last_seen()
    return Played(list(stage.users.values()), len(held), sum(len(talk.messages) for talk in held))


# ── Another time, and nobody else ────────────────────────────────────────────────────────────────────────────────
class _Clock:
    def __init__(self, now: datetime):
        self.now = now


@contextmanager
def _clock() -> Iterator[_Clock]:
    """Every verb asks `timezone.now()` for the time. In here it is ours; the process does nothing else meanwhile."""
    real, clock = timezone.now, _Clock(timezone.now())
    timezone.now = lambda: clock.now.astimezone(real().tzinfo)
    try:
        yield clock
    finally:
        timezone.now = real


@contextmanager
def _alone() -> Iterator[None]:
    """Weeks are said in seconds: no limits. And nobody is there to be told."""
    limits, settings.LIMITS = settings.LIMITS, False
    outlet = events.set_publisher(lambda _news: None)
    try:
        yield
    finally:
        settings.LIMITS = limits
        events.set_publisher(outlet)


# ── The cast ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _make_people(cast: list[Person], held: list[Talk], now: datetime) -> dict[str, User]:
    began = min(talk.begins for talk in held) - timedelta(hours=2)
    password = make_password(PASSWORD)  # slow on purpose: once is enough
    users = [
        User(
            username=person.username,
            name=person.name,
            email=f"person{number}@example.org",
            language=person.language,
            bio=person.about,
            password=password,
            date_joined=began + timedelta(minutes=4 * number),
            is_staff=person.username == MODERATOR,
        )
        for number, person in enumerate(cast, 1)
    ]
    for user in users:
        user.full_clean(exclude=["password"])
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    made = {user.username: user for user in users}
    group, _made = Group.objects.get_or_create(name=moderator_group.NAME)
    made[MODERATOR].groups.add(group)
    return made


# ── What happens, and when ───────────────────────────────────────────────────────────────────────────────────────
Happening = tuple[datetime, int, Callable[[], None]]


def _everything(stage: _Stage, held: list[Talk], now: datetime) -> Iterator[Happening]:
    order = 0
    for talk in held:
        place = _Place(stage, talk)
        todo: list[tuple[datetime, Callable[[], None]]] = [(talk.begins, place.open)]
        todo += [(message.at, _later(place.say, message)) for message in talk.messages]
        todo += [(deed.at, _later(place.do, deed)) for deed in talk.deeds]
        for session in talk.sessions:
            pauses = READ_AFTER if session is talk.sessions[-1] else READ_AFTER[:1]
            for turn, pause in enumerate(pauses):
                todo.append((min(session.ends + pause, now), _later(place.read, session, turn, len(pauses))))
        todo.append((now, place.arrange))
        for when, do in todo:
            if when > now:
                raise ValueError(f"{talk.name} goes on until after now")
            order += 1
            yield when, order, do


def _later(do: Callable, *what: object) -> Callable[[], None]:
    return lambda: do(*what)


@dataclass
class _Stage:
    clock: _Clock
    users: dict[str, User]
    tagged: dict[str, int] = field(default_factory=dict)  # message ids
    seen: dict[str, datetime] = field(default_factory=dict)

    def id(self, name: str) -> int:
        """Of somebody who does something now."""
        self.seen[name] = self.clock.now
        return self.users[name].pk

    def say_when_last_seen(self) -> None:
        for name, when in self.seen.items():
            User.objects.filter(pk=self.users[name].pk).update(last_seen_at=when)


class _Place:
    """One talk while it is held."""

    def __init__(self, stage: _Stage, talk: Talk):
        self.stage, self.talk = stage, talk
        self.id = 0
        self.said: dict[int, tuple[int, int]] = {}  # number of a text in the talk: its id and seq

    def open(self) -> None:
        talk, users = self.talk, self.stage.users
        first, *others = talk.people
        if talk.kind == "pair":
            self.id = actions.open_direct(self.stage.id(first), users[others[0]].pk)[0].id
            return
        owner = self.stage.id(first)
        self.id = actions.create_group(owner, talk.title, [users[name].pk for name in others]).id
        actions.update(owner, self.id, {"description": talk.about})
        for name in talk.admins:
            actions.set_role(owner, self.id, users[name].pk, "admin")

    def say(self, message: Message) -> None:
        answers = None if message.answers is None else self.said[message.answers][0]
        self._send(message.by, message.number, body=message.body, reply_to_id=answers)
        if message.tag:
            self.stage.tagged[message.tag] = self.said[message.number][0]

    def _send(self, by: str, number: int | None = None, **what: object) -> None:
        [sent] = send_many([Send(self.stage.id(by), self.id, uuid.uuid4(), **what)])  # type: ignore[arg-type]
        if not isinstance(sent, Sent):
            raise (
                sent
                if isinstance(sent, ApplicationError)
                else RuntimeError("Somebody else is writing to this database.")
            )
        if number is not None:
            self.said[number] = sent.message.id, sent.message.seq

    def do(self, deed: Deed) -> None:
        by = self.stage.id(deed.by)
        if deed.of is not None:
            self._do_to(by, self.said[deed.of][0], deed)
        elif deed.what == "adds":
            actions.add_members(by, self.id, [self.stage.users[name].pk for name in deed.words.split()])
        elif deed.what == "leaves":
            actions.remove_member(by, self.id, by)
        elif deed.what == "forwards":
            self._send(deed.by, forward_id=self.stage.tagged[deed.words])
        else:
            actions.update(by, self.id, {{"announces": "announcement", "renames": "title"}[deed.what]: deed.words})

    def _do_to(self, by: int, message_id: int, deed: Deed) -> None:
        if deed.what == "reaction":
            actions.react(by, message_id, deed.words, True)
        elif deed.what == "pin":
            actions.pin(by, message_id, True)
        elif deed.what == "edit":
            actions.edit(by, message_id, deed.words)
        elif deed.what == "report":
            actions.report(by, message_id, deed.words)
        elif deed.words == "recalled":
            actions.delete(by, message_id)
        else:
            actions.hide(by, message_id)
            for report in Report.objects.filter(message=message_id):
                actions.settle(by, report.pk)

    def read(self, session: Session, turn: int, turns: int) -> None:
        """One of this many shares of the people looks in. Who is to have something unread stops before it."""
        names = {user.pk: name for name, user in self.stage.users.items()}
        last = max(message.number for message in self.talk.messages if message.at <= session.ends)
        moves = []
        for user_id in members_of(self.id):
            name = names[user_id]
            if user_id % turns != turn:
                continue
            stop = self.talk.reads_up_to(name)
            if stop > last:
                moves.append(Move(self.stage.id(name), self.id, read_seq=EVERYTHING))
            elif stop - 1 in self.said:
                moves.append(Move(user_id, self.id, self.said[stop - 1][1], delivered_seq=EVERYTHING))
        if moves:
            move_many(moves)

    def arrange(self) -> None:
        """What everybody has set for themselves."""
        changes: dict[str, dict] = {}
        for name in self.talk.favourite:
            changes.setdefault(name, {})["favourite"] = True
        for name in self.talk.muted:
            changes.setdefault(name, {})["muted"] = True
        for name, words in self.talk.drafts.items():
            changes.setdefault(name, {})["draft"] = words
        for name, change in changes.items():
            actions.set_mine(self.stage.users[name].pk, self.id, change)
