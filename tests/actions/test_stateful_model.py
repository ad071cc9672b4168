"""Runs random sequences of actions (with Hypothesis) and compares the result with a simple model of conversations.

After every action the database rows must equal the model. At the end, each simulated client, which has only received
events, must have the same data as the database, and all ways to count unread messages must give the same number.
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest
from django.db import transaction
from django.db.models import Max
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import User
from chat import actions, selectors
from chat.actions.groups.settings import FIELD_CLEANERS, LOGGED_FIELDS
from chat.actions.read_markers import MarkerMove, move_markers
from chat.actions.sending import SendCommand, send_many
from chat.models import Conversation, Membership, Message
from chat.payloads import SendPayload
from messenger.core.errors import ApplicationError
from messenger.live import events
from messenger.live.events import ConversationEvent, UserEvent
from tests.actions.expected_conversation import ExpectedConversation, ExpectedMessage
from tests.live.client_state import ClientState, load_client_state, load_state

NAMES = ("ann", "ben", "cai", "dot")
EMOJI = ("👍", "🎉")
BODIES = ("hello", "**bold** @ben", "@ann @cai", "@all", "> quoted\n@dot", "好@cai好")


class EventDelivery:
    """Delivers events to the clients of the test. It replaces the hub, which delivers events to open WebSockets.

    A member receives the events of a conversation from joining until leaving it.
    """

    def __init__(self, client_states: dict[int, ClientState]):
        self.client_states = client_states
        self.subscribers: dict[int, set[int]] = {}

    def publish(self, published_events) -> None:
        for item in list(published_events):
            if isinstance(item, ConversationEvent):
                subscribers = self.subscribers.setdefault(item.conversation_id, set())
                subscribers.discard(item.left_user_id)
                for user_id in subscribers:
                    self._record_event(user_id, item.text)
                if item.joined_user_id:
                    subscribers.add(item.joined_user_id)
            elif isinstance(item, UserEvent):
                if item.joined_conversation_id:
                    self.subscribers.setdefault(item.joined_conversation_id, set()).add(item.user_id)
                self._record_event(item.user_id, item.text)

    def _record_event(self, user_id: int, text: str) -> None:
        self.client_states[user_id].apply_event(msgspec.json.decode(text))


indexes = st.integers(0, 1000)  # an index, modulo the number of existing objects, picks one of them
usernames = st.sampled_from(NAMES)


class ConversationMachine(RuleBasedStateMachine):
    ids: dict[str, int]

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.conversations: list[ExpectedConversation] = []
        self.sent: list[tuple[SendCommand, int]] = []
        self.delivery = EventDelivery({pk: load_client_state(pk) for pk in self.ids.values()})
        # The transaction is never committed, so events are published at once instead of after commit.
        self.publisher = events.set_publisher(self.delivery.publish)
        self.on_commit, transaction.on_commit = transaction.on_commit, lambda act, **options: act()

    def teardown(self):
        try:
            for name, pk in self.ids.items():
                client_state = self.delivery.client_states[pk]
                assert not client_state.conversations_behind and not client_state.is_user_behind
                client_state.assert_matches(load_state(pk))
                mine = {schema.id: schema.mine for schema in selectors.list_conversations(pk, limit=100)[0]}
                assert set(mine) == {
                    conversation.id
                    for conversation in self.conversations
                    if name in conversation.roles and not conversation.is_deleted
                }
                for conversation in self.conversations:
                    if conversation.id in mine:
                        counts = (mine[conversation.id].unread_count, mine[conversation.id].unread_mention_count)
                        assert counts == conversation.unread(name)
                        assert mine[conversation.id].role == conversation.roles[name]
                    else:
                        with pytest.raises(ApplicationError):
                            selectors.get_history(pk, conversation.id)
        finally:
            events.set_publisher(self.publisher)
            transaction.on_commit = self.on_commit
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    # ── Helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def expect(self, expected: str, action, *args):
        """Calls `action` and asserts that it raises the error code `expected`, or succeeds if `expected` is "".

        Returns the result of the action, or None after an error.
        """
        try:
            result = action(*args)
        except ApplicationError as error:
            assert error.code == expected, (action, args)
            return None
        assert expected == "", (action, args)
        return result

    @staticmethod
    def send(command: SendCommand):
        (outcome,) = send_many([command])
        if isinstance(outcome, ApplicationError):
            raise outcome
        return outcome

    @staticmethod
    def move_marker(move: MarkerMove):
        (outcome,) = move_markers([move])
        if isinstance(outcome, ApplicationError):
            raise outcome
        return outcome

    def pick_conversation(self, index: int, username: str) -> ExpectedConversation:
        """Picks a conversation with the help of the random number `index`.

        If `index` is divisible by eight, it may be any conversation. Otherwise it is one of the user's own
        conversations, if there are any.
        """
        own = [conversation for conversation in self.conversations if username in conversation.roles]
        conversations = own if own and index % 8 else self.conversations
        return conversations[index % len(conversations)]

    def pick_message(self, conversation: ExpectedConversation, index: int) -> ExpectedMessage | None:
        texts = [message for message in conversation.messages if message.body is not None]
        return texts[index % len(texts)] if texts else None

    @staticmethod
    def error_for(conversation: ExpectedConversation, username: str) -> str:
        return "" if username in conversation.roles and not conversation.is_deleted else "not_found"

    # ── Conversations ───────────────────────────────────────────────────────────────────────────────────────────────
    @initialize()
    def begin(self):
        self.create_group("ann", {"ben", "cai"})
        for username, body in (("ann", "hello"), ("ben", "@ann @cai"), ("ann", "@all")):
            self.send_text(username, 1, body, None)

    @rule(username=usernames, others=st.sets(usernames, max_size=3))
    def create_group(self, username, others):
        if len(self.conversations) > 4:
            return
        schema = self.expect(
            "", actions.create_group, self.ids[username], "Room", [self.ids[name] for name in sorted(others)]
        )
        roles = {name: "member" for name in others} | {username: "owner"}
        self.conversations.append(ExpectedConversation(schema.id, True, roles, read=dict.fromkeys(roles, 0)))

    @rule(username=usernames, other=usernames)
    def open_direct(self, username, other):
        result = self.expect(
            "invalid" if username == other else "",
            actions.open_direct_conversation,
            self.ids[username],
            self.ids[other],
        )
        if result is None:
            return
        schema, created = result
        existing = [conversation for conversation in self.conversations if conversation.pair == {username, other}]
        assert created == (not existing or username not in existing[0].roles)
        if existing:
            assert existing[0].id == schema.id
            existing[0].roles.setdefault(username, "member")
        else:
            pair = frozenset((username, other))
            conversation = ExpectedConversation(
                schema.id, False, {username: "member"}, read=dict.fromkeys(pair, 0), pair=pair
            )
            self.conversations.append(conversation)

    @rule(username=usernames, index=indexes, others=st.sets(usernames, min_size=1))
    def add(self, username, index, others):
        conversation = self.pick_conversation(index, username)
        is_allowed = conversation.is_group and (conversation.members_may_add or conversation.is_leader(username))
        expected = self.error_for(conversation, username) or ("" if is_allowed else "forbidden")
        users = [self.ids[name] for name in sorted(others)]
        rows = self.expect(expected, actions.add_members, self.ids[username], conversation.id, users)
        if rows is None:
            return
        added = others - set(conversation.roles)
        assert {row.user.id for row in rows} == {self.ids[name] for name in added}
        for name in added:
            conversation.roles[name], conversation.read[name] = "member", len(conversation.messages)
        if added:
            conversation.add_system_message(username)

    @rule(username=usernames, index=indexes, other_user=usernames)
    def remove(self, username, index, other_user):
        conversation = self.pick_conversation(index, username)
        expected = self.error_for(conversation, username) or ("" if conversation.is_group else "forbidden")
        if not expected and other_user not in conversation.roles:
            expected = "not_found"
        elif not expected and username == other_user:
            expected = "forbidden" if conversation.roles[username] == "owner" and len(conversation.roles) > 1 else ""
        elif not expected:
            is_allowed = conversation.roles[username] == "owner" or (
                conversation.roles[username] == "admin" and conversation.roles[other_user] == "member"
            )
            expected = "" if is_allowed else "forbidden"
        self.expect(expected, actions.remove_member, self.ids[username], conversation.id, self.ids[other_user])
        if not expected:
            conversation.add_system_message(username)
            del conversation.roles[other_user]
            conversation.is_deleted = not conversation.roles

    @rule(username=usernames, index=indexes, other_user=usernames, role=st.sampled_from(["owner", "admin", "member"]))
    def set_role(self, username, index, other_user, role):
        conversation = self.pick_conversation(index, username)
        expected = self.error_for(conversation, username) or ("" if conversation.is_group else "forbidden")
        expected = expected or ("" if other_user in conversation.roles else "not_found")
        expected = expected or ("" if conversation.roles[username] == "owner" else "forbidden")
        if not expected and conversation.roles[other_user] != role and username == other_user:
            expected = "forbidden"
        self.expect(expected, actions.set_role, self.ids[username], conversation.id, self.ids[other_user], role)
        if not expected and conversation.roles[other_user] != role:
            conversation.roles[other_user] = role
            conversation.add_system_message(username)
            if role == "owner":
                conversation.roles[username] = "admin"

    @rule(username=usernames, index=indexes)
    def transfer(self, username, index):
        """Transfers the ownership of a group to the first other member.

        The random step that sets roles does this too, but only rarely.
        """
        conversation = self.pick_conversation(index, username)
        others = sorted(set(conversation.roles) - {username})
        if others:
            self.set_role(username, index, others[0], "owner")

    @rule(
        username=usernames,
        index=indexes,
        text=st.sampled_from(["Room", "Hall"]),
        changed=st.sets(st.sampled_from(list(FIELD_CLEANERS))),
    )
    def update(self, username, index, text, changed):
        conversation = self.pick_conversation(index, username)
        expected = self.error_for(conversation, username) or ("" if conversation.is_leader(username) else "forbidden")
        changes: dict[str, Any] = {
            name: text if FIELD_CLEANERS[name] is not bool else text == "Hall" for name in changed
        }
        if "slow_mode" in changes:
            changes["slow_mode"] = 0  # with another value it would depend on the time who may write
        if "retention_days" in changes:
            changes["retention_days"] = len(text)
        before = Conversation.objects.filter(pk=conversation.id).values(*FIELD_CLEANERS).get()
        self.expect(expected, actions.update_group, self.ids[username], conversation.id, changes)
        if not expected:
            for name in changes:
                if name in LOGGED_FIELDS and before[name] != changes[name]:
                    conversation.add_system_message(username)
            conversation.members_may_add = changes.get("members_may_add", conversation.members_may_add)
            conversation.members_may_pin = changes.get("members_may_pin", conversation.members_may_pin)

    @rule(username=usernames, index=indexes, skip=st.integers(0, 5))
    def delete_group(self, username, index, skip):
        conversation = self.pick_conversation(index, username)
        expected = self.error_for(conversation, username)
        expected = expected or (
            "" if conversation.is_group and conversation.roles[username] == "owner" else "forbidden"
        )
        if not expected and skip:
            return  # delete rarely: no action can follow in a deleted group
        self.expect(expected, actions.delete_group, self.ids[username], conversation.id)
        if not expected:
            conversation.is_deleted, conversation.roles = True, {}

    # ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(username=usernames, index=indexes, body=st.sampled_from(BODIES), reply=st.none() | indexes)
    def send_text(self, username, index, body, reply):
        conversation = self.pick_conversation(index, username)
        quoted = self.pick_message(conversation, reply) if reply is not None else None
        command = SendCommand(
            self.ids[username], SendPayload(conversation.id, uuid.uuid4(), body, quoted.id if quoted else None)
        )
        sent = self.expect(self.error_for(conversation, username), self.send, command)
        if sent is None:
            return
        conversation.open_for_both()
        message = ExpectedMessage(
            sent.message.id,
            len(conversation.messages) + 1,
            username,
            body,
            conversation.resolve_mentions(username, body),
        )
        assert (sent.created, sent.message.seq) == (True, message.seq)
        conversation.messages.append(message)
        conversation.read[username] = message.seq
        self.sent.append((command, message.id))

    @rule(index=indexes, other=st.booleans())
    def send_again(self, index, other):
        """Sends a message that was sent earlier again, with the same client_id.

        With the same text this has no effect, also for a sender who has left, as long as others have the message. With
        another text (`other`) it must fail with the error `conflict`.
        """
        if not self.sent:
            return
        command, message_id = self.sent[index % len(self.sent)]
        conversation = next(
            conversation for conversation in self.conversations if conversation.id == command.payload.conversation_id
        )
        name = next(name for name, pk in self.ids.items() if pk == command.user_id)
        if other:
            other_payload = msgspec.structs.replace(command.payload, body="other words")
            self.expect("conflict", self.send, SendCommand(command.user_id, other_payload))
            return
        message = next(message for message in conversation.messages if message.id == message_id)
        is_gone = message.deleted or conversation.is_deleted
        sent = self.expect(self.error_for(conversation, name) if is_gone else "", self.send, command)
        if sent:
            assert (sent.created, sent.message.id) == (False, message_id)

    @rule(username=usernames, index=indexes, message_index=indexes, body=st.sampled_from(BODIES))
    def edit(self, username, index, message_index, body):
        conversation = self.pick_conversation(index, username)
        message = self.pick_message(conversation, message_index)
        if message is None:
            return
        expected = self.error_for(conversation, username) or ("not_found" if message.deleted else "")
        expected = expected or ("" if message.sender == username else "forbidden")
        self.expect(expected, actions.edit_message, self.ids[username], message.id, body)
        if not expected and body != message.body:
            message.body, message.mentioned = body, conversation.resolve_mentions(username, body)

    @rule(username=usernames, index=indexes, message_index=indexes)
    def edit_own(self, username, index, message_index):
        conversation = self.pick_conversation(index, username)
        own = [message for message in conversation.messages if message.body is not None and message.sender == username]
        if own:
            texts = [message for message in conversation.messages if message.body is not None]
            self.edit(username, index, texts.index(own[message_index % len(own)]), BODIES[message_index % len(BODIES)])

    @rule(username=usernames, index=indexes, message_index=indexes)
    def delete(self, username, index, message_index):
        conversation = self.pick_conversation(index, username)
        message = self.pick_message(conversation, message_index)
        if message is None:
            return
        expected = self.error_for(conversation, username) or (
            "" if message.sender == username or conversation.is_leader(username) else "forbidden"
        )
        self.expect(expected, actions.delete_message, self.ids[username], message.id)
        if not expected:
            message.is_erased = message.is_erased or message.sender == username
            message.deleted, message.pinned, message.mentioned = True, False, set()

    @rule(username=usernames, index=indexes, message_index=indexes, emoji=st.sampled_from(EMOJI), active=st.booleans())
    def react(self, username, index, message_index, emoji, active):
        conversation = self.pick_conversation(index, username)
        message = self.pick_message(conversation, message_index)
        if message is None:
            return
        expected = self.error_for(conversation, username) or ("not_found" if message.deleted else "")
        self.expect(expected, actions.set_reaction, self.ids[username], message.id, emoji, active)
        reaction = (emoji, username)
        if not expected and active and reaction not in message.reactions:
            message.reactions.append(reaction)
        elif not expected and not active and reaction in message.reactions:
            message.reactions.remove(reaction)

    @rule(username=usernames, index=indexes, message_index=indexes, active=st.booleans())
    def pin(self, username, index, message_index, active):
        conversation = self.pick_conversation(index, username)
        message = self.pick_message(conversation, message_index)
        if message is None:
            return
        is_allowed = conversation.members_may_pin or not conversation.is_group or conversation.is_leader(username)
        expected = self.error_for(conversation, username) or (
            "not_found" if message.deleted else "" if is_allowed else "forbidden"
        )
        self.expect(expected, actions.set_pinned, self.ids[username], message.id, active)
        if not expected:
            message.pinned = active

    @rule(username=usernames, index=indexes, seq=st.integers(0, 12), back=st.booleans())
    def read(self, username, index, seq, back):
        conversation = self.pick_conversation(index, username)
        mine = self.expect(
            self.error_for(conversation, username),
            self.move_marker,
            MarkerMove(self.ids[username], conversation.id, read_seq=seq, back=back),
        )
        if mine is None:
            return
        before = conversation.read[username]
        conversation.read[username] = (
            min(before, max(seq - 1, 0)) if back else max(before, min(seq, len(conversation.messages)))
        )
        assert mine.read_seq == conversation.read[username]
        assert (mine.unread_count, mine.unread_mention_count) == conversation.unread(username)

    @rule(username=usernames, index=indexes, message_index=indexes)
    def mark_unread_from_own_message(self, username, index, message_index):
        own = [
            message
            for message in self.pick_conversation(index, username).messages
            if message.body is not None and message.sender == username
        ]
        if own:
            self.read(username, index, own[message_index % len(own)].seq, True)

    # ── Invariants ──────────────────────────────────────────────────────────────────────────────────────────────────
    @invariant()
    def rows_are_as_the_model_says(self):
        for conversation in self.conversations:
            conversation_row = Conversation.objects.get(pk=conversation.id)
            rows = list(
                Message.objects.filter(conversation=conversation_row).order_by("seq").prefetch_related("reactions")
            )
            assert [row.seq for row in rows] == list(range(1, conversation_row.last_seq + 1))
            assert [(m.kind == "text") for m in rows] == [message.body is not None for message in conversation.messages]
            highest = Membership.objects.filter(conversation=conversation_row).aggregate(highest=Max("version"))[
                "highest"
            ]
            assert conversation_row.version == max(
                [highest, conversation_row.info_version, *(row.version for row in rows)]
            )
            assert (conversation_row.deleted_at is not None) == conversation.is_deleted
            roles = dict(conversation_row.memberships.filter(left_at=None).values_list("user_id", "role"))
            assert roles == {self.ids[name]: role for name, role in conversation.roles.items()}
            assert conversation_row.member_count == len(conversation.pair or roles)
            if conversation.is_group and not conversation.is_deleted:
                assert [pk for pk, role in roles.items() if role == "owner"] == [conversation_row.owner_id]
            for row, message in zip(rows, conversation.messages, strict=True):
                assert row.sender_id == self.ids[message.sender]
                assert (row.deleted_at is not None, row.pinned_at is not None) == (message.deleted, message.pinned)
                if message.body is not None:
                    assert row.body == ("" if message.is_erased else message.body)
                    marks = {(reaction.emoji, reaction.user_id) for reaction in row.reactions.all()}
                    assert marks == (
                        set() if message.is_erased else {(e, self.ids[username]) for e, username in message.reactions}
                    )


@pytest.mark.parametrize("steps", [15, pytest.param(40, marks=pytest.mark.long)])
def test_random_actions_match_the_model(db, steps):
    ConversationMachine.ids = {name: User.objects.create_user(name).pk for name in NAMES}
    run_state_machine_as_test(
        ConversationMachine,
        settings=settings(
            max_examples=40 if steps < 20 else 20,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # no shrinking: it takes minutes, and the whole sequence is printed
        ),
    )
