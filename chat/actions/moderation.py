"""Lets members report messages, and lets moderators hide and restore messages, revoke invite links and settle reports.

A moderator needs a Django permission (`user.has_perm`), but does not have to be a member of the conversation.
"""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions as audit
from chat import events
from chat.actions import search_index
from chat.actions.messages import delete_locked_message, require_not_deleted, update_mentions
from chat.actions.transaction import message_transaction, moderation_transaction
from chat.actions.validation import check_storable
from chat.message_kinds import KINDS
from chat.models import Invite, Message, Report
from chat.schemas import message_schema
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, invalid, not_found

REASON_LIMIT = 500  # characters


def report_message(user_id: int, message_id: int, reason: str) -> None:
    """Reports a message to the moderators and stores a copy of its text with the report.

    If the same user reports the same message again, the second report replaces the first report and is not settled.
    """
    check_storable(reason, REASON_LIMIT, "reason")
    rate_limits.require("report", user_id)
    with message_transaction(message_id, user_id) as (tx, message):
        require_not_deleted(message)
        tx.require("report" in KINDS[message.kind].actions)
        # The lock on the conversation prevents two rows from concurrent reports.
        Report.objects.update_or_create(
            message=message,
            reporter_id=user_id,
            defaults={
                "reason": reason,
                "body": message.body,
                "created_at": tx.now,
                "settled_at": None,
                "settled_by": None,
            },
        )


def hide_message(moderator_id: int, message_id: int, reason: str = "") -> None:
    """Deletes a message for all readers as a moderator. The content stays in the database and can be restored."""
    _require_permission(moderator_id, "chat.moderate_message")
    with moderation_transaction(message_id) as (tx, message):
        tx.require("hide" in KINDS[message.kind].actions)
        if not message.deleted_at:
            delete_locked_message(tx, message, wipe=False, by_id=moderator_id)
            audit.record("message.hide", moderator_id, message, conversation_id=tx.conversation.pk, reason=reason)


def restore_message(moderator_id: int, message_id: int, reason: str = "") -> None:
    """Shows a message again that an admin or a moderator has hidden.

    Raises `invalid` for a message that its sender has deleted, because its content no longer exists. Raises `forbidden`
    if the moderator has sent the message.
    """
    _require_permission(moderator_id, "chat.moderate_message")
    with moderation_transaction(message_id) as (tx, message):
        if not message.deleted_at:
            return
        _require_other_sender(moderator_id, message)
        if message.hidden_by_id is None:
            raise invalid(message=_("The sender deleted this message; it can’t be restored."))
        message.deleted_at, message.hidden_by = None, None
        tx.save_message(message, "deleted_at", "hidden_by")
        search_index.update_message(message)
        schema = message_schema(message)
        tx.publish(events.message_updated(schema))
        update_mentions(tx, message, schema, schema.mentions)
        audit.record("message.restore", moderator_id, message, conversation_id=tx.conversation.pk, reason=reason)


def revoke_invite_as_moderator(moderator_id: int, invite_id: int, reason: str = "") -> None:
    """Revokes an invite link as a moderator. Does nothing if the link is revoked already."""
    _require_permission(moderator_id, "chat.change_invite")
    with write_transaction():
        invite = Invite.objects.select_for_update(no_key=True).filter(pk=invite_id).first()
        if invite is None:
            raise not_found()
        if invite.revoked_at is None:
            invite.revoked_at = timezone.now()
            invite.save(update_fields=["revoked_at"])
            audit.record("invite.revoke", moderator_id, invite, conversation_id=invite.conversation_id, reason=reason)


def settle_report(moderator_id: int, report_id: int, reason: str = "") -> None:
    """Marks a report as settled: this moderator has dealt with it. Does nothing if the report is settled already."""
    _require_permission(moderator_id, "chat.change_report")
    with write_transaction():
        locked = Report.objects.select_for_update(no_key=True, of=("self",)).select_related("message")
        report = locked.filter(pk=report_id).first()
        if report is None:
            raise not_found()
        if report.settled_at is None:
            _require_other_sender(moderator_id, report.message)
            report.settled_at, report.settled_by_id = timezone.now(), moderator_id
            report.save(update_fields=["settled_at", "settled_by"])
            conversation_id = report.message.conversation_id
            audit.record("report.settle", moderator_id, report, conversation_id=conversation_id, reason=reason)


def _require_other_sender(moderator_id: int, message: Message) -> None:
    """Raises `forbidden` if the moderator has sent this message: moderators may not decide about their own messages."""
    if message.sender_id == moderator_id:
        raise forbidden(_("You can’t decide about your own message. Ask another moderator."))


def _require_permission(moderator_id: int, permission: str) -> None:
    moderator = User.objects.filter(pk=moderator_id, is_active=True).first()
    if moderator is None or not moderator.has_perm(permission):
        raise forbidden()
