"""Stores and removes requests to join a group, and counts them, inside a transaction on the group.

It publishes nothing: the caller publishes the changed group, with the new count, at the end of its transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from accounts.models import User
from chat.actions.transaction import ConversationTransaction
from chat.models import Conversation, Invite, JoinRequest
from messenger.core.errors import forbidden

MAX_WAITING = 1000  # requests per group


def add_request(tx: ConversationTransaction, user: User, invite: Invite) -> bool:
    """Stores that a user asks to join with an invite link. Returns False if the user is already waiting.

    Raises `forbidden` if too many people are waiting.
    """
    if find_waiting(tx.conversation, user.pk) is not None:
        return False
    if tx.conversation.join_request_count >= MAX_WAITING:
        raise forbidden(_("Too many people are waiting to join this group. Try again later."))
    JoinRequest.objects.update_or_create(
        conversation=tx.conversation,
        user=user,
        defaults={"invite": invite, "asked_at": tx.now, "declined_at": None},
    )
    _change_count(tx, 1)
    return True


def find_waiting(conversation: Conversation, user_id: int) -> JoinRequest | None:
    """Returns the undecided request of a user to join a group."""
    return JoinRequest.objects.filter(JoinRequest.WAITING, conversation=conversation, user_id=user_id).first()


def is_declined(invite: Invite, user_id: int) -> bool:
    """Returns True if an admin has declined this user after the invite link was created."""
    requests = JoinRequest.objects.filter(conversation_id=invite.conversation_id, user_id=user_id)
    return requests.filter(declined_at__gte=invite.created_at).exists()


def remove_requests(tx: ConversationTransaction, user_ids: Sequence[int]) -> int:
    """Removes the requests of users who have become members or do not want to join. Returns how many were undecided."""
    requests = JoinRequest.objects.filter(conversation=tx.conversation, user_id__in=user_ids)
    waiting = requests.filter(JoinRequest.WAITING).count() if tx.conversation.join_request_count else 0
    requests.delete()
    _change_count(tx, -waiting)
    return waiting


def mark_declined(tx: ConversationTransaction, request: JoinRequest) -> None:
    request.declined_at = tx.now
    request.save(update_fields=["declined_at"])
    _change_count(tx, -1)


def _change_count(tx: ConversationTransaction, change: int) -> None:
    if change:
        tx.conversation.join_request_count += change
        tx.mark_changed("join_request_count")
