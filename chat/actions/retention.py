"""Removes messages that are older than the site or their group keeps them. A periodic background task calls it.

Messages are removed from the oldest on, in batches. A batch empties the rows in place, as a deletion does, and raises
`removed_seq` of the conversation. Clients remove all messages up to it, so there is no event for each message, and
the versions of the messages do not change. Both happen in one transaction: if the worker is killed, the next run goes
on with the next batch. The emptied row still has what answers a repeated send (sender, `client_id`, digest, id, `seq`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from chat.actions.groups.settings import publish_conversation_info
from chat.actions.messages import WIPED_FIELDS, publish_member_states
from chat.actions.transaction import ConversationTransaction, system_transaction
from chat.attachments import message_files
from chat.message_kinds import counted_kinds
from chat.models import Conversation, Membership, Mention, Message, Reaction, ReceiptHistory, Revision
from chat.search import index
from chat.selectors.legal_holds import is_held
from chat.selectors.messages import find_first_seq_in
from chat.selectors.retention import find_retention_days, iterate_expired_conversations
from chat.view_models.rendered_messages import rendered_messages

BATCH_SIZE = 500  # messages that one transaction removes


def remove_expired_messages(now: datetime | None = None) -> int:
    """Removes all messages that are too old at the time `now`. Returns how many.

    Nothing is removed from conversations under legal hold.
    """
    now = now or timezone.now()
    return sum(_remove_from(conversation_id, now) for conversation_id in iterate_expired_conversations(now))


def _remove_from(conversation_id: int, now: datetime) -> int:
    """Removes what is too old in one conversation, batch by batch."""
    conversation = Conversation.objects.get(pk=conversation_id)
    days = find_retention_days(conversation.retention_days)
    first_kept = find_first_seq_in(conversation, now - timedelta(days=days))
    last_expired = conversation.last_seq if first_kept is None else first_kept - 1
    count = 0
    while removed := _remove_batch(conversation_id, last_expired, days, now):
        count += removed
    return count


def _remove_batch(conversation_id: int, last_expired: int, days: int, now: datetime) -> int:
    """Removes at most BATCH_SIZE messages, up to number `last_expired`. Returns how many.

    The hold and the days are read again with the conversation locked. If they have changed, nothing is removed, and the
    next run decides.
    """
    with system_transaction(conversation_id) as tx:
        conversation = tx.conversation
        if not days or days != find_retention_days(conversation.retention_days) or is_held(conversation_id):
            return 0
        rows = Message.objects.filter(
            conversation=conversation, seq__gt=conversation.removed_seq, seq__lte=last_expired
        ).order_by("seq")
        oldest = rows.only("seq", "created_at", "files", "text_count")[:BATCH_SIZE]
        # The numbers have almost the order of the times. A newer message between older ones stays.
        expired = list(takewhile(lambda row: row.created_at < now - timedelta(days=days), oldest))
        if not expired:
            return 0
        _erase(tx, expired)
        conversation.removed_seq = expired[-1].seq
        tx.mark_changed("removed_seq")
        if conversation.last_message_id in {row.pk for row in expired}:
            conversation.last_message = None
            tx.mark_changed("last_message")
        publish_conversation_info(tx)
        _move_read_markers(tx, last_expired)
        # Other messages may quote them.
        transaction.on_commit(partial(rendered_messages.remove_conversation, conversation_id))
        return len(expired)


def _erase(tx: ConversationTransaction, messages: list[Message]) -> None:
    """Erases the content of messages and what belongs to them, with a fixed number of queries."""
    conversation = tx.conversation
    ids = [message.pk for message in messages]
    size = sum(file["size"] for message in messages for file in message.files)
    if size:
        conversation.file_bytes = max(conversation.file_bytes - size, 0)
        tx.mark_changed("file_bytes")
    message_files.delete_attachments(ids)
    for model in (Revision, Reaction, Mention):
        model._default_manager.filter(message__in=ids).delete()
    ReceiptHistory.objects.filter(conversation=conversation, seq__lte=messages[-1].seq).delete()
    index.remove_entries(ids)
    Message.objects.filter(pk__in=ids).update(
        **WIPED_FIELDS, event=None, pinned_at=None, deleted_at=Coalesce(F("deleted_at"), tx.now)
    )


def _move_read_markers(tx: ConversationTransaction, seq: int) -> None:
    """Moves the read markers of members who have read less up to the message `seq`, the last one that is too old.

    So what is removed does not count as unread. The first batch of a run moves them, and the later ones find none to
    move. Receipts are not published, as nobody has read these messages.
    """
    conversation = tx.conversation
    memberships = list(conversation.memberships.filter(left_at=None, read_seq__lt=seq).order_by("pk"))
    if not memberships:
        return
    tx.lock_memberships(memberships)
    count = Message.objects.values_list("text_count", flat=True).get(conversation=conversation, seq=seq)
    for membership in memberships:
        membership.conversation = conversation
        if membership.read_seq < seq:
            membership.read_seq = seq
            membership.read_count = count + _count_own_texts(membership, after=seq)
            membership.delivered_seq = max(membership.delivered_seq, seq)
    Membership.objects.bulk_update(memberships, ["read_seq", "read_count", "delivered_seq"])
    publish_member_states(tx, memberships)


def _count_own_texts(membership: Membership, after: int) -> int:
    """Returns how many counted messages after the number `after` the member has sent. Usually none, without a query."""
    if membership.sent_seq <= after:
        return 0
    own = Message.objects.filter(
        conversation=membership.conversation_id, sender=membership.user_id, seq__gt=after, kind__in=counted_kinds()
    )
    return own.count()
