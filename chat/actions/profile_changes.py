"""Publishes a user's new name or avatar in the conversations of the user."""

from __future__ import annotations

from chat import events
from chat.actions.transaction import outsider_transaction
from chat.models import Membership
from messenger.core.errors import not_found


def publish_profile_change(user_id: int) -> None:
    """Publishes a user's new name or avatar as the event `member.updated` in each conversation of the user.

    Uses one short transaction per conversation.
    """
    memberships = Membership.objects.filter(Membership.LISTED, user_id=user_id, conversation__deleted_at=None)
    for conversation_id in memberships.values_list("conversation_id", flat=True):
        publish_profile_change_in(user_id, conversation_id)


def publish_profile_change_in(user_id: int, conversation_id: int) -> None:
    with outsider_transaction(conversation_id) as tx:
        memberships = tx.conversation.memberships.filter(Membership.LISTED, user_id=user_id)
        membership = memberships.select_related("user").first()
        if membership is None:
            raise not_found()
        membership.version = tx.next_version()
        membership.save(update_fields=["version"])
        tx.publish(events.member_updated(membership))
