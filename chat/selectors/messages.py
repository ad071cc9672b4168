"""Reads messages, earlier texts of messages, pinned messages and mentions, as far as the current user may see them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import F, Max, Q

from accounts.models import Relationship
from chat import permissions
from chat.models import Conversation, Mention, Message
from chat.schemas import HistorySchema, MessageSchema, RevisionSchema, message_schema
from chat.selectors.conversations import get_membership
from chat.selectors.message_rows import get_message_schemas, list_message_schemas
from chat.selectors.prefetch import messages_with_relations
from chat.selectors.summaries import list_conversation_summaries
from messenger.core.errors import forbidden, not_found
from messenger.core.timestamps import format_timestamp

PAGE, PAGE_MAX = 50, 100


def hidden_by_block(user_id: int, blocked_ids: Collection[int], message: str = "") -> Q:
    """Returns the condition of the messages that pages do not show to a user because of people whom the user blocked.

    They are the messages of these people, and what others have forwarded of them (`message_log.is_hidden_by_block`).
    `message` is the prefix of the fields of the message in a query of another model, such as `message__`.
    """
    forwarded = Q(**{f"{message}forwarded_sender__in": blocked_ids}) & ~Q(**{f"{message}sender": user_id})
    return Q(**{f"{message}sender__in": blocked_ids}) | forwarded


def get_history(
    user_id: int,
    conversation_id: int,
    *,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    limit: int = PAGE,
) -> HistorySchema:
    """Returns a page of messages, oldest first: before, after or around a message number (seq), or the newest messages.

    The result also has the version (number of the newest change) of the conversation. The version is read before the
    messages, so the messages include all changes up to it, and possibly later ones. Raises `not_found` for non-members.
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
    """Returns a page of messages of a conversation, like `get_history`, but does not check membership.

    `above` is the number of messages on the page that come before the message number `around`. The default is half of
    the page. Messages that retention has removed are left out.
    """
    removed_seq = conversation.removed_seq
    in_conversation, kept = "m.conversation_id = %s AND m.seq > %s", (conversation.pk, removed_seq)
    if around is not None:
        above = limit // 2 if above is None else above
        start = min(around - above, conversation.last_seq - limit + 1)  # so that the page is full near the end, too
        page = list_message_schemas(f"{in_conversation} AND m.seq >= %s", (*kept, start), "m.seq", limit)
    elif after is not None:
        page = list_message_schemas(f"{in_conversation} AND m.seq > %s", (*kept, after), "m.seq", limit)
    elif before is not None:
        page = list_message_schemas(f"{in_conversation} AND m.seq < %s", (*kept, before), "m.seq DESC", limit)[::-1]
    else:
        page = list_message_schemas(in_conversation, kept, "m.seq DESC", limit)[::-1]
    # The seqs after `removed_seq` have no gaps, so no query is needed to know whether there are more messages.
    first = page[0].seq if page else (before if before is not None else (after or 0) + 1)
    last = page[-1].seq if page else max(first - 1, removed_seq)
    return HistorySchema(
        results=page,
        has_before=first > removed_seq + 1 and conversation.last_seq > removed_seq,
        has_after=last < conversation.last_seq,
        version=conversation.version,
    )


def find_first_seq_since(user_id: int, conversation_id: int, since: datetime) -> int | None:
    """Returns the number (seq) of the first message that was written at the time `since` or later, or None.

    Messages have almost the same order by time and by number, so a binary search over the numbers finds the message. It
    takes 20 queries for a million messages. A database index of times would be faster here, but would make it slower to
    send a message.
    """
    return find_first_seq_in(get_membership(user_id, conversation_id).conversation, since)


def find_first_seq_in(conversation: Conversation, since: datetime) -> int | None:
    """Does the same as `find_first_seq_since`, but does not check membership."""
    low, high = conversation.removed_seq + 1, conversation.last_seq + 1
    end = high
    created_times = Message.objects.filter(conversation=conversation).values_list("created_at", flat=True)
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
    """Returns a message as a model instance.

    Raises `not_found` unless the user is a member of its conversation, and if retention has removed the message.
    """
    visible = Q(conversation__in=Conversation.objects.visible_to(user_id), seq__gt=F("conversation__removed_seq"))
    message = messages_with_relations().filter(visible, pk=message_id).first()
    if message is None:
        raise not_found()
    return message


def list_revisions(user_id: int, message_id: int) -> list[RevisionSchema]:
    """Returns the earlier texts of an edited message, oldest first. If there are more than 100, returns the newest 100.

    Raises `not_found` for a deleted message, and `forbidden` if the group does not show the edit history to the user.
    """
    message = get_message_row(user_id, message_id)
    if message.deleted_at:
        raise not_found()
    membership = get_membership(user_id, message.conversation_id)
    conversation = membership.conversation
    facts = permissions.conversation_facts(conversation, membership.role)
    if message.sender_id == user_id:
        facts.add("own")
    if (refusal := permissions.find_refusal("revisions", facts)) is not None:
        raise forbidden(refusal)
    newest = list(message.revisions.order_by("-pk")[:PAGE_MAX])
    return [
        RevisionSchema(revision.body, revision.body_html, format_timestamp(revision.written_at))
        for revision in reversed(newest)
    ]


def list_pins(user_id: int, conversation_id: int) -> list[MessageSchema]:
    """Returns the pinned messages of a conversation, at most 100. The message that was pinned last comes first.

    Raises `not_found` for non-members.
    """
    get_membership(user_id, conversation_id)
    rows = (
        messages_with_relations()
        .filter(conversation_id=conversation_id, pinned_at__isnull=False)
        .order_by("-pinned_at")
    )
    return [message_schema(row) for row in rows[:PAGE_MAX]]


def list_pin_ids(conversation_id: int) -> list[int]:
    """Returns the ids of the pinned messages of a conversation, at most 100. The one that was pinned last comes first.

    Does not check membership.
    """
    rows = Message.objects.filter(conversation_id=conversation_id, pinned_at__isnull=False).order_by("-pinned_at")
    return list(rows.values_list("pk", flat=True)[:PAGE_MAX])


def list_mentions(
    user_id: int, *, before: int | None = None, limit: int = PAGE
) -> tuple[list[MessageSchema], int | None]:
    """Returns a page of messages that mention the user `user_id`, newest first, and the cursor of the next page.

    Messages of conversations that the user has left are not included. The cursor is the id of the last mention on the
    page, or None on the last page.
    """
    mentions = Mention.objects.filter(user_id=user_id, conversation__in=Conversation.objects.visible_to(user_id))
    if before:
        mentions = mentions.filter(pk__lt=before)
    page = list(mentions.order_by("-pk").values_list("pk", "message_id")[: limit + 1])
    has_more, page = len(page) > limit, page[:limit]
    messages = get_message_schemas([message_id for _pk, message_id in page])
    return [messages[message_id] for _pk, message_id in page], (page[-1][0] if has_more else None)


def get_newest_unread_mentions(user_id: int) -> dict[int, int]:
    """Returns, by conversation id, the number (seq) of the newest unread message that mentions the user.

    Includes at most 100 conversations, those with the newest activity.
    """
    summaries = [summary for summary in list_conversation_summaries(user_id) if summary.mentions][:PAGE_MAX]
    if not summaries:
        return {}
    blocked = Relationship.objects.filter(user=user_id, blocked_at__isnull=False).values("person")
    mentions = Mention.objects.filter(user_id=user_id, conversation__in=[summary.id for summary in summaries])
    mentions = mentions.exclude(message__sender__in=blocked)
    return dict(mentions.values_list("conversation_id").annotate(newest=Max("seq")).order_by())
