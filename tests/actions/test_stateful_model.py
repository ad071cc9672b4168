"""Verbs in any order against a small model of what a conversation is; and clients who only hear the news.

Hypothesis makes up the stories. After every step the rows are as the model says; at the end of each story everybody's
screen, fed by events alone, shows what a fresh load shows, and unread is the same number everywhere.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import msgspec
import pytest
from django.db import transaction
from django.db.models import Max
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import User
from chat import actions, selectors
from chat.actions.groups import FIELD_CLEANERS, LOGGED_FIELDS
from chat.actions.read_markers import MarkerMove, move_markers
from chat.actions.sending import SendCommand, send_many
from chat.models import Conversation, Membership, Message
from messenger.core.errors import ApplicationError
from messenger.live import events
from messenger.live.events import ConversationEvent, UserEvent
from tests.live.client_state import Replica, fresh, loaded

NAMES = ("ann", "ben", "cai", "dot")
EMOJI = ("👍", "🎉")
BODIES = ("hello", "**bold** @ben", "@ann @cai", "@all", "> quoted\n@dot", "好@cai好")
NAMED = {"@ann": "ann", "@ben": "ben", "@cai": "cai", "@dot": "dot"}


@dataclass
class Line:
    id: int
    seq: int
    sender: str
    body: str | None  # None: a system line
    named: set[str] = field(default_factory=set)
    deleted: bool = False
    wiped: bool = False
    pinned: bool = False
    reactions: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Room:
    id: int
    group: bool
    roles: dict[str, str]  # of those who are in it
    lines: list[Line] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)
    over: bool = False

    members_may_add: bool = True
    members_may_pin: bool = True

    def leads(self, who: str) -> bool:
        return self.group and self.roles.get(who) in ("owner", "admin")

    def system(self, who: str) -> None:
        self.lines.append(Line(0, len(self.lines) + 1, who, None))

    def names(self, who: str, body: str) -> set[str]:
        named = {name for sign, name in NAMED.items() if sign in body and name in self.roles}
        if "@all" in body and self.leads(who):
            named = set(self.roles)
        return named - {who}

    def unread(self, who: str) -> tuple[int, int]:
        behind = [line for line in self.lines if line.seq > self.read[who]]
        texts = [line for line in behind if line.body is not None and line.sender != who]
        return len(texts), sum(who in line.named for line in behind)


class Air:
    """In place of the hub: whoever is in a conversation hears its news, from joining to leaving."""

    def __init__(self, replicas: dict[int, Replica]):
        self.replicas = replicas
        self.inside: dict[int, set[int]] = {}

    def tell(self, told) -> None:
        for item in list(told):
            if isinstance(item, ConversationEvent):
                inside = self.inside.setdefault(item.conversation_id, set())
                inside.discard(item.left_user_id)
                for user_id in inside:
                    self._hear(user_id, item.text)
                if item.joined_user_id:
                    inside.add(item.joined_user_id)
            elif isinstance(item, UserEvent):
                if item.joined_conversation_id:
                    self.inside.setdefault(item.joined_conversation_id, set()).add(item.user_id)
                self._hear(item.user_id, item.text)

    def _hear(self, user_id: int, text: str) -> None:
        self.replicas[user_id].hear(msgspec.json.decode(text))


some = st.integers(0, 1000)  # one of what there is
who_ = st.sampled_from(NAMES)


class Talk(RuleBasedStateMachine):
    ids: dict[str, int]

    def __init__(self):
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()
        self.rooms: list[Room] = []
        self.sent: list[tuple[SendCommand, int]] = []
        self.air = Air({pk: loaded(pk) for pk in self.ids.values()})
        # Events of a transaction that is rolled back in the end are published at once.
        self.publisher = events.set_publisher(self.air.tell)
        self.on_commit, transaction.on_commit = transaction.on_commit, lambda act, **options: act()

    def teardown(self):
        try:
            for name, pk in self.ids.items():
                replica = self.air.replicas[pk]
                assert not replica.behind and not replica.me_behind
                replica.agrees_with(fresh(pk))
                mine = {shape.id: shape.mine for shape in selectors.list_conversations(pk, limit=100)[0]}
                assert set(mine) == {room.id for room in self.rooms if name in room.roles and not room.over}
                for room in self.rooms:
                    if room.id in mine:
                        counts = (mine[room.id].unread_count, mine[room.id].unread_mention_count)
                        assert counts == room.unread(name)
                        assert mine[room.id].role == room.roles[name]
                    else:
                        with pytest.raises(ApplicationError):
                            selectors.get_history(pk, room.id)
        finally:
            events.set_publisher(self.publisher)
            transaction.on_commit = self.on_commit
            transaction.set_rollback(True)
            self.story.__exit__(None, None, None)

    # ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────
    def ask(self, expected: str, verb, *args):
        """Do it; it has to be refused with `expected`, or done where that is empty."""
        try:
            answer = verb(*args)
        except ApplicationError as refusal:
            assert refusal.code == expected, (verb, args)
            return None
        assert expected == "", (verb, args)
        return answer

    @staticmethod
    def send(command: SendCommand):
        (outcome,) = send_many([command])
        if isinstance(outcome, ApplicationError):
            raise outcome
        return outcome

    @staticmethod
    def mark(move: MarkerMove):
        (outcome,) = move_markers([move])
        if isinstance(outcome, ApplicationError):
            raise outcome
        return outcome

    def room(self, place: int, who: str) -> Room:
        """Mostly one that they are in."""
        own = [room for room in self.rooms if who in room.roles]
        rooms = own if own and place % 8 else self.rooms
        return rooms[place % len(rooms)]

    def line(self, room: Room, place: int) -> Line | None:
        texts = [line for line in room.lines if line.body is not None]
        return texts[place % len(texts)] if texts else None

    @staticmethod
    def out(room: Room, who: str) -> str:
        return "" if who in room.roles and not room.over else "not_found"

    # ── Conversations ────────────────────────────────────────────────────────────────────────────────────────────
    @initialize()
    def begin(self):
        self.create_group("ann", {"ben", "cai"})
        for who, body in (("ann", "hello"), ("ben", "@ann @cai"), ("ann", "@all")):
            self.say(who, 1, body, None)

    @rule(who=who_, others=st.sets(who_, max_size=3))
    def create_group(self, who, others):
        if len(self.rooms) > 4:
            return
        shape = self.ask("", actions.create_group, self.ids[who], "Room", [self.ids[name] for name in sorted(others)])
        roles = {name: "member" for name in others} | {who: "owner"}
        self.rooms.append(Room(shape.id, True, roles, read=dict.fromkeys(roles, 0)))

    @rule(who=who_, other=who_)
    def open_direct(self, who, other):
        answer = self.ask(
            "invalid" if who == other else "", actions.open_direct_conversation, self.ids[who], self.ids[other]
        )
        if answer is None:
            return
        shape, created = answer
        known = [room for room in self.rooms if not room.group and set(room.roles) == {who, other}]
        assert created == (not known)
        if known:
            assert known[0].id == shape.id
        else:
            roles = {who: "member", other: "member"}
            self.rooms.append(Room(shape.id, False, roles, read=dict.fromkeys(roles, 0)))

    @rule(who=who_, place=some, others=st.sets(who_, min_size=1))
    def add(self, who, place, others):
        room = self.room(place, who)
        may = room.group and (room.members_may_add or room.leads(who))
        expected = self.out(room, who) or ("" if may else "forbidden")
        users = [self.ids[name] for name in sorted(others)]
        rows = self.ask(expected, actions.add_members, self.ids[who], room.id, users)
        if rows is None:
            return
        coming = others - set(room.roles)
        assert {row.user.id for row in rows} == {self.ids[name] for name in coming}
        for name in coming:
            room.roles[name], room.read[name] = "member", len(room.lines)
        if coming:
            room.system(who)

    @rule(who=who_, place=some, whom=who_)
    def remove(self, who, place, whom):
        room = self.room(place, who)
        expected = self.out(room, who) or ("" if room.group else "forbidden")
        if not expected and whom not in room.roles:
            expected = "not_found"
        elif not expected and who == whom:
            expected = "forbidden" if room.roles[who] == "owner" and len(room.roles) > 1 else ""
        elif not expected:
            may = room.roles[who] == "owner" or (room.roles[who] == "admin" and room.roles[whom] == "member")
            expected = "" if may else "forbidden"
        self.ask(expected, actions.remove_member, self.ids[who], room.id, self.ids[whom])
        if not expected:
            room.system(who)
            del room.roles[whom]
            room.over = not room.roles

    @rule(who=who_, place=some, whom=who_, role=st.sampled_from(["owner", "admin", "member"]))
    def set_role(self, who, place, whom, role):
        room = self.room(place, who)
        expected = self.out(room, who) or ("" if room.group else "forbidden")
        expected = expected or ("" if whom in room.roles else "not_found")
        expected = expected or ("" if room.roles[who] == "owner" else "forbidden")
        if not expected and room.roles[whom] != role and who == whom:
            expected = "forbidden"
        self.ask(expected, actions.set_role, self.ids[who], room.id, self.ids[whom], role)
        if not expected and room.roles[whom] != role:
            room.roles[whom] = role
            room.system(who)
            if role == "owner":
                room.roles[who] = "admin"

    @rule(who=who_, place=some)
    def transfer(self, who, place):
        """To whoever comes next, so that it happens often."""
        room = self.room(place, who)
        others = sorted(set(room.roles) - {who})
        if others:
            self.set_role(who, place, others[0], "owner")

    @rule(
        who=who_,
        place=some,
        words=st.sampled_from(["Room", "Hall"]),
        changed=st.sets(st.sampled_from(list(FIELD_CLEANERS))),
    )
    def update(self, who, place, words, changed):
        room = self.room(place, who)
        expected = self.out(room, who) or ("" if room.leads(who) else "forbidden")
        changes = {name: words if FIELD_CLEANERS[name] is not bool else words == "Hall" for name in changed}
        before = Conversation.objects.filter(pk=room.id).values(*FIELD_CLEANERS).get()
        self.ask(expected, actions.update_group, self.ids[who], room.id, changes)
        if not expected:
            for name in changes:
                if name in LOGGED_FIELDS and before[name] != changes[name]:
                    room.system(who)
            room.members_may_add = changes.get("members_may_add", room.members_may_add)
            room.members_may_pin = changes.get("members_may_pin", room.members_may_pin)

    @rule(who=who_, place=some, sure=st.integers(0, 5))
    def delete_group(self, who, place, sure):
        room = self.room(place, who)
        expected = self.out(room, who)
        expected = expected or ("" if room.group and room.roles[who] == "owner" else "forbidden")
        if not expected and sure:
            return  # seldom: nothing comes after
        self.ask(expected, actions.delete_group, self.ids[who], room.id)
        if not expected:
            room.over, room.roles = True, {}

    # ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(who=who_, place=some, body=st.sampled_from(BODIES), reply=st.none() | some)
    def say(self, who, place, body, reply):
        room = self.room(place, who)
        quoted = self.line(room, reply) if reply is not None else None
        command = SendCommand(self.ids[who], room.id, uuid.uuid4(), body, quoted.id if quoted else None)
        sent = self.ask(self.out(room, who), self.send, command)
        if sent is None:
            return
        line = Line(sent.message.id, len(room.lines) + 1, who, body, room.names(who, body))
        assert (sent.created, sent.message.seq) == (True, line.seq)
        room.lines.append(line)
        room.read[who] = line.seq
        self.sent.append((command, line.id))

    @rule(place=some, other=st.booleans())
    def say_again(self, place, other):
        """A repeat stores nothing; the same client_id with other words is a conflict, whoever may do what."""
        if not self.sent:
            return
        command, message = self.sent[place % len(self.sent)]
        room = next(room for room in self.rooms if room.id == command.conversation_id)
        name = next(name for name, pk in self.ids.items() if pk == command.user_id)
        if other:
            self.ask("conflict", self.send, msgspec.structs.replace(command, body="other words"))
            return
        sent = self.ask(self.out(room, name), self.send, command)
        if sent:
            assert (sent.created, sent.message.id) == (False, message)

    @rule(who=who_, place=some, which=some, body=st.sampled_from(BODIES))
    def edit(self, who, place, which, body):
        room = self.room(place, who)
        line = self.line(room, which)
        if line is None:
            return
        expected = self.out(room, who) or ("not_found" if line.deleted else "")
        expected = expected or ("" if line.sender == who else "forbidden")
        self.ask(expected, actions.edit_message, self.ids[who], line.id, body)
        if not expected and body != line.body:
            line.body, line.named = body, room.names(who, body)

    @rule(who=who_, place=some, which=some)
    def edit_own(self, who, place, which):
        room = self.room(place, who)
        own = [line for line in room.lines if line.body is not None and line.sender == who]
        if own:
            texts = [line for line in room.lines if line.body is not None]
            self.edit(who, place, texts.index(own[which % len(own)]), BODIES[which % len(BODIES)])

    @rule(who=who_, place=some, which=some)
    def delete(self, who, place, which):
        room = self.room(place, who)
        line = self.line(room, which)
        if line is None:
            return
        expected = self.out(room, who) or ("" if line.sender == who or room.leads(who) else "forbidden")
        self.ask(expected, actions.delete_message, self.ids[who], line.id)
        if not expected:
            line.wiped = line.wiped or line.sender == who
            line.deleted, line.pinned, line.named = True, False, set()

    @rule(who=who_, place=some, which=some, emoji=st.sampled_from(EMOJI), active=st.booleans())
    def react(self, who, place, which, emoji, active):
        room = self.room(place, who)
        line = self.line(room, which)
        if line is None:
            return
        expected = self.out(room, who) or ("not_found" if line.deleted else "")
        self.ask(expected, actions.set_reaction, self.ids[who], line.id, emoji, active)
        mark = (emoji, who)
        if not expected and active and mark not in line.reactions:
            line.reactions.append(mark)
        elif not expected and not active and mark in line.reactions:
            line.reactions.remove(mark)

    @rule(who=who_, place=some, which=some, active=st.booleans())
    def pin(self, who, place, which, active):
        room = self.room(place, who)
        line = self.line(room, which)
        if line is None:
            return
        may = room.members_may_pin or not room.group or room.leads(who)
        expected = self.out(room, who) or ("not_found" if line.deleted else "" if may else "forbidden")
        self.ask(expected, actions.set_pinned, self.ids[who], line.id, active)
        if not expected:
            line.pinned = active

    @rule(who=who_, place=some, seq=st.integers(0, 12), back=st.booleans())
    def read(self, who, place, seq, back):
        room = self.room(place, who)
        mine = self.ask(self.out(room, who), self.mark, MarkerMove(self.ids[who], room.id, read_seq=seq, back=back))
        if mine is None:
            return
        before = room.read[who]
        room.read[who] = min(before, max(seq - 1, 0)) if back else max(before, min(seq, len(room.lines)))
        assert mine.read_seq == room.read[who]
        assert (mine.unread_count, mine.unread_mention_count) == room.unread(who)

    @rule(who=who_, place=some, which=some)
    def unread_from_one_s_own(self, who, place, which):
        own = [line for line in self.room(place, who).lines if line.body is not None and line.sender == who]
        if own:
            self.read(who, place, own[which % len(own)].seq, True)

    # ── What always holds ────────────────────────────────────────────────────────────────────────────────────────
    @invariant()
    def rows_are_as_the_model_says(self):
        for room in self.rooms:
            row = Conversation.objects.get(pk=room.id)
            messages = list(Message.objects.filter(conversation=row).order_by("seq").prefetch_related("reactions"))
            assert [message.seq for message in messages] == list(range(1, row.last_seq + 1))
            assert [(m.kind == "text") for m in messages] == [line.body is not None for line in room.lines]
            highest = Membership.objects.filter(conversation=row).aggregate(highest=Max("version"))["highest"]
            assert row.version == max([highest, row.info_version, *(message.version for message in messages)])
            assert (row.deleted_at is not None) == room.over
            roles = dict(row.memberships.filter(left_at=None).values_list("user_id", "role"))
            assert roles == {self.ids[name]: role for name, role in room.roles.items()}
            assert row.member_count == len(roles)
            if room.group and not room.over:
                assert [pk for pk, role in roles.items() if role == "owner"] == [row.owner_id]
            for message, line in zip(messages, room.lines, strict=True):
                assert message.sender_id == self.ids[line.sender]
                assert (message.deleted_at is not None, message.pinned_at is not None) == (line.deleted, line.pinned)
                if line.body is not None:
                    assert message.body == ("" if line.wiped else line.body)
                    marks = {(mark.emoji, mark.user_id) for mark in message.reactions.all()}
                    assert marks == (set() if line.wiped else {(e, self.ids[who]) for e, who in line.reactions})


@pytest.mark.parametrize("steps", [15, 40])
def test_any_story_ends_as_the_model_says(db, steps):
    Talk.ids = {name: User.objects.create_user(name).pk for name in NAMES}
    run_state_machine_as_test(
        Talk,
        settings=settings(
            max_examples=40 if steps < 20 else 20,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # a failure says its whole story at once; shrinking it takes minutes
        ),
    )
