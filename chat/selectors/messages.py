"""Reads messages, revisions, pins and mentions. Only what the user may see: permission and look-up are one query."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max
from django.utils.translation import gettext as _

from chat.models import Conversation, Mention, Message, Role
from chat.schemas import HistorySchema, MessageSchema, RevisionSchema, message_schema
from chat.selectors.conversations import get_membership
from chat.selectors.prefetch import messages_with_relations
from chat.selectors.summaries import list_conversation_summaries
from messenger.core.errors import forbidden, not_found
from messenger.core.timestamps import format_timestamp

PAGE, PAGE_MAX = 50, 100


def get_history(
    user_id: int,
    conversation_id: int,
    *,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    limit: int = PAGE,
) -> HistorySchema:
    """Returns a page of messages in ascending order of seq: before, after or around a seq, or the newest ones.

    The conversation's version is read before the messages, so a message may be newer than it, but never older.
    """
    conversation = get_membership(user_id, conversation_id).conversation
    return get_history_page(conversation, before=before, after=after, around=around, limit=limit)


def get_history_page(
    conversation: Conversation,
    *,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    above: int | None = None,
    limit: int = PAGE,
) -> HistorySchema:
    """Like `get_history`, without the check for membership.

    `above`: how many messages of the page come before `around`; half of them by default.
    """
    rows = messages_with_relations().filter(conversation_id=conversation.pk)
    limit = max(1, min(limit, PAGE_MAX))
    if around is not None:
        above = limit // 2 if above is None else above
        start = min(around - above, conversation.last_seq - limit + 1)  # a full page near the end, too
        page = list(rows.filter(seq__gte=start).order_by("seq")[:limit])
    elif after is not None:
        page = list(rows.filter(seq__gt=after).order_by("seq")[:limit])
    else:
        if before is not None:
            rows = rows.filter(seq__lt=before)
        page = [*reversed(rows.order_by("-seq")[:limit])]
    # The seqs of a conversation have no gaps, so no query is needed to know whether there are more.
    first = page[0].seq if page else (before if before is not None else (after or 0) + 1)
    last = page[-1].seq if page else first - 1
    return HistorySchema(
        results=[message_schema(row) for row in page],
        has_before=first > 1 and conversation.last_seq > 0,
        has_after=last < conversation.last_seq,
        version=conversation.version,
    )


def find_first_seq_since(user_id: int, conversation_id: int, since: datetime) -> int | None:
    """Returns the seq of the first message written at `since` or later, None without one.

    Times and seqs have (almost) the same order, so a binary search finds it: 20 look-ups by index for a million
    messages, and no index of times that each send would have to update.
    """
    low, high = 1, get_membership(user_id, conversation_id).conversation.last_seq + 1
    end = high
    created_times = Message.objects.filter(conversation_id=conversation_id).values_list("created_at", flat=True)
    while low < high:
        middle = (low + high) // 2
        created_at = created_times.filter(seq=middle).first()
        if created_at is not None and created_at < since:
            low = middle + 1
        else:
            high = middle
    return low if low < end else None


def get_message(user_id: int, message_id: int) -> MessageSchema:
    return message_schema(get_message_row(user_id, message_id))


def get_message_row(user_id: int, message_id: int) -> Message:
    """Returns the model instance. Raises `not_found` unless the user is a member of its conversation."""
    visible_conversations = Conversation.objects.visible_to(user_id)
    message = messages_with_relations().filter(pk=message_id, conversation__in=visible_conversations).first()
    if message is None:
        raise not_found()
    return message


def list_revisions(user_id: int, message_id: int) -> list[RevisionSchema]:
    """Returns the newest 100 earlier texts of a message, oldest first. Raises `not_found` for a deleted message."""
    message = get_message_row(user_id, message_id)
    if message.deleted_at:
        raise not_found()
    membership = get_membership(user_id, message.conversation_id)
    is_allowed = (
        membership.conversation.revisions_visible or message.sender_id == user_id or membership.role != Role.MEMBER
    )
    if not is_allowed:
        raise forbidden(_("The edit history isn’t visible in this group."))
    newest = list(message.revisions.order_by("-pk")[:PAGE_MAX])
    return [
        RevisionSchema(revision.body, revision.body_html, format_timestamp(revision.written_at))
        for revision in reversed(newest)
    ]


def list_pins(user_id: int, conversation_id: int) -> list[MessageSchema]:
    """Returns the pinned messages, the newest pin first, at most 100."""
    get_membership(user_id, conversation_id)
    rows = (
        messages_with_relations()
        .filter(conversation_id=conversation_id, pinned_at__isnull=False)
        .order_by("-pinned_at")
    )
    return [message_schema(row) for row in rows[:PAGE_MAX]]


def list_pin_ids(conversation_id: int) -> list[int]:
    """Returns the ids of the messages of `list_pins`, without the check for membership."""
    rows = Message.objects.filter(conversation_id=conversation_id, pinned_at__isnull=False).order_by("-pinned_at")
    return list(rows.values_list("pk", flat=True)[:PAGE_MAX])


def list_mentions(
    user_id: int, *, before: int | None = None, limit: int = PAGE
) -> tuple[list[MessageSchema], int | None]:
    """Returns a page of messages that mention the user, newest first, and the cursor of the next page, None at the end.

    Only conversations where the user is a member now. The cursor is the id of the page's last mention.
    """
    mentions = Mention.objects.filter(user_id=user_id, conversation__in=Conversation.objects.visible_to(user_id))
    if before:
        mentions = mentions.filter(pk__lt=before)
    page = list(mentions.order_by("-pk").values_list("pk", "message_id")[: limit + 1])
    has_more, page = len(page) > limit, page[:limit]
    messages = messages_with_relations().in_bulk([message_id for _pk, message_id in page])
    return [message_schema(messages[message_id]) for _pk, message_id in page], (page[-1][0] if has_more else None)


def get_newest_unread_mentions(user_id: int) -> dict[int, int]:
    """Returns the seq of the newest unread message that mentions the user, by conversation id; 100 at most."""
    summaries = [summary for summary in list_conversation_summaries(user_id) if summary.mentions][:PAGE_MAX]
    if not summaries:
        return {}
    mentions = Mention.objects.filter(user_id=user_id, conversation__in=[summary.id for summary in summaries])
    return dict(mentions.values_list("conversation_id").annotate(newest=Max("seq")).order_by())
