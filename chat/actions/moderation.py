"""Reports by members, and what site moderators do about them. Moderators need not be members of anything."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from chat import events
from chat.actions.messages import must_stand, note_mentions, take_away
from chat.actions.transaction import changing_message, moderating
from chat.actions.validation import check_storable
from chat.models import Invite, Message, Report
from chat.schemas import message_schema
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, invalid, not_found

REASON = 500  # characters


def report(user_id: int, message_id: int, reason: str) -> None:
    """Tell the moderators, with the words as they are now. Told twice it is one report, open anew."""
    check_storable(reason, REASON, "reason")
    with changing_message(message_id, user_id) as (ledger, message):
        must_stand(message)
        ledger.require(message.kind == Message.Kind.TEXT)
        told = {"reason": reason, "body": message.body, "created_at": ledger.now}
        # The conversation is locked: nobody else reports in it meanwhile.
        Report.objects.update_or_create(
            message=message, reporter_id=user_id, defaults={**told, "settled_at": None, "settled_by": None}
        )


def hide(moderator_id: int, message_id: int) -> None:
    """Take a message out of sight. It can be restored."""
    _may(moderator_id, "chat.moderate_message")
    with moderating(message_id) as (ledger, message):
        ledger.require(message.kind == Message.Kind.TEXT)
        if not message.deleted_at:
            take_away(ledger, message, wipe=False, by_id=moderator_id)


def restore(moderator_id: int, message_id: int) -> None:
    """Bring back what an admin or a moderator hid. What its writer recalled is gone for good."""
    _may(moderator_id, "chat.moderate_message")
    with moderating(message_id) as (ledger, message):
        if not message.deleted_at:
            return
        if message.hidden_by_id is None:
            raise invalid(message=_("Its writer recalled this message; there is nothing left to restore."))
        message.deleted_at, message.hidden_by = None, None
        ledger.save_message(message, "deleted_at", "hidden_by")
        shape = message_schema(message)
        ledger.tell(events.message_updated(shape))
        note_mentions(ledger, message, shape, shape.mentions)


def withdraw_invite(moderator_id: int, invite_id: int) -> None:
    """This link opens nothing from now on. Taken back again it stays as it was."""
    _may(moderator_id, "chat.change_invite")
    with write_transaction():
        row = Invite.objects.select_for_update(no_key=True).filter(pk=invite_id).first()
        if row is None:
            raise not_found()
        if row.revoked_at is None:
            row.revoked_at = timezone.now()
            row.save(update_fields=["revoked_at"])


def settle(moderator_id: int, report_id: int) -> None:
    """This report needs no more looking at. Whoever settled it first stays noted."""
    _may(moderator_id, "chat.change_report")
    with write_transaction():
        row = Report.objects.select_for_update(no_key=True).filter(pk=report_id).first()
        if row is None:
            raise not_found()
        if row.settled_at is None:
            row.settled_at, row.settled_by_id = timezone.now(), moderator_id
            row.save(update_fields=["settled_at", "settled_by"])


def _may(moderator_id: int, permission: str) -> None:
    moderator = User.objects.filter(pk=moderator_id, is_active=True).first()
    if moderator is None or not moderator.has_perm(permission):
        raise forbidden()
