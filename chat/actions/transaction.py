"""Database transactions on one conversation. They lock its row, number the changes, and publish events on commit.

    with conversation_transaction(conversation_id, user_id) as tx:  # raises not_found for non-members
        tx.require(...)                                             # check permission
        ...                                                         # change rows
        tx.publish(...)                                             # collect events

An action that changes nothing must not increase the version (number of the newest change), and must not publish an
event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db.models import F, Model
from django.utils import timezone

from accounts.actions.user_version import allocate_me_versions
from accounts.models import User
from accounts.selectors import mutes
from audit import actions as audit
from chat import events, permissions
from chat.message_kinds import KINDS
from chat.models import Conversation, Membership, Message
from chat.schemas import message_schema
from chat.selectors import messages_with_relations
from messenger.core import log_context
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, not_found
from messenger.live.events import Event, UserEvent, publish

# Fields of a membership that other transactions change with a lock on the membership only, not on the conversation.
_MEMBER_STATE_FIELDS = (
    *("read_seq", "read_count", "sent_seq", "delivered_seq", "muted", "level", "favourite", "archived", "draft"),
    *("announcement_seen", "receipts", "added_by_id"),
)


class ConversationTransaction:
    """An open transaction: the locked conversation, the membership of the acting user, and events to publish on commit.

    `membership` is None if the acting user is not a member, for example a user who is joining, or a moderator.
    """

    def __init__(self, conversation: Conversation, membership: Membership | None):
        self.conversation = conversation
        self.membership = membership
        self.now: datetime = timezone.now()
        self._events: list[Event] = []
        self._user_events: list[tuple[Membership, Callable[[Membership], UserEvent]]] = []
        self._changed_fields: set[str] = set()

    # ── Permissions ───
    @property
    def actor(self) -> User:
        """The acting user, who must be a member."""
        assert self.membership
        return self.membership.user

    @property
    def role(self) -> str:
        return self.membership.role if self.membership else ""

    def facts(self, *extra: str) -> set[str]:
        """Returns the facts about the conversation and the acting user (see chat.permissions), and `extra` facts."""
        return permissions.conversation_facts(self.conversation, self.role) | {*extra}

    def require_allowed(self, action: str, *extra: str) -> None:
        """Raises `forbidden` unless the rules of chat.permissions allow the action. `extra` are further facts."""
        if (refusal := permissions.find_refusal(action, self.facts(*extra))) is not None:
            raise forbidden(refusal)
        if action in permissions.WRITING_ACTIONS and self.membership:
            mutes.require_not_muted(self.membership.user)
            if error := mutes.group_mute_error(self.membership.muted_until):
                raise error

    def require_allowed_with(self, message: Message, action: str) -> None:
        """Raises `forbidden` unless the kind of the message and the rules allow an action with this message.

        The caller has checked whether the message is deleted.
        """
        self.require(action in KINDS[message.kind].actions)
        is_own = self.membership is not None and message.sender_id == self.membership.user_id
        is_forwarded = message.forwarded_at is not None
        facts = permissions.message_facts(is_own=is_own, is_forwarded=is_forwarded, is_deleted=False)
        self.require_allowed(action, *facts)

    def require(self, allowed: bool, detail: str = "") -> None:
        """Raises the error `forbidden`, with the text `detail` for the user, unless `allowed` is True."""
        if not allowed:
            raise forbidden(detail)

    # ── Versions and fields of the conversation ───
    def next_version(self) -> int:
        self.conversation.version += 1
        self._changed_fields.add("version")
        return self.conversation.version

    def mark_changed(self, *fields: str) -> None:
        """Remembers the names of changed fields of the conversation. `finish` saves these fields."""
        self._changed_fields.update(fields)

    # ── Messages ───
    def add_system_message(
        self,
        actor: User,
        name: str,
        users: Iterable[User] = (),
        old: str = "",
        new: str = "",
        by_id: int | None = None,
    ) -> None:
        """Creates and publishes a system message, such as "Ann added Ben". System messages do not count as unread."""
        event = {
            "name": name,
            "actor_id": actor.pk,
            "user_ids": [user.pk for user in users],
            "old": old or None,
            "new": new or None,
            **({"by_id": by_id} if by_id else {}),
        }
        self.add_message_of_kind(Message.Kind.SYSTEM, actor, event)

    def add_message_of_kind(self, kind: str, sender: User, content: dict[str, Any]) -> None:
        """Creates and publishes a message that nobody has written, such as a system message or a call.

        The table chat.message_kinds says whether it counts as unread and moves the conversation to the top of the list.
        """
        conversation = self.conversation
        conversation.last_seq += 1
        version = self.next_version()
        self.mark_changed("last_seq")
        if KINDS[kind].is_counted:
            conversation.text_count += 1
            self.mark_changed("text_count")
            # It is not unread for its sender, whose read marker stays.
            Membership.objects.filter(conversation=conversation, user=sender).update(
                read_count=F("read_count") + 1, sent_seq=conversation.last_seq
            )
        message = Message.objects.create(
            conversation=conversation,
            seq=conversation.last_seq,
            version=version,
            first_version=version,
            text_count=conversation.text_count,
            kind=kind,
            sender=sender,
            event=content,
            created_at=self.now,
        )
        if KINDS[kind].is_activity:
            conversation.last_message, conversation.active_at = message, self.now
            self.mark_changed("last_message", "active_at")
        self.publish(events.message_created(message_schema(message, sender, fresh=True)))

    def save_message(self, message: Message, *fields: str) -> None:
        """Saves the named fields of a message, and gives the message the next version (number of its newest change).

        The caller must publish the event `message.updated`.
        """
        message.version = self.next_version()
        message.save(update_fields={"version", *fields})

    # ── Audit log ───
    def record_act(
        self, action: str, target: Model, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None
    ) -> None:
        """Adds an act of the acting member to the audit log, with the changed values by field name."""
        actor_id = self.membership.user_id if self.membership else None
        conversation_id = self.conversation.pk
        audit.record(action, actor_id, target, conversation_id=conversation_id, before=before, after=after)

    # ── Events ───
    def publish(self, *new_events: Event) -> None:
        """Adds events that will be published when the transaction is committed."""
        self._events += new_events

    def publish_to_user(self, membership: Membership, make_event: Callable[[Membership], UserEvent]) -> None:
        """Adds an event that is published on commit, but only to the user of `membership`.

        `make_event` builds the event at the end of the transaction, because the event contains `membership.me_version`
        (number of the newest change of the user's own data). This number is set only then: the rows of all users are
        locked together and last, to avoid deadlocks.
        """
        self._user_events.append((membership, make_event))

    def lock_memberships(self, memberships: Iterable[Membership]) -> None:
        """Locks memberships before they are changed, and reloads their values (newest message read, mute, draft …).

        The values are reloaded because another transaction may have changed them before the lock. Call this once for
        all memberships, before user rows are locked. All transactions lock conversations first, then memberships, then
        users, each in the order of the ids, so that two transactions never wait for each other.
        """
        rows = list(memberships)
        locked = Membership.objects.select_for_update(no_key=True).filter(pk__in=[row.pk for row in rows])
        states = {pk: state for pk, *state in locked.order_by("pk").values_list("pk", *_MEMBER_STATE_FIELDS)}
        for row in rows:
            for name, value in zip(_MEMBER_STATE_FIELDS, states[row.pk], strict=True):
                setattr(row, name, value)

    def finish(self) -> None:
        """Saves the changed fields of the conversation, and counts the changes for users who get events of their own.

        A user's version is the number of the newest change that only this user sees, such as a new unread count.
        Publishes all collected events when the database commits. The context managers of this module call this method
        at the end of a transaction.
        """
        if self._changed_fields:
            self.conversation.save(update_fields=self._changed_fields)
        if self._user_events:
            rows = [row for row, _ in self._user_events]
            self.lock_memberships(rows)
            me_versions = allocate_me_versions(row.user_id for row in rows)
            for row in rows:
                row.me_version = me_versions[row.user_id].pop(0)
            Membership.objects.bulk_update(rows, ["me_version"])
            self._events += [make_event(row) for row, make_event in self._user_events]
        publish(self._events)


def _lock_conversation(conversation_id: int) -> Conversation | None:
    return Conversation.objects.select_for_update(no_key=True).filter(pk=conversation_id, deleted_at=None).first()


@contextmanager
def conversation_transaction(conversation_id: int, user_id: int) -> Iterator[ConversationTransaction]:
    """Opens a transaction on a conversation for a member. Raises `not_found` for non-members.

    Membership is checked while the conversation is locked, so that the user cannot be removed in the meantime. It is
    also checked before locking, so that requests of non-members do not wait for the lock and do not delay members.
    """
    log_context.bind(conversation=conversation_id)
    memberships = Membership.objects.filter(conversation_id=conversation_id, user_id=user_id, left_at=None)
    if not memberships.filter(conversation__deleted_at=None).exists():
        raise not_found()
    with write_transaction():
        conversation = _lock_conversation(conversation_id)
        membership = memberships.select_related("user").first()
        if conversation is None or membership is None:
            raise not_found()
        tx = ConversationTransaction(conversation, membership)
        yield tx
        tx.finish()


@contextmanager
def outsider_transaction(conversation_id: int) -> Iterator[ConversationTransaction]:
    """Opens a transaction on a conversation for a user who may not be a member yet, for example to join a group.

    It does not check permission: the caller must do this inside the transaction. Raises `not_found` if the conversation
    is deleted.
    """
    with write_transaction():
        conversation = _lock_conversation(conversation_id)
        if conversation is None:
            raise not_found()
        tx = ConversationTransaction(conversation, None)
        yield tx
        tx.finish()


@contextmanager
def message_transaction(message_id: int, user_id: int) -> Iterator[tuple[ConversationTransaction, Message]]:
    """Opens a transaction on the conversation of a message for a member. Yields the transaction and the message.

    The message is read after the conversation is locked. Raises `not_found` if the user is not a member.
    """
    with conversation_transaction(_get_conversation_id(message_id), user_id) as tx:
        yield tx, messages_with_relations().get(pk=message_id)


@contextmanager
def moderation_transaction(message_id: int) -> Iterator[tuple[ConversationTransaction, Message]]:
    """Opens a transaction on the conversation of a message for moderators and background tasks: no member is needed.

    Does not check permission, and also works in deleted groups. Yields the transaction and the message.
    """
    with system_transaction(_get_conversation_id(message_id)) as tx:
        yield tx, messages_with_relations().get(pk=message_id)


@contextmanager
def system_transaction(conversation_id: int) -> Iterator[ConversationTransaction]:
    """Opens a transaction on a conversation that changes data without an acting user. Does not check permission.

    Also works in a deleted group. The events of a deleted group are sent to nobody.
    """
    with write_transaction():
        conversation = Conversation.objects.select_for_update(no_key=True).get(pk=conversation_id)
        tx = ConversationTransaction(conversation, None)
        yield tx
        tx.finish()


def _get_conversation_id(message_id: int) -> int:
    conversation_id = Message.objects.filter(pk=message_id).values_list("conversation_id", flat=True).first()
    if conversation_id is None:
        raise not_found()
    return conversation_id
