"""Runs a replay: signs up the users and sends the messages of each recorded IRC day to a new group.

At the end, it compares the messages that the server has stored with the sent ones.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tools.irc_replay.client import SimulatedUser
from tools.irc_replay.http_client import RejectedError, RetryPolicy
from tools.irc_replay.log_parser import DayLog, LogEntry
from tools.irc_replay.observer import Observer, message_text

ENTRY_POINTS = ("socket", "api", "form")
MAX_OPEN_SOCKETS = 40  # the server allows a hundred per IP address
PARALLEL_SIGNUPS = 4
CATCH_UP_TIMEOUT = 20.0  # seconds that the observer has to show everything after the last message

SentText = tuple[str, str, str]  # client_id, user name, body
ProgressCallback = Callable[[str], None]


@dataclass
class Report:
    """The result of a replay: counts of messages, users, retries and so on, and the differences that were found.

    A difference is, for example, a message that was sent but not stored by the server.
    """

    groups: int = 0
    users: int = 0
    messages: int = 0
    membership_changes: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)  # seconds from sending a message to its acknowledgement
    retries: int = 0
    requested_waits: int = 0  # retries for which the server gave a time to wait
    reconnects: int = 0
    syncs: int = 0
    events: int = 0
    by_entry_point: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)  # log lines by reason
    missing: int = 0
    duplicates: int = 0
    foreign: int = 0  # messages that this replay did not send
    is_order_equal: bool = True
    is_screen_equal: bool = True
    violations: list[str] = field(default_factory=list)  # of the protocol

    @property
    def is_successful(self) -> bool:
        has_errors = self.missing or self.duplicates or self.foreign or self.violations
        return not has_errors and self.is_order_equal and self.is_screen_equal

    def format(self) -> str:
        """Returns the report as lines of text."""
        latencies = sorted(self.latencies) or [0.0]
        entry_points = ", ".join(f"{name} {number}" for name, number in sorted(self.by_entry_point.items()))
        rows = [
            ("messages", f"{self.messages} in {self.groups} groups by {self.users} people ({entry_points})"),
            ("time", f"{self.seconds:.1f} s, {self.messages / max(self.seconds, 0.001):.1f} messages/s"),
            ("acknowledged", f"median {statistics.median(latencies) * 1000:.0f} ms, slowest {latencies[-1]:.1f} s"),
            ("members", f"{self.membership_changes} joins and leaves"),
            ("retries", f"{self.retries}, of these {self.requested_waits} at the server's request"),
            ("observer", f"{self.events} events, {self.reconnects} reconnects, {self.syncs} syncs"),
            ("missing", str(self.missing)),
            ("duplicates", str(self.duplicates)),
            ("foreign", str(self.foreign)),
            ("order", "equal" if self.is_order_equal else "DIFFERENT"),
            ("screen", "equal to a fresh load" if self.is_screen_equal else "DIFFERENT from a fresh load"),
            *(("skipped", f"{number} {reason}") for reason, number in self.skipped.items()),
            *(("violation", violation) for violation in self.violations),
        ]
        return "\n".join(f"{name:<13} {value}" for name, value in rows)


class Replay:
    def __init__(
        self,
        url: str,
        days: Sequence[DayLog],
        *,
        speed: float = 60.0,
        entry_points: Sequence[str] = ENTRY_POINTS,
        password: str,
        observer_name: str = "watcher",
        retry_seconds: float = 60.0,
        report_progress: ProgressCallback = lambda message: None,
    ):
        """Prepares to send the messages of these recorded IRC days.

        With `speed` 60, an hour of the log takes a minute. With `speed` 0, there are no pauses. A failed step, such as
        sending a message, is repeated for `retry_seconds` at most; then the replay ends with an error.
        """
        self.url, self.days, self.speed, self.entry_points = url, days, speed, tuple(entry_points)
        self.password, self.report_progress = password, report_progress
        self.observer = Observer(url, password)
        self._observer_name = observer_name
        self.retry_policy = RetryPolicy(retry_seconds)
        self.report = Report(groups=len(days))
        self.users: dict[str, SimulatedUser] = {}  # by nick
        self._users_with_socket: OrderedDict[SimulatedUser, None] = OrderedDict()  # the least recently used first
        self._attempts: Counter[str] = Counter()  # by nick: which entry point is the next

    async def run(self) -> Report:
        try:
            await self._sign_up_all()
            self.observer.start()
            started_at = time.monotonic()
            sent = await asyncio.gather(*[self._replay_day(day) for day in self.days])
            self.report.seconds = time.monotonic() - started_at
            for conversation_id, texts in sent:
                await self._compare(conversation_id, texts)
        finally:
            await self.observer.stop()
            await asyncio.gather(*[user.close() for user in self.users.values()])
        report, observer = self.report, self.observer
        report.retries, report.requested_waits = self.retry_policy.retries, self.retry_policy.requested_waits
        report.reconnects = max(observer.connects - 1, 0)
        report.syncs, report.events, report.violations = observer.syncs, observer.events, observer.violations
        for day in self.days:
            report.skipped += day.skipped
        return report

    # ── Sign-up ──────────────────────────────────────────────────────────────────────────────────────────────────
    async def _sign_up_all(self) -> None:
        claimed_names: set[str] = set()
        await self.retry_policy.run(lambda: self.observer.sign_up(self._observer_name, claimed_names))
        nicks = list(dict.fromkeys(nick for day in self.days for nick in day.nicks))
        self.users = {nick: SimulatedUser(self.url, self.password) for nick in nicks}
        self.report.users = len(nicks)
        self.report_progress(f"Signing up {len(nicks)} people …")
        remaining = list(self.users.items())[::-1]

        async def sign_up_remaining() -> None:
            while remaining:
                nick, user = remaining.pop()
                await self.retry_policy.run(lambda nick=nick, user=user: user.sign_up(nick, claimed_names))  # type: ignore[misc]
                if "form" in self.entry_points:
                    await self.retry_policy.run(user.sign_in_browser)

        await asyncio.gather(*[sign_up_remaining() for _ in range(PARALLEL_SIGNUPS)])

    # ── Replay of a day ──────────────────────────────────────────────────────────────────────────────────────────
    async def _replay_day(self, day: DayLog) -> tuple[int, list[SentText]]:
        """Repeats the joins, leaves and messages of a recorded day in a new group.

        Returns the id of the group and the sent messages. Each message is sent only after the server has acknowledged
        the previous one.
        """
        group = await self.retry_policy.run(
            lambda: self.observer.call_api("POST", "conversations/", {"kind": "group", "title": day.title})
        )
        self.observer.observe(group)
        members: set[str] = set()  # nicks
        texts: list[SentText] = []
        started_at = time.monotonic()
        for entry in day.entries:
            if self.speed:
                await asyncio.sleep(max(started_at + entry.at / self.speed - time.monotonic(), 0))
            if entry.kind == "leave":
                await self._leave(group["id"], entry.nick, members)
                continue
            await self._join(group["id"], entry.nick, members)
            if entry.kind == "message":
                texts.append(await self._send(group["id"], entry))
                if len(texts) % 500 == 0:
                    self.report_progress(f"{day.title}: {len(texts)} of {day.message_count} messages")
        return group["id"], texts

    async def _join(self, group_id: int, nick: str, members: set[str]) -> None:
        if nick not in members:
            body = {"user_ids": [self.users[nick].id]}
            await self.retry_policy.run(
                lambda: self.observer.call_api("POST", f"conversations/{group_id}/members/", body)
            )
            members.add(nick)
            self.report.membership_changes += 1

    async def _leave(self, group_id: int, nick: str, members: set[str]) -> None:
        if nick in members:
            user = self.users[nick]
            try:
                await self.retry_policy.run(
                    lambda: user.call_api("DELETE", f"conversations/{group_id}/members/{user.id}/")
                )
            except RejectedError as error:
                if error.code != "not_found":  # an earlier attempt succeeded, and its response was lost
                    raise
            members.remove(nick)
            self.report.membership_changes += 1

    async def _send(self, group_id: int, entry: LogEntry) -> SentText:
        user, client_id = self.users[entry.nick], str(uuid.uuid4())
        self.report.messages += 1
        started_at = time.monotonic()

        async def attempt() -> None:
            # Each attempt uses the next entry point, even a retry: by the client_id it is still the same message.
            entry_point = self.entry_points[self._attempts[entry.nick] % len(self.entry_points)]
            self._attempts[entry.nick] += 1
            if entry_point == "socket":
                await self._limit_open_sockets(user)
            await user.senders[entry_point](group_id, client_id, entry.text)
            self.report.by_entry_point[entry_point] += 1

        await self.retry_policy.run(attempt)
        self.report.latencies.append(time.monotonic() - started_at)
        return client_id, user.username, entry.text

    async def _limit_open_sockets(self, user: SimulatedUser) -> None:
        """Closes the WebSocket that was not used for longest, if too many users have an open one.

        First records that the WebSocket of `user` is used now.
        """
        self._users_with_socket[user] = None
        self._users_with_socket.move_to_end(user)
        if len(self._users_with_socket) > max(MAX_OPEN_SOCKETS, 2 * len(self.days)):
            least_recent, _ = self._users_with_socket.popitem(last=False)
            await least_recent.close_socket()

    # ── Comparison ───────────────────────────────────────────────────────────────────────────────────────────────
    async def _compare(self, conversation_id: int, sent: list[SentText]) -> None:
        """Loads all messages from the server, and compares them with the sent messages and with those of the observer.

        The observer is a client that has received all events. Adds all differences to the report.
        """
        report = self.report
        stored = await self._load_texts(conversation_id)
        stored_count = Counter(client_id for client_id, _, _ in stored)
        sent_ids = {client_id for client_id, _, _ in sent}
        report.missing += sum(1 for client_id in sent_ids if not stored_count[client_id])
        report.duplicates += sum(number - 1 for client_id, number in stored_count.items() if client_id in sent_ids)
        report.foreign += sum(number for client_id, number in stored_count.items() if client_id not in sent_ids)
        report.is_order_equal &= stored == sent
        screen = self.observer.conversations[conversation_id]
        until = time.monotonic() + CATCH_UP_TIMEOUT
        while screen.texts() != stored and time.monotonic() < until:
            await asyncio.sleep(0.1)
        report.duplicates += screen.duplicates
        has_all_seqs = sorted(screen.messages) == list(range(1, len(screen.messages) + 1))
        report.is_screen_equal &= screen.texts() == stored and has_all_seqs

    async def _load_texts(self, conversation_id: int) -> list[SentText]:
        """Loads all messages of the conversation, page by page, and returns the text messages."""
        texts: list[SentText] = []
        after, has_more = 0, True
        while has_more:
            path = f"conversations/{conversation_id}/messages/?after={after}&limit=100"
            page = await self.retry_policy.run(lambda path=path: self.observer.call_api("GET", path))  # type: ignore[misc]
            for message in page["results"]:
                after += 1
                if message["seq"] != after:
                    self.observer.violations.append(
                        f"conversation {conversation_id}: {message['seq']} follows {after - 1}"
                    )
                if message["kind"] == "text":
                    texts.append(message_text(message))
            has_more = page["has_after"]
        return texts
