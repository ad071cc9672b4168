"""Creates the demo data: calls functions of chat.actions in the order in which the demo texts say that things happened.

During this, `timezone.now` returns the time of the current step of the demo, so that messages get times in the past.
"""

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

from accounts.auth import moderator_group
from accounts.models import User
from chat import actions
from chat.actions.read_markers import MarkerMove, move_markers
from chat.actions.sending import SendCommand, SentMessage, send_many
from chat.demo.parser import (
    DemoAction,
    DemoConversation,
    DemoMessage,
    DemoSession,
    DemoUser,
    parse_conversations,
    parse_users,
)
from chat.models import ReportCase
from chat.payloads import SendPayload
from chat.selectors import list_member_ids
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError
from messenger.live import events

PASSWORD = "let-me-talk"
MODERATOR = "moderator"
MAX_SEQ = 2**62  # above any seq: the read marker moves to the last message
READ_DELAYS = (
    timedelta(seconds=70),
    timedelta(minutes=9),
)  # after the last session: some members read it, later the others


@dataclass
class SeedResult:
    users: list[User]
    conversation_count: int
    message_count: int


def seed_demo(now: datetime | None = None) -> SeedResult:
    """Creates all demo users and conversations in one transaction. All times in the data are before `now`."""
    now = now or datetime.now().astimezone()  # in the time zone of this machine, so that mornings are mornings here
    with _without_limits_and_events(), write_transaction(), _fake_time() as clock:
        conversations = parse_conversations(now)
        context = _SeedContext(clock, _create_users(parse_users(), conversations, now))
        for at, _order, run_step in sorted(_schedule(context, conversations, now), key=lambda step: step[:2]):
            clock.now = at
            run_step()
        context.store_last_seen()
    message_count = sum(len(conversation.messages) for conversation in conversations)
    return SeedResult(list(context.users.values()), len(conversations), message_count)


# ── Environment ──────────────────────────────────────────────────────────────────────────────────────────────────
class _Clock:
    def __init__(self, now: datetime):
        self.now = now


@contextmanager
def _fake_time() -> Iterator[_Clock]:
    """Replaces `timezone.now` by a clock that can be set. The functions of chat.actions then use this clock.

    No other code may run in this process at the same time, because it would get the wrong time.
    """
    real_now, clock = timezone.now, _Clock(timezone.now())
    timezone.now = lambda: clock.now.astimezone(real_now().tzinfo)
    try:
        yield clock
    finally:
        timezone.now = real_now


@contextmanager
def _without_limits_and_events() -> Iterator[None]:
    """Turns off rate limits and WebSocket events.

    Demo messages of weeks are sent within seconds, which the rate limits would not allow, and no client is connected.
    """
    limits, settings.LIMITS = settings.LIMITS, False
    try:
        with events.paused():
            yield
    finally:
        settings.LIMITS = limits


# ── Users ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _create_users(demo_users: list[DemoUser], conversations: list[DemoConversation], now: datetime) -> dict[str, User]:
    """Creates the accounts of the demo users and returns them by user name."""
    first_joined_at = min(conversation.begins_at for conversation in conversations) - timedelta(hours=2)
    password = make_password(PASSWORD)  # hashing is slow on purpose, so it is done only once
    users = [
        User(
            username=demo_user.username,
            name=demo_user.name,
            email=f"person{number}@example.org",
            language=demo_user.language,
            bio=demo_user.about,
            password=password,
            date_joined=first_joined_at + timedelta(minutes=4 * number),
            is_staff=demo_user.username == MODERATOR,
        )
        for number, demo_user in enumerate(demo_users, 1)
    ]
    for user in users:
        user.full_clean(exclude=["password"])
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    users_by_name = {user.username: user for user in users}
    group, _created = Group.objects.get_or_create(name=moderator_group.GROUP_NAME)
    users_by_name[MODERATOR].groups.add(group)
    return users_by_name


# ── Schedule ─────────────────────────────────────────────────────────────────────────────────────────────────────
ScheduledStep = tuple[datetime, int, Callable[[], None]]  # time, order of steps with the same time, function


def _schedule(context: _SeedContext, conversations: list[DemoConversation], now: datetime) -> Iterator[ScheduledStep]:
    order = 0
    for conversation in conversations:
        seeder = _ConversationSeeder(context, conversation)
        steps: list[tuple[datetime, Callable[[], None]]] = [(conversation.begins_at, seeder.create)]
        steps += [(message.at, _bind(seeder.send_message, message)) for message in conversation.messages]
        steps += [(action.at, _bind(seeder.run_action, action)) for action in conversation.actions]
        for session in conversation.sessions:
            delays = READ_DELAYS if session is conversation.sessions[-1] else READ_DELAYS[:1]
            for index, delay in enumerate(delays):
                read_at = min(session.ends_at + delay, now)
                steps.append((read_at, _bind(seeder.read_session, session, index, len(delays))))
        steps.append((now, seeder.set_member_states))
        for at, run_step in steps:
            if at > now:
                raise ValueError(f"{conversation.name} has a step after the present time")
            order += 1
            yield at, order, run_step


def _bind(function: Callable, *arguments: object) -> Callable[[], None]:
    return lambda: function(*arguments)


