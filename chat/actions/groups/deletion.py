"""Deletes groups."""

from __future__ import annotations

from chat.actions.groups.members import end_memberships
from chat.actions.transaction import conversation_transaction


def delete_group(user_id: int, conversation_id: int) -> None:
    """Deletes a group for all members. Only the owner may do this. The database rows are kept for moderators."""
    with conversation_transaction(conversation_id, user_id) as tx:
        tx.require_allowed("delete_group")
        memberships = list(tx.conversation.memberships.filter(left_at=None).select_related("user").order_by("pk"))
        tx.conversation.member_count, tx.conversation.deleted_at = 0, tx.now
        tx.mark_changed("member_count", "deleted_at")
        tx.record_act("group.delete", tx.conversation, before={"title": tx.conversation.title})
        end_memberships(tx, memberships)
