"""One transaction on one conversation: its row locked, its numbers handed out, its news gathered and told on commit.

    with changing(conversation_id, user_id) as ledger:     # not_found for strangers
        ledger.require(...)                                # may they
        ...                                                # change
        ledger.tell(...)                                   # tell

A verb that takes no number changed nothing and tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.utils import timezone

from accounts.actions.user_version import next_me_versions
from accounts.models import User
from chat import events
from chat.models import Conversation, Membership, Message, Role
from chat.schemas import message_schema
from chat.selectors import messages_with_relations
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, not_found
from messenger.live.events import Event, UserEvent, publish

# Of a membership: changed under the lock of its row alone, and not under that of the conversation.
_OWN = (
    *("read_seq", "read_count", "sent_seq", "delivered_seq", "muted", "level", "favourite", "archived", "draft"),
    *("announcement_seen", "receipts"),
)


class Ledger:
    def __init__(self, conversation: Conversation, membership: Membership | None):
        self.conversation = conversation
        self.membership = membership
        self.now: datetime = timezone.now()
        self._news: list[Event] = []
        self._personal: list[tuple[Membership, Callable[[Membership], UserEvent]]] = []
        self._fields: set[str] = set()

    # ── May they ──
    @property
    def role(self) -> str:
        return self.membership.role if self.membership else ""

    def require(self, allowed: bool, why: str = "") -> None:
        if not allowed:
            raise forbidden(why)

    @property
    def leads(self) -> bool:
        return self.role in (Role.OWNER, Role.ADMIN)

    # ── Numbers ──
    def next_version(self) -> int:
        self.conversation.version += 1
        self._fields.add("version")
        return self.conversation.version

    def changed(self, *fields: str) -> None:
        self._fields.update(fields)

    # ── Rows that every verb may need ──
    def system_line(
        self,
        actor: User,
        name: str,
        users: Iterable[User] = (),
        old: str = "",
        new: str = "",
        by_id: int | None = None,
    ) -> None:
        """A line of its own in the log. It is nobody's unread."""
        conversation = self.conversation
        conversation.last_seq += 1
        version = self.next_version()
        self._fields.add("last_seq")
        event = {
            "name": name,
            "actor_id": actor.pk,
            "user_ids": [user.pk for user in users],
            "old": old or None,
            "new": new or None,
            **({"by_id": by_id} if by_id else {}),
        }
        message = Message.objects.create(
            conversation=conversation,
            seq=conversation.last_seq,
            version=version,
            first_version=version,
            text_count=conversation.text_count,
            kind=Message.Kind.SYSTEM,
            sender=actor,
            event=event,
            created_at=self.now,
        )
        shape = message_schema(message, actor, fresh=True)
        self.tell(events.message_created(shape))

    def save_message(self, message: Message, *fields: str) -> None:
        """Store a change of a message under the next version; the news is told by whoever knows its shape."""
        message.version = self.next_version()
        message.save(update_fields={"version", *fields})

    # ── News ──
    def tell(self, *what: Event) -> None:
        self._news += what

    def tell_person(self, row: Membership, make: Callable[[Membership], UserEvent]) -> None:
        """`make` is called at the end, with `row.me_version` set: people's rows are locked last, all at once."""
        self._personal.append((row, make))

    def lock(self, rows: Iterable[Membership]) -> None:
        """Before memberships change: all of them at once, in the order of their ids, and people only afterwards.

        Marks and sends lock in this order too, so that no two transactions wait for each other. What is its person's
        own in a row is then read again: a mark may have moved since.
        """
        wanted = list(rows)
        locked = Membership.objects.select_for_update(no_key=True).filter(pk__in=[row.pk for row in wanted])
        now = {pk: own for pk, *own in locked.order_by("pk").values_list("pk", *_OWN)}
        for row in wanted:
            for name, value in zip(_OWN, now[row.pk], strict=True):
                setattr(row, name, value)

    def close(self) -> None:
        if self._fields:
            self.conversation.save(update_fields=self._fields)
        if self._personal:
            rows = [row for row, _ in self._personal]
            self.lock(rows)
            numbers = next_me_versions(row.user_id for row in rows)
            for row in rows:
                row.me_version = numbers[row.user_id].pop(0)
            Membership.objects.bulk_update(rows, ["me_version"])
            self._news += [make(row) for row, make in self._personal]
        publish(self._news)


@contextmanager
def changing(conversation_id: int, user_id: int) -> Iterator[Ledger]:
    """Lock the conversation, then ask whether this person is in it: nobody can be removed in between.

    It is asked before, too, without the lock: a stranger must not wait for, nor hold up, those who are in it.
    """
    seat = Membership.objects.filter(conversation_id=conversation_id, user_id=user_id, left_at=None)
    if not seat.filter(conversation__deleted_at=None).exists():
        raise not_found()
    with write_transaction():
        conversation = (
            Conversation.objects.select_for_update(no_key=True).filter(pk=conversation_id, deleted_at=None).first()
        )
        membership = seat.select_related("user").first()
        if conversation is None or membership is None:
            raise not_found()
        ledger = Ledger(conversation, membership)
        yield ledger
        ledger.close()


@contextmanager
def entering(conversation_id: int) -> Iterator[Ledger]:
    """For whoever comes in by a link, and so is no member yet. Whether they may, the verb asks under the lock."""
    with write_transaction():
        conversation = (
            Conversation.objects.select_for_update(no_key=True).filter(pk=conversation_id, deleted_at=None).first()
        )
        if conversation is None:
            raise not_found()
        ledger = Ledger(conversation, None)
        yield ledger
        ledger.close()


@contextmanager
def changing_message(message_id: int, user_id: int) -> Iterator[tuple[Ledger, Message]]:
    """The same, by a message. The row is read again under the lock: it is as it is now."""
    place = Message.objects.filter(pk=message_id).values_list("conversation_id", flat=True).first()
    if place is None:
        raise not_found()
    with changing(place, user_id) as ledger:
        yield ledger, messages_with_relations().get(pk=message_id)


@contextmanager
def moderating(message_id: int) -> Iterator[tuple[Ledger, Message]]:
    """For site moderators, who need not be members."""
    place = Message.objects.filter(pk=message_id).values_list("conversation_id", flat=True).first()
    if place is None:
        raise not_found()
    with write_transaction():
        conversation = Conversation.objects.select_for_update(no_key=True).get(pk=place)
        ledger = Ledger(conversation, None)
        yield ledger, messages_with_relations().get(pk=message_id)
        ledger.close()