@dataclass
class _SeedContext:
    """What all demo conversations share: clock, users, ids of tagged messages, times of the last activity of users."""

    clock: _Clock
    users: dict[str, User]  # by user name
    message_ids_by_tag: dict[str, int] = field(default_factory=dict)
    last_active_at: dict[str, datetime] = field(default_factory=dict)  # by user name

    def get_active_user_id(self, username: str) -> int:
        """Returns the id of a demo user, and stores the current demo time as the time of the user's last activity."""
        self.last_active_at[username] = self.clock.now
        return self.users[username].pk

    def store_last_seen(self) -> None:
        for username, active_at in self.last_active_at.items():
            User.objects.filter(pk=self.users[username].pk).update(last_seen_at=active_at)


class _ConversationSeeder:
    """Creates one demo conversation with its messages and actions."""

    def __init__(self, context: _SeedContext, conversation: DemoConversation):
        self.context, self.conversation = context, conversation
        self.id = 0  # of the created conversation
        self.sent: dict[int, tuple[int, int]] = {}  # by message number: id and seq

    def create(self) -> None:
        conversation, users = self.conversation, self.context.users
        first, *others = conversation.usernames
        if conversation.kind == "direct":
            user_id, other_id = self.context.get_active_user_id(first), users[others[0]].pk
            self.id = actions.open_direct_conversation(user_id, other_id)[0].id
            actions.open_direct_conversation(other_id, user_id)  # either of them may write first
            return
        owner_id = self.context.get_active_user_id(first)
        self.id = actions.create_group(owner_id, conversation.title, [users[name].pk for name in others]).id
        actions.update_group(owner_id, self.id, {"description": conversation.about})
        for name in conversation.admins:
            actions.set_role(owner_id, self.id, users[name].pk, "admin")

    def send_message(self, message: DemoMessage) -> None:
        reply_to_id = None if message.reply_to_number is None else self.sent[message.reply_to_number][0]
        self._send(message.username, message.number, body=message.body, reply_to_id=reply_to_id)
        if message.tag:
            self.context.message_ids_by_tag[message.tag] = self.sent[message.number][0]

    def _send(self, username: str, number: int | None = None, **content: object) -> None:
        user_id = self.context.get_active_user_id(username)
        [result] = send_many([SendCommand(user_id, SendPayload(self.id, uuid.uuid4(), **content))])  # type: ignore[arg-type]
        if isinstance(result, ApplicationError):
            raise result
        if not isinstance(result, SentMessage):
            raise RuntimeError("Another process is writing to this database.")
        if number is not None:
            self.sent[number] = result.message.id, result.message.seq

    def run_action(self, action: DemoAction) -> None:
        user_id = self.context.get_active_user_id(action.username)
        if action.message_number is not None:
            self._run_message_action(user_id, self.sent[action.message_number][0], action)
        elif action.kind == "adds":
            added_ids = [self.context.users[name].pk for name in action.text.split()]
            actions.add_members(user_id, self.id, added_ids)
        elif action.kind == "leaves":
            actions.remove_member(user_id, self.id, user_id)
        elif action.kind == "forwards":
            self._send(action.username, forward_id=self.context.message_ids_by_tag[action.text])
        else:
            field_name = {"announces": "announcement", "renames": "title"}[action.kind]
            actions.update_group(user_id, self.id, {field_name: action.text})

    def _run_message_action(self, user_id: int, message_id: int, action: DemoAction) -> None:
        if action.kind == "reaction":
            actions.set_reaction(user_id, message_id, action.text, True)
        elif action.kind == "pin":
            actions.set_pinned(user_id, message_id, True)
        elif action.kind == "edit":
            actions.edit_message(user_id, message_id, action.text)
        elif action.kind == "report":
            actions.report_message(user_id, message_id, action.text)
        elif action.text == "recalled":
            actions.delete_message(user_id, message_id)
        else:
            actions.hide_message(user_id, message_id)
            for case in ReportCase.objects.filter(message=message_id):
                actions.settle_case(user_id, case.pk, outcome=ReportCase.Outcome.ACTED)

    def read_session(self, session: DemoSession, share: int, share_count: int) -> None:
        """Marks messages as read for some members, up to the end of a session (a period with many messages).

        The members are divided into `share_count` shares by their user ids, so that not all of them read at the same
        time. Only the members of the share with the index `share` read now. Messages that the demo should show as
        unread stay unread.
        """
        usernames = {user.pk: name for name, user in self.context.users.items()}
        last_number = max(message.number for message in self.conversation.messages if message.at <= session.ends_at)
        moves = []
        for user_id in list_member_ids(self.id):
            username = usernames[user_id]
            if user_id % share_count != share:
                continue
            stop = self.conversation.first_unread_number(username)
            if stop > last_number:
                moves.append(MarkerMove(self.context.get_active_user_id(username), self.id, read_seq=MAX_SEQ))
            elif stop - 1 in self.sent:
                moves.append(MarkerMove(user_id, self.id, self.sent[stop - 1][1], delivered_seq=MAX_SEQ))
        if moves:
            move_markers(moves)

    def set_member_states(self) -> None:
        """Makes the conversation a favourite, mutes it, or stores a draft, for the members named in the demo text."""
        changes: dict[str, dict] = {}
        for name in self.conversation.favourite:
            changes.setdefault(name, {})["favourite"] = True
        for name in self.conversation.muted:
            changes.setdefault(name, {})["muted"] = True
        for name, text in self.conversation.drafts.items():
            changes.setdefault(name, {})["draft"] = text
        for name, change in changes.items():
            actions.update_member_state(self.context.users[name].pk, self.id, change)
