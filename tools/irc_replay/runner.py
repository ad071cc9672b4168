"""The replay: everybody signs up, a group per day, every line in its order, and at the end the comparison."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tools.irc_replay.client import Person
from tools.irc_replay.http_client import Patience, Refusal
from tools.irc_replay.log_parser import Day, Happening
from tools.irc_replay.observer import Watcher, text_of

DOORS = ("socket", "api", "form")
SOCKETS = 40  # kept open at a time; an address may have a hundred
SIGNING_UP = 4  # at a time
CATCHES_UP_WITHIN = 20.0  # seconds

Text = tuple[str, str, str]  # client_id, user name, body
Tell = Callable[[str], None]


@dataclass
class Report:
    """What was done and what came of it."""

    groups: int = 0
    people: int = 0
    lines: int = 0
    members: int = 0  # comings and goings that were played
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)  # seconds from sending a line to its acknowledgement
    retries: int = 0
    asked_to_wait: int = 0
    reconnects: int = 0
    syncs: int = 0
    events: int = 0
    by_door: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    duplicates: int = 0
    foreign: int = 0
    order_equal: bool = True
    screens_equal: bool = True
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        counted = self.missing or self.duplicates or self.foreign or self.wrong
        return not counted and self.order_equal and self.screens_equal

    def words(self) -> str:
        waits = sorted(self.waits) or [0.0]
        doors = ", ".join(f"{door} {number}" for door, number in sorted(self.by_door.items()))
        rows = [
            ("lines", f"{self.lines} in {self.groups} groups by {self.people} people ({doors})"),
            ("time", f"{self.seconds:.1f} s, {self.lines / max(self.seconds, 0.001):.1f} lines/s"),
            ("acknowledged", f"median {statistics.median(waits) * 1000:.0f} ms, slowest {waits[-1]:.1f} s"),
            ("members", f"{self.members} came or left"),
            ("retries", f"{self.retries}, of these {self.asked_to_wait} when told to wait"),
            ("watcher", f"{self.events} events, {self.reconnects} reconnects, {self.syncs} times caught up"),
            ("missing", str(self.missing)),
            ("duplicates", str(self.duplicates)),
            ("of others", str(self.foreign)),
            ("order", "equal" if self.order_equal else "DIFFERENT"),
            ("screen", "equal to a fresh load" if self.screens_equal else "DIFFERENT from a fresh load"),
            *(("skipped", f"{number} {why}") for why, number in self.skipped.items()),
            *(("wrong", each) for each in self.wrong),
        ]
        return "\n".join(f"{name:<13} {value}" for name, value in rows)


class Replay:
    def __init__(
        self,
        url: str,
        days: Sequence[Day],
        *,
        speed: float = 60.0,
        doors: Sequence[str] = DOORS,
        password: str,
        watcher: str = "watcher",
        patience: float = 60.0,
        tell: Tell = lambda words: None,
    ):
        """`speed`: 60 plays an hour in a minute; 0 as fast as it goes. `patience`: seconds to go on with one line."""
        self.url, self.days, self.speed, self.doors = url, days, speed, tuple(doors)
        self.password, self.tell = password, tell
        self.watcher = Watcher(url, password)
        self._watcher_name = watcher
        self.patience = Patience(patience)
        self.report = Report(groups=len(days))
        self.people: dict[str, Person] = {}
        self._open: OrderedDict[Person, None] = OrderedDict()  # whose sockets are open, least lately used first
        self._turn: Counter[str] = Counter()

    async def run(self) -> Report:
        try:
            await self._gather_people()
            self.watcher.start()
            began = time.monotonic()
            sent = await asyncio.gather(*[self._play(day) for day in self.days])
            self.report.seconds = time.monotonic() - began
            for conversation_id, texts in sent:
                await self._compare(conversation_id, texts)
        finally:
            await self.watcher.stop()
            await asyncio.gather(*[person.go() for person in self.people.values()])
        report = self.report
        report.retries, report.asked_to_wait = self.patience.retries, self.patience.waits
        report.reconnects = max(self.watcher.connects - 1, 0)
        report.syncs, report.events, report.wrong = self.watcher.syncs, self.watcher.events, self.watcher.wrong
        for day in self.days:
            report.skipped += day.skipped
        return report

    # ── Before ───────────────────────────────────────────────────────────────────────────────────────────────────
    async def _gather_people(self) -> None:
        claimed: set[str] = set()
        await self.patience.until_done(lambda: self.watcher.sign_up(self._watcher_name, claimed))
        nicks = list(dict.fromkeys(nick for day in self.days for nick in day.nicks))
        self.people = {nick: Person(self.url, self.password) for nick in nicks}
        self.report.people = len(nicks)
        self.tell(f"Signing up {len(nicks)} people …")
        waiting = list(self.people.items())[::-1]

        async def sign_up_some() -> None:
            while waiting:
                nick, person = waiting.pop()
                await self.patience.until_done(lambda nick=nick, person=person: person.sign_up(nick, claimed))  # type: ignore[misc]
                if "form" in self.doors:
                    await self.patience.until_done(person.open_browser)

        await asyncio.gather(*[sign_up_some() for _ in range(SIGNING_UP)])

    # ── The day ──────────────────────────────────────────────────────────────────────────────────────────────────
    async def _play(self, day: Day) -> tuple[int, list[Text]]:
        """Line by line: none is sent before the one above it is acknowledged. The texts, in that order."""
        group = await self.patience.until_done(
            lambda: self.watcher.api("POST", "conversations/", {"kind": "group", "title": day.title})
        )
        self.watcher.watch(group)
        here: set[str] = set()
        texts: list[Text] = []
        began = time.monotonic()
        for happening in day.happenings:
            if self.speed:
                await asyncio.sleep(max(began + happening.at / self.speed - time.monotonic(), 0))
            if happening.what == "leaves":
                await self._leave(group["id"], happening.nick, here)
                continue
            await self._join(group["id"], happening.nick, here)
            if happening.what == "says":
                texts.append(await self._say(group["id"], happening))
                if len(texts) % 500 == 0:
                    self.tell(f"{day.title}: {len(texts)} of {day.lines} lines")
        return group["id"], texts

    async def _join(self, group_id: int, nick: str, here: set[str]) -> None:
        if nick not in here:
            members = {"user_ids": [self.people[nick].id]}
            await self.patience.until_done(
                lambda: self.watcher.api("POST", f"conversations/{group_id}/members/", members)
            )
            here.add(nick)
            self.report.members += 1

    async def _leave(self, group_id: int, nick: str, here: set[str]) -> None:
        if nick in here:
            person = self.people[nick]
            try:
                await self.patience.until_done(
                    lambda: person.api("DELETE", f"conversations/{group_id}/members/{person.id}/")
                )
            except Refusal as refusal:
                if refusal.code != "not_found":  # the first try was heard, and its answer lost
                    raise
            here.remove(nick)
            self.report.members += 1

    async def _say(self, group_id: int, happening: Happening) -> Text:
        person, client_id = self.people[happening.nick], str(uuid.uuid4())
        self.report.lines += 1
        began = time.monotonic()

        async def send() -> None:
            # Each time through the next door, also when it is tried again: one client_id is one message at all of them.
            door = self.doors[self._turn[happening.nick] % len(self.doors)]
            self._turn[happening.nick] += 1
            if door == "socket":
                await self._make_room_for(person)
            await person.doors[door](group_id, client_id, happening.text)
            self.report.by_door[door] += 1

        await self.patience.until_done(send)
        self.report.waits.append(time.monotonic() - began)
        return client_id, person.username, happening.text

    async def _make_room_for(self, person: Person) -> None:
        self._open[person] = None
        self._open.move_to_end(person)
        if len(self._open) > max(SOCKETS, 2 * len(self.days)):
            oldest, _ = self._open.popitem(last=False)
            await oldest.hang_up()

    # ── After ────────────────────────────────────────────────────────────────────────────────────────────────────
    async def _compare(self, conversation_id: int, sent: list[Text]) -> None:
        """What was sent, what a fresh load shows, and what the watcher's screen shows."""
        report = self.report
        stored = await self._load(conversation_id)
        times = Counter(client_id for client_id, _, _ in stored)
        ours = {client_id for client_id, _, _ in sent}
        report.missing += sum(1 for client_id in ours if not times[client_id])
        report.duplicates += sum(number - 1 for client_id, number in times.items() if client_id in ours)
        report.foreign += sum(number for client_id, number in times.items() if client_id not in ours)
        report.order_equal &= stored == sent
        room = self.watcher.rooms[conversation_id]
        until = time.monotonic() + CATCHES_UP_WITHIN
        while room.texts() != stored and time.monotonic() < until:
            await asyncio.sleep(0.1)
        report.duplicates += room.twice
        report.screens_equal &= room.texts() == stored and sorted(room.shown) == list(range(1, len(room.shown) + 1))

    async def _load(self, conversation_id: int) -> list[Text]:
        texts: list[Text] = []
        after, more = 0, True
        while more:
            path = f"conversations/{conversation_id}/messages/?after={after}&limit=100"
            page = await self.patience.until_done(lambda path=path: self.watcher.api("GET", path))  # type: ignore[misc]
            for message in page["results"]:
                after += 1
                if message["seq"] != after:
                    self.watcher.wrong.append(f"conversation {conversation_id}: {message['seq']} follows {after - 1}")
                if message["kind"] == "text":
                    texts.append(text_of(message))
            more = page["has_after"]
        return texts
