"""Who got and read what: the marks of those who show them, to those who show theirs."""

from __future__ import annotations

from django.db.models import Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Audience, User
from accounts.selectors import privacy
from chat.models import Mark, Membership, Message
from chat.schemas import MessageReceiptSchema, ReceiptSchema, moment_or_none
from chat.selectors.conversations import get_membership
from chat.selectors.messages import get_message_row


def list_receipts(user_id: int, conversation_id: int) -> list[ReceiptSchema]:
    """Each other member's marks, of those who show them; to nobody who hides their own."""
    return receipts_for_member(get_membership(user_id, conversation_id))


def receipts_for_member(seat: Membership) -> list[ReceiptSchema]:
    """For whoever was let in already, and sits here."""
    if not _shows(seat):
        return []
    conversation_id = seat.conversation_id
    # Each mark has a time of its own: that of the first step that reached it, or of one's own message, which moves it.
    same = {"conversation_id": conversation_id, "seq__gte": OuterRef("read_seq")}
    marked = Mark.objects.filter(**same, kind=Mark.Kind.READ, user_id=OuterRef("user_id")).order_by("at")
    wrote = Message.objects.filter(**same, kind=Message.Kind.TEXT, sender_id=OuterRef("user_id")).order_by("seq")
    rows = (
        _showing(conversation_id, seat.user)
        .exclude(user_id=seat.user_id)
        .annotate(read_at=Coalesce(Subquery(marked.values("at")[:1]), Subquery(wrote.values("created_at")[:1])))
        .values_list("user_id", "delivered_seq", "read_seq", "read_at")
    )
    return [ReceiptSchema(uid, got, read, moment_or_none(at)) for uid, got, read, at in rows]


def list_message_receipts(user_id: int, message_id: int) -> list[MessageReceiptSchema]:
    """Who got and read this message, and when: the first mark of each that reached it."""
    row = get_message_row(user_id, message_id)
    seat = get_membership(user_id, row.conversation_id)
    if not _shows(seat):
        return []
    people = _showing(row.conversation_id, seat.user).exclude(user_id=row.sender_id).values_list("user_id", flat=True)
    marks = (
        Mark.objects.filter(conversation_id=row.conversation_id, seq__gte=row.seq, user_id__in=list(people))
        .values_list("user_id", "kind")
        .annotate(at=Min("at"))
        .order_by()
    )
    first = {(uid, kind): at for uid, kind, at in marks}
    reached = sorted({uid for uid, _kind in first})
    return [
        MessageReceiptSchema(
            uid, moment_or_none(first.get((uid, "delivered"))), moment_or_none(first.get((uid, "read")))
        )
        for uid in reached
    ]


def _showing(conversation_id: int, viewer: User | None = None) -> QuerySet[Membership]:
    """Members who show how far they have read, in all and in this conversation; to this viewer, where one is given."""
    rows = Membership.objects.filter(conversation_id=conversation_id, left_at=None, receipts=True)
    if viewer is not None:
        return rows.filter(Q(user=viewer.pk) | privacy.shown(viewer, "show_receipts", "user__"))
    return rows.exclude(user__show_receipts=Audience.NOBODY)


def shows_receipts(user_id: int, conversation_id: int) -> bool:
    """Whether this person shows theirs here, and so sees those of others."""
    return _shows(get_membership(user_id, conversation_id))


def _shows(seat: Membership) -> bool:
    """Whether whoever sits here shows how far they have read; who shows none sees none."""
    return seat.receipts and seat.user.show_receipts != Audience.NOBODY


def visible_read_markers(conversation_id: int, user_ids: set[int]) -> dict[int, int]:
    """How far these people have read; who shows no receipts is left out."""
    return dict(_showing(conversation_id).filter(user_id__in=user_ids).values_list("user_id", "read_seq"))
