"""What somebody may see. Every look-up goes through what is theirs, so that access and look-up are one query."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max
from django.utils.translation import gettext as _

from chat.models import Conversation, Mention, Message, Role
from chat.schemas import (
    HistorySchema,
    MessageSchema,
    RevisionSchema,
    message_schema,
    moment,
)
from chat.selectors.conversations import get_membership
from chat.selectors.prefetch import messages_with_relations
from chat.selectors.summaries import list_summaries
from messenger.core.errors import forbidden, not_found

PAGE, PAGE_MAX = 50, 100


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────
def get_history(
    user_id: int,
    conversation_id: int,
    *,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    limit: int = PAGE,
) -> HistorySchema:
    """A page by seq, ascending; the newest where nothing is asked. The version is read before the rows."""
    conversation = get_membership(user_id, conversation_id).conversation
    return history_page(conversation, before=before, after=after, around=around, limit=limit)


def history_page(
    conversation: Conversation,
    *,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    above: int | None = None,
    limit: int = PAGE,
) -> HistorySchema:
    """For whoever was let in already. `above`: how many of the lines stand above `around`; half of them unless said."""
    rows = messages_with_relations().filter(conversation_id=conversation.pk)
    limit = max(1, min(limit, PAGE_MAX))
    if around is not None:
        half = limit // 2 if above is None else above
        start = min(around - half, conversation.last_seq - limit + 1)  # a whole page also near the end
        found = list(rows.filter(seq__gte=start).order_by("seq")[:limit])
    elif after is not None:
        found = list(rows.filter(seq__gt=after).order_by("seq")[:limit])
    else:
        if before is not None:
            rows = rows.filter(seq__lt=before)
        found = [*reversed(rows.order_by("-seq")[:limit])]
    # Numbers have no holes, so the ends are known without asking.
    first = found[0].seq if found else (before if before is not None else (after or 0) + 1)
    last = found[-1].seq if found else first - 1
    return HistorySchema(
        results=[message_schema(row) for row in found],
        has_before=first > 1 and conversation.last_seq > 0,
        has_after=last < conversation.last_seq,
        version=conversation.version,
    )


def first_seq_since(user_id: int, conversation_id: int, since: datetime) -> int | None:
    """Seq of the first message written then or later; None where there is none.

    Times follow seq but for moments, so halving finds it: 20 look-ups by index in a million messages, and no index of
    times that each send would have to keep.
    """
    low, high = 1, get_membership(user_id, conversation_id).conversation.last_seq + 1
    end = high
    rows = Message.objects.filter(conversation_id=conversation_id).values_list("created_at", flat=True)
    while low < high:
        middle = (low + high) // 2
        at = rows.filter(seq=middle).first()
        if at is not None and at < since:
            low = middle + 1
        else:
            high = middle
    return low if low < end else None


def get_message(user_id: int, message_id: int) -> MessageSchema:
    return message_schema(get_message_row(user_id, message_id))


def get_message_row(user_id: int, message_id: int) -> Message:
    mine = Conversation.objects.visible_to(user_id)
    row = messages_with_relations().filter(pk=message_id, conversation__in=mine).first()
    if row is None:
        raise not_found()
    return row


def list_revisions(user_id: int, message_id: int) -> list[RevisionSchema]:
    """What it said before, oldest first; of more than a hundred the newest. Nothing of what was deleted."""
    row = get_message_row(user_id, message_id)
    if row.deleted_at:
        raise not_found()
    seat = get_membership(user_id, row.conversation_id)
    allowed = seat.conversation.revisions_visible or row.sender_id == user_id or seat.role != Role.MEMBER
    if not allowed:
        raise forbidden(_("Earlier versions are not shown in this group."))
    newest = list(row.revisions.order_by("-pk")[:PAGE_MAX])
    return [RevisionSchema(each.body, each.body_html, moment(each.written_at)) for each in reversed(newest)]


def list_pins(user_id: int, conversation_id: int) -> list[MessageSchema]:
    """Newest pin first, a hundred at most."""
    get_membership(user_id, conversation_id)
    rows = (
        messages_with_relations()
        .filter(conversation_id=conversation_id, pinned_at__isnull=False)
        .order_by("-pinned_at")
    )
    return [message_schema(row) for row in rows[:PAGE_MAX]]


def list_pin_ids(conversation_id: int) -> list[int]:
    """For whoever was let in already: which messages `pins` tells of."""
    rows = Message.objects.filter(conversation_id=conversation_id, pinned_at__isnull=False).order_by("-pinned_at")
    return list(rows.values_list("pk", flat=True)[:PAGE_MAX])


def list_mentions(
    user_id: int, *, before: int | None = None, limit: int = PAGE
) -> tuple[list[MessageSchema], int | None]:
    """Messages that name me, newest first, where I am a member now. The cursor is the last mention's id."""
    rows = Mention.objects.filter(user_id=user_id, conversation__in=Conversation.objects.visible_to(user_id))
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk").values_list("pk", "message_id")[: limit + 1])
    page = found[:limit]
    by_id = {row.pk: row for row in messages_with_relations().filter(pk__in=[message_id for _, message_id in page])}
    shapes = [message_schema(by_id[message_id]) for _, message_id in page]
    return shapes, (page[-1][0] if len(found) > limit else None)


def newest_unread_mentions(user_id: int) -> dict[int, int]:
    """Seq of the newest message after my read mark that names me, by conversation; a hundred conversations at most."""
    mine = [each for each in list_summaries(user_id) if each.mentions][:PAGE_MAX]
    newest = Mention.objects.filter(user_id=user_id, conversation__in=[each.id for each in mine])
    return dict(newest.values_list("conversation_id").annotate(newest=Max("seq")).order_by()) if mine else {}
