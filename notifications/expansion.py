"""Finds the recipients of new messages, decides for each of them, and stores what is to be done.

Executed by the worker, so it costs the sender nothing. A step that is repeated, because a process was killed, changes
nothing: what was stored is found and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from chat.models import Conversation, Membership, Mention, Message
from messenger.core.database import write_transaction
from notifications import facts, member_states, pending_pushes, tasks
from notifications.decisions import PERSONAL_CONCERNS, Decision, Facts, Outcome, decide
from notifications.email_times import find_email_time
from notifications.models import (
    Notification,
    NotificationPreferences,
    OutboxEntry,
    PushSubscription,
)

OUTBOX_BATCH = 20  # rows of the outbox handled at a time
MESSAGE_BATCH = 50  # messages of a conversation handled at a time
MEMBER_BATCH = 500  # members of a conversation handled at a time
# For this long one worker process handles a batch; then another one may, because the first was killed or is slow. That
# both handle it is harmless, so it is not longer than a batch usually takes.
CLAIM_SECONDS = 30


def expand_outbox() -> int:
    """Handles all messages in the outbox. Returns their number."""
    count, has_pushes = 0, False
    while rows := _claim():
        messages = _load_messages(rows)
        viewer_ids = _viewers_by_message(rows, messages)
        for conversation_messages in _group_by_conversation(messages):
            for member_ids in _candidates(conversation_messages):
                has_pushes |= _notify(conversation_messages, member_ids, viewer_ids)
        has_pushes |= member_states.update_devices_of(tuple(key) for row in rows for key in row.member_states)
        with write_transaction():
            OutboxEntry.objects.filter(pk__in=[row.pk for row in rows]).delete()
        count += sum(len(row.message_ids) for row in rows)
        if has_pushes:
            tasks.send_pushes.enqueue()
            has_pushes = False
    return count


def _claim() -> list[OutboxEntry]:
    now = timezone.now()
    if not OutboxEntry.objects.exists():
        return []
    with write_transaction():
        free = OutboxEntry.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
        rows = list(free.order_by("pk").select_for_update(skip_locked=True)[:OUTBOX_BATCH])
        OutboxEntry.objects.filter(pk__in=[row.pk for row in rows]).update(
            claimed_until=now + timedelta(seconds=CLAIM_SECONDS)
        )
    return rows


def _load_messages(rows: list[OutboxEntry]) -> list[Message]:
    messages = Message.objects.select_related("conversation", "reply_to")
    ids = [pk for row in rows for pk in row.message_ids]
    return list(messages.filter(pk__in=ids, deleted_at=None).order_by("pk"))


def _viewers_by_message(rows: list[OutboxEntry], messages: list[Message]) -> dict[int, set[int]]:
    row_by_message = {pk: row for row in rows for pk in row.message_ids}
    return {
        message.pk: set(row_by_message[message.pk].viewer_ids.get(str(message.conversation_id), ()))
        for message in messages
    }


def _group_by_conversation(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Yields the messages of each conversation, at most MESSAGE_BATCH at a time."""
    groups: dict[int, list[Message]] = {}
    for message in messages:
        groups.setdefault(message.conversation_id, []).append(message)
    for group in groups.values():
        for start in range(0, len(group), MESSAGE_BATCH):
            yield group[start : start + MESSAGE_BATCH]


def _candidates(messages: list[Message]) -> Iterator[list[int]]:
    """Yields the members for whom the messages may mean more than an unread count, MEMBER_BATCH at a time.

    In a group, these are the members with a browser that gets push messages, those who are mentioned or replied to, and
    those with keywords. In a direct conversation both members are.
    """
    conversation = messages[0].conversation
    members = Membership.objects.filter(conversation=conversation, left_at=None)
    if conversation.kind != Conversation.Kind.DIRECT:
        members = members.filter(_may_concern(messages))
    last_id = 0
    while ids := list(
        members.filter(user__gt=last_id).order_by("user").values_list("user_id", flat=True)[:MEMBER_BATCH]
    ):
        yield ids
        last_id = ids[-1]


def _may_concern(messages: list[Message]) -> Q:
    return (
        Q(user__in=_column(PushSubscription.objects.filter(sign_in__ended_at=None)))
        | Q(user__in=_column(Mention.objects.filter(message__in=[message.pk for message in messages])))
        | Q(user__in=_column(NotificationPreferences.objects.exclude(keywords=[])))
        | Q(user__in=[message.reply_to.sender_id for message in messages if message.reply_to])
    )


def _column(rows: QuerySet) -> QuerySet:
    return rows.order_by().values("user_id")


def _notify(messages: list[Message], user_ids: list[int], viewer_ids: dict[int, set[int]]) -> bool:
    """Decides about each of these messages for each of these users, and stores the decisions that are kept.

    Returns whether a push message is to be sent.
    """
    all_facts = facts.load_facts(messages, user_ids, viewer_ids)
    preferences = facts.get_preferences(user_ids)
    users = User.objects.in_bulk(user_ids)
    known = set(
        Notification.objects.filter(message__in=[message.pk for message in messages], user__in=user_ids).values_list(
            "message_id", "user_id"
        )
    )
    now = timezone.now()
    rows = []
    for message in messages:
        for user_id in user_ids:
            key = message.pk, user_id
            if key in known or key not in all_facts:
                continue
            decision = decide(all_facts[key])
            if not is_kept(all_facts[key], decision):
                continue
            email_due_at = None
            if all_facts[key].wants_email and is_emailed(all_facts[key], decision):
                email_due_at = find_email_time(preferences[user_id], users[user_id], now)
            rows.append(_build_row(message, user_id, all_facts[key], decision, now, email_due_at))
    with write_transaction():
        Notification.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
        return pending_pushes.add((row.user_id, row.conversation_id) for row in rows if row.outcome == Outcome.PUSH)


def is_kept(facts: Facts, decision: Decision) -> bool:
    """Returns whether a decision is stored: it concerns the user personally, or reaches the user."""
    if facts.is_own:
        return False
    return facts.concern in PERSONAL_CONCERNS or decision.outcome == Outcome.PUSH


def is_emailed(facts: Facts, decision: Decision) -> bool:
    """Returns whether a message is sent by e-mail if it stays unread."""
    return facts.concern in PERSONAL_CONCERNS and decision.outcome in (Outcome.PUSH, Outcome.EMAIL)


def _build_row(
    message: Message, user_id: int, facts: Facts, decision: Decision, now: datetime, email_due_at: datetime | None
) -> Notification:
    return Notification(
        user_id=user_id,
        conversation_id=message.conversation_id,
        message_id=message.pk,
        seq=message.seq,
        concern=facts.concern,
        outcome=decision.outcome,
        reason=decision.reason,
        created_at=now,
        email_due_at=email_due_at,
    )
