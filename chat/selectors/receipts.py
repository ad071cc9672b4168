"""Reads receipts: which messages the members have received and read.

A user who hides receipts sees no receipts of others, and others do not see the receipts of this user.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Audience, User
from accounts.selectors import privacy
from chat.message_kinds import WRITTEN_KINDS
from chat.models import Membership, Message, ReceiptHistory
from chat.schemas import MessageReceiptSchema, ReceiptSchema
from chat.selectors.conversations import get_membership
from chat.selectors.messages import get_message_row
from messenger.core.timestamps import format_optional_timestamp


def list_receipts(user_id: int, conversation_id: int) -> list[ReceiptSchema]:
    """Returns the numbers of the newest messages that the other members have received and read (receipts).

    Members who hide their receipts from the user `user_id` are left out. The list is empty if this user hides receipts.
    Raises `not_found` for non-members.
    """
    return list_receipts_for_member(get_membership(user_id, conversation_id))


def list_receipts_for_member(membership: Membership) -> list[ReceiptSchema]:
    """Returns the numbers of the newest messages that the other members have received and read (receipts).

    Does the same as `list_receipts`, for a user whose membership is loaded already.
    """
    if not _shows_receipts(membership):
        return []
    conversation_id = membership.conversation_id
    # When a marker moved: the time of the first history row at or after it or, without one, of the user's own message.
    from_marker = {"conversation_id": conversation_id, "seq__gte": OuterRef("read_seq")}
    user_ref = OuterRef("user_id")
    history = ReceiptHistory.objects.filter(**from_marker, kind=ReceiptHistory.Kind.READ, user_id=user_ref)
    own_texts = Message.objects.filter(**from_marker, kind__in=WRITTEN_KINDS, sender_id=user_ref)
    read_at = Coalesce(
        Subquery(history.order_by("at").values("at")[:1]), Subquery(own_texts.order_by("seq").values("created_at")[:1])
    )
    rows = (
        _members_showing_receipts(conversation_id, membership.user)
        .exclude(user_id=membership.user_id)
        .annotate(read_at=read_at)
        .values_list("user_id", "delivered_seq", "read_seq", "read_at")
    )
    return [
        ReceiptSchema(member_id, delivered_seq, read_seq, format_optional_timestamp(at))
        for member_id, delivered_seq, read_seq, at in rows
    ]


def list_peer_receipts(user_id: int, conversation_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Returns how far the other user has received and read each of these direct conversations, by conversation id.

    Each value is (`delivered_seq`, `read_seq`). Conversations in which one of the two users hides receipts from the
    other are left out. Makes two queries, or none without ids.
    """
    user = User.objects.get(pk=user_id) if conversation_ids else None
    if user is None or user.show_receipts == Audience.NOBODY:
        return {}
    shown = Membership.objects.filter(user_id=user.pk, receipts=True).values("conversation_id")
    rows = (
        Membership.objects.filter(conversation_id__in=conversation_ids, left_at=None, receipts=True)
        .filter(privacy.visible_to(user, "show_receipts", "user__"), conversation_id__in=shown)
        .exclude(user_id=user.pk)
        .values_list("conversation_id", "delivered_seq", "read_seq")
    )
    return {conversation_id: (delivered_seq, read_seq) for conversation_id, delivered_seq, read_seq in rows}


def list_receipt_sharing_ids(user_id: int, conversation_id: int) -> list[int]:
    """Returns the ids of the other members who show receipts to the user `user_id`, by name.

    The list is empty if this user hides receipts. Raises `not_found` for non-members.
    """
    membership = get_membership(user_id, conversation_id)
    if not _shows_receipts(membership):
        return []
    members = _members_showing_receipts(conversation_id, membership.user).exclude(user_id=user_id)
    return list(members.order_by("user__name", "user__username").values_list("user_id", flat=True))


def list_message_receipts(user_id: int, message_id: int) -> list[MessageReceiptSchema]:
    """Returns which members have received and read a message, and when.

    Members who hide this from the user `user_id` are left out. The list is empty if this user hides it from others.
    """
    message = get_message_row(user_id, message_id)
    membership = get_membership(user_id, message.conversation_id)
    if not _shows_receipts(membership):
        return []
    members = _members_showing_receipts(message.conversation_id, membership.user).exclude(user_id=message.sender_id)
    member_ids = list(members.values_list("user_id", flat=True))
    history = (
        ReceiptHistory.objects.filter(
            conversation_id=message.conversation_id, seq__gte=message.seq, user_id__in=member_ids
        )
        .values_list("user_id", "kind")
        .annotate(at=Min("at"))
        .order_by()
    )
    times = {(member_id, kind): at for member_id, kind, at in history}
    return [
        MessageReceiptSchema(
            member_id,
            format_optional_timestamp(times.get((member_id, "delivered"))),
            format_optional_timestamp(times.get((member_id, "read"))),
        )
        for member_id in sorted({member_id for member_id, _kind in times})
    ]


def _members_showing_receipts(conversation_id: int, viewer: User | None = None) -> QuerySet[Membership]:
    """Returns the memberships of members who show receipts (what they have received and read).

    With `viewer`, returns only members who show receipts to this user. Both the general setting of a member and the
    member's setting for this conversation must allow it.
    """
    rows = Membership.objects.filter(conversation_id=conversation_id, left_at=None, receipts=True)
    if viewer is not None:
        return rows.filter(Q(user=viewer.pk) | privacy.visible_to(viewer, "show_receipts", "user__"))
    return rows.exclude(user__show_receipts=Audience.NOBODY)


def shows_receipts(user_id: int, conversation_id: int) -> bool:
    """Returns True if the user shows to others what he or she has read in this conversation (receipts).

    Only a user who shows receipts can see the receipts of others.
    """
    return _shows_receipts(get_membership(user_id, conversation_id))


def _shows_receipts(membership: Membership) -> bool:
    return membership.receipts and membership.user.show_receipts != Audience.NOBODY


def get_visible_read_markers(conversation_id: int, user_ids: set[int]) -> dict[int, int]:
    """Returns the number of the newest message that each of the users has read in a conversation, by user id.

    Users who hide receipts (what they have read) are left out.
    """
    return dict(
        _members_showing_receipts(conversation_id).filter(user_id__in=user_ids).values_list("user_id", "read_seq")
    )
