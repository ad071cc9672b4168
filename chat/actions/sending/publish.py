"""Builds the events of a batch of messages: new messages for all members, and changes that concern one user only."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from accounts.actions.user_version import allocate_me_versions
from chat import events
from chat.actions.sending.persist import get_mentioned_ids
from chat.actions.sending.types import PendingSend, SentMessage
from chat.models import Membership, ReceiptHistory
from chat.schemas import ConversationSchema, MineSchema, build_message_schema, mine_schema
from chat.selectors import conversation_schemas, count_unread_mentions, find_hidden_receipts
from messenger.core import bulk_sql
from messenger.core.timestamps import format_timestamp
from messenger.live.events import Event


def build_message_events(sends: list[PendingSend], now: datetime) -> list[Event]:
    """Returns the events `message.created` and `mention` for the new messages, and sets the outcome of each command."""
    created_at = format_timestamp(now)
    message_events: list[Event] = []
    for send in sends:
        payload = send.payload
        message = build_message_schema(
            id=send.message_id,
            conversation_id=send.conversation.id,
            seq=send.seq,
            version=send.version,
            client_id=str(payload.client_id),
            kind="text",
            sender=send.membership.user,
            body=send.body,
            body_html=send.body_html,
            mentions=send.mentions,
            reply_to=send.reply,
            forwarded_from=send.forward,
            attachments=send.files.schemas if send.files else None,
            created_at=created_at,
        )
        send.outcome = SentMessage(message, created=True)
        message_events.append(events.message_created(message))
        if send.mentions:
            message_events += [events.user_mentioned(user_id, message) for user_id in get_mentioned_ids(send)]
    return message_events


def open_new_pairs(sends: list[PendingSend]) -> list[tuple[Membership, ConversationSchema]]:
    """Opens direct conversations that get their first message for their second user (the receiver).

    Before its first message, a direct conversation exists only for the user who has opened it. Returns the memberships
    of the second users, each with the conversation as this user sees it without the new message. `load_senders` must
    have locked the memberships before. Call this before the messages get their numbers.
    """
    new_pairs = {send.conversation.id: send.conversation for send in sends if send.conversation.has_unopened_member}
    if not new_pairs:
        return []
    rows = Membership.objects.filter(conversation__in=new_pairs, left_at__isnull=False)
    memberships = list(rows.select_related("conversation", "user").order_by("pk"))
    opened = []
    for row in memberships:
        conversation = new_pairs[row.conversation_id]
        conversation.version += 1
        row.left_at, row.version, row.conversation.version = None, conversation.version, conversation.version
        opened.append((row, conversation_schemas([row], row.user_id)[0]))
    bulk_sql.update_rows(Membership, ("id", "left_at", "version"), [(row.pk, None, row.version) for row in memberships])
    return opened


def update_member_states(
    sends: list[PendingSend], opened: list[tuple[Membership, ConversationSchema]], now: datetime
) -> tuple[list[Event], list[Event]]:
    """Updates what a batch of messages changes for single users. Returns two lists of events.

    The first list is to be published before the message events, the second list after them. Makes a query only in these
    cases:

    - A direct conversation is opened for its second user by its first message (`opened`, see `open_new_pairs`). Only in
      this case the first list is not empty.
    - The sender had unread messages. They are read now, so the sender's other devices get the event `mine.updated`, and
      the other members get the event `receipt`. If the read marker of the sender stays, `mine.updated` tells the
      devices of the sender how much is unread: they assume that a sender has read everything.
    - A member had archived the conversation without muting it. It is unarchived.
    - A member is mentioned but not notified because of a block. The member's devices count each mention that they
      receive, and `mine.updated` corrects this count.
    """
    senders = {
        send.membership.id: send
        for send in sends
        if send.membership.had_unread and not send.membership.keeps_read_marker
    }
    changed = {row.pk: row for row in (*_unarchive(sends), *_load_blocked_mentions(sends), *_load_keeping(sends))}
    others = [row for row in changed.values() if row.pk not in senders]
    if not senders and not others and not opened:
        return [], []
    me_versions = allocate_me_versions(
        [
            *(send.user_id for send in senders.values()),
            *(row.user_id for row in others),
            *(row.user_id for row, _schema in opened),
        ]
    )
    first_events: list[Event] = []
    user_events: list[Event] = []
    version_rows = []
    for row, schema in opened:
        row.me_version = me_versions[row.user_id].pop(0)
        assert schema.mine
        schema.mine.me_version = row.me_version
        first_events.append(events.conversation_added(row.user_id, row.me_version, schema, row.version))
        first_events.append(events.member_updated(row))
        version_rows.append((row.pk, row.me_version))
    mention_counts = count_unread_mentions(others)
    for row in others:
        row.me_version = me_versions[row.user_id].pop(0)
        member_state = mine_schema(row, row.conversation, mention_counts.get((row.conversation_id, row.user_id), 0))
        user_events.append(events.mine_updated(row.user_id, row.conversation_id, member_state))
        version_rows.append((row.pk, row.me_version))
    receipts: list[events.Receipt] = []
    history, at = [], format_timestamp(now)
    for send, member_state in _sender_states(sends, senders, me_versions):
        user_id, conversation_id, seq = send.user_id, send.conversation.id, send.membership.sent_seq
        user_events.append(events.mine_updated(user_id, conversation_id, member_state))
        if send.membership.shows_receipts:
            receipts.append(events.Receipt(conversation_id, user_id, seq, seq, at))
        version_rows.append((send.membership.id, member_state.me_version))
        history += [(conversation_id, user_id, kind, seq, now) for kind in ("delivered", "read")]
    bulk_sql.update_rows(Membership, ("id", "me_version"), version_rows)
    bulk_sql.insert_rows(ReceiptHistory, ("conversation_id", "user_id", "kind", "seq", "at"), history)
    if receipts:
        hidden = find_hidden_receipts((receipt.conversation_id, receipt.user_id) for receipt in receipts)
        user_events += events.receipt_events(receipts, hidden)
    return first_events, user_events


def _sender_states(
    sends: list[PendingSend], senders: dict[int, PendingSend], me_versions: dict[int, list[int]]
) -> list[tuple[PendingSend, MineSchema]]:
    """Returns for each sender in `senders` the last message and the sender's new state (unread count, mute and so on).

    `senders` maps the membership id of a sender to the last message that this sender has in the batch.
    """
    if not senders:
        return []
    rows = bulk_sql.fetch_all(
        "SELECT id, muted, level, favourite, archived, draft, announcement_seen, receipts FROM chat_membership"
        f" WHERE id IN {bulk_sql.placeholders(1, len(senders))} ORDER BY id",
        senders,
    )
    states = []
    for membership_id, muted, level, favourite, archived, draft, announcement_seen, receipts in rows:
        send = senders[membership_id]
        membership, conversation, user_id = send.membership, send.conversation, send.user_id
        unread_count = conversation.text_count - membership.sent_text_count  # written later in this batch, by others
        mention_count = sum(
            user_id in get_mentioned_ids(later_send)
            for later_send in (sends if unread_count else ())
            if later_send.mentions and later_send.conversation is conversation and later_send.seq > membership.sent_seq
        )
        member_state = MineSchema(
            role=membership.role,
            read_seq=membership.sent_seq,
            unread_count=unread_count,
            unread_mention_count=mention_count,
            muted=bool(muted),  # SQLite returns 0 and 1
            level=level,
            favourite=bool(favourite),
            archived=bool(archived),
            draft=draft,
            me_version=me_versions[user_id].pop(0),
            announcement_seen=announcement_seen,
            receipts=bool(receipts),
            last_seq=conversation.last_seq,
        )
        states.append((send, member_state))
    return states


def _load_keeping(sends: list[PendingSend]) -> list[Membership]:
    """Returns the memberships of senders whose read marker stays although others have written."""
    ids = {send.membership.id for send in sends if send.membership.keeps_read_marker}
    if not ids:
        return []
    return list(Membership.objects.filter(pk__in=ids).select_related("conversation").order_by("pk"))


def _load_blocked_mentions(sends: list[PendingSend]) -> list[Membership]:
    """Locks and returns the memberships of users whom a message mentions, but who are not notified because of a block.

    One of the two users (sender and mentioned user) has blocked the other.
    """
    keys = {(send.conversation.id, user_id) for send in sends for user_id in send.blocked_mention_ids}
    if not keys:
        return []
    condition = Q(
        *[Q(conversation_id=conversation_id, user_id=user_id) for conversation_id, user_id in keys], _connector=Q.OR
    )
    rows = Membership.objects.select_for_update(no_key=True, of=("self",)).filter(condition, left_at=None)
    return list(rows.select_related("conversation").order_by("pk"))


def _unarchive(sends: list[PendingSend]) -> list[Membership]:
    """Unarchives the conversations of new messages for members who have archived them, but have not muted them.

    Returns the memberships of these members. `load_senders` must have locked the rows of the memberships before.
    """
    conversation_ids = {send.conversation.id for send in sends if send.conversation.has_archived_members}
    if not conversation_ids:
        return []
    archived = Membership.objects.filter(conversation__in=conversation_ids, archived=True, muted=False, left_at=None)
    rows = list(archived.select_related("conversation").order_by("pk"))
    for row in rows:
        row.archived = False
    bulk_sql.update_rows(Membership, ("id", "archived"), [(row.pk, False) for row in rows])
    return rows
