"""Lets moderators hide, restore and delete messages, and revoke invite links. Reports are in chat.actions.reports.

A moderator needs a Django permission (`user.has_perm`), but does not have to be a member of the conversation.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from accounts import actions as account_actions
from accounts.models import User
from audit import actions as audit
from chat import events
from chat.actions import search_index
from chat.actions.messages import delete_locked_message, update_mentions
from chat.actions.transaction import moderation_transaction
from chat.message_kinds import KINDS
from chat.models import Invite, Message
from chat.schemas import message_schema
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, invalid


def hide_message(moderator_id: int, message_id: int, reason: str = "") -> None:
    """Deletes a message for all readers as a moderator. The content stays in the database and can be restored."""
    account_actions.require_permission(moderator_id, "chat.moderate_message")
    with moderation_transaction(message_id) as (tx, message):
        tx.require("hide" in KINDS[message.kind].actions)
        _require_moderated_sender(moderator_id, message)
        if not message.deleted_at:
            delete_locked_message(tx, message, wipe=False, by_id=moderator_id)
            audit.record("message.hide", moderator_id, message, conversation_id=tx.conversation.pk, reason=reason)


def restore_message(moderator_id: int, message_id: int, reason: str = "") -> None:
    """Shows a message again that an admin or a moderator has hidden.

    Raises `invalid` for a message that its sender has deleted, because its content no longer exists. Raises `forbidden`
    if the moderator has sent the message.
    """
    account_actions.require_permission(moderator_id, "chat.moderate_message")
    with moderation_transaction(message_id) as (tx, message):
        if not message.deleted_at:
            return
        _require_other_sender(moderator_id, message)
        _require_moderated_sender(moderator_id, message)
        if message.hidden_by_id is None:
            raise invalid(message=_("The sender deleted this message; it can’t be restored."))
        message.deleted_at, message.hidden_by = None, None
        tx.save_message(message, "deleted_at", "hidden_by")
        search_index.update_message(message)
        schema = message_schema(message)
        tx.publish(events.message_updated(schema))
        update_mentions(tx, message, schema, schema.mentions)
        audit.record("message.restore", moderator_id, message, conversation_id=tx.conversation.pk, reason=reason)


def wipe_message(moderator_id: int, message_id: int, reason: str = "") -> None:
    """Deletes a message for good: its text and files are erased, also if it was hidden before. It can't be restored."""
    account_actions.require_permission(moderator_id, "chat.moderate_message")
    with moderation_transaction(message_id) as (tx, message):
        tx.require("hide" in KINDS[message.kind].actions)
        _require_other_sender(moderator_id, message)
        _require_moderated_sender(moderator_id, message)
        if message.deleted_at and message.hidden_by_id is None:
            return  # its sender has deleted it, so nothing is left
        audit.record("message.wipe", moderator_id, message, conversation_id=tx.conversation.pk, reason=reason)
        delete_locked_message(tx, message, wipe=True, by_id=moderator_id)


def hide_recent_messages(moderator_id: int, user_id: int, since: datetime, reason: str = "") -> int:
    """Hides all messages that a user has sent since a time, in all conversations. Returns how many.

    Their content stays in the database, and each of them can be restored.
    """
    account_actions.require_permission(moderator_id, "chat.moderate_message")
    account_actions.get_moderated_user(user_id, moderator_id, "chat.moderate_message", lock=False)
    rows = Message.objects.filter(sender=user_id, created_at__gte=since, deleted_at=None, kind=Message.Kind.TEXT)
    message_ids = list(rows.order_by("pk").values_list("pk", flat=True))
    for message_id in message_ids:
        hide_message(moderator_id, message_id, reason)
    if message_ids:
        after = {"count": len(message_ids), "since": since.isoformat()}
        with write_transaction():
            audit.record("user.wipe", moderator_id, User.objects.get(pk=user_id), after=after, reason=reason)
    return len(message_ids)


def revoke_invite_as_moderator(moderator_id: int, invite_id: int, reason: str = "") -> None:
    """Revokes an invite link as a moderator. Does nothing if the link is revoked already."""
    account_actions.require_permission(moderator_id, "chat.change_invite")
    with write_transaction():
        invite, has_changed = account_actions.end_row(Invite, invite_id, "revoked_at")
        if has_changed:
            audit.record("invite.revoke", moderator_id, invite, conversation_id=invite.conversation_id, reason=reason)


def _require_other_sender(moderator_id: int, message: Message) -> None:
    """Raises `forbidden` if the moderator has sent this message: moderators may not decide about their own messages."""
    if message.sender_id == moderator_id:
        raise forbidden(_("You can’t decide about your own message. Ask another moderator."))


def _require_moderated_sender(moderator_id: int, message: Message) -> None:
    """Raises `forbidden` for messages of staff, unless the moderator is an administrator or has sent the message."""
    if message.sender_id != moderator_id:
        # Not locked: users are locked after memberships.
        account_actions.get_moderated_user(message.sender_id, moderator_id, "chat.moderate_message", lock=False)
