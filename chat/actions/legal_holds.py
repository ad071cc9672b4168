"""Places and releases legal holds, and keeps what people delete in conversations under hold."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions import end_row, require_permission
from audit import actions as audit
from chat import tasks
from chat.attachments import message_files
from chat.models import Conversation, HeldCopy, LegalHold, Message, Revision
from chat.selectors.legal_holds import is_held
from messenger.core.database import write_transaction
from messenger.core.errors import invalid

BATCH_SIZE = 200  # copies that one transaction discards


def place_hold(
    staff_id: int, *, user_id: int | None = None, conversation_id: int | None = None, reason: str
) -> LegalHold:
    """Places a person (`user_id`) or a conversation under legal hold.

    Waits for removals that are in progress, so nothing is removed any more once this function has returned. Raises
    `invalid` without a reason, if not exactly one of both is given, or if it is under hold already.
    """
    require_permission(staff_id, "chat.add_legalhold")
    if (user_id is None) == (conversation_id is None):
        raise invalid(user=_("Choose a person or a conversation."))
    if not reason.strip():
        raise invalid(reason=_("Give a reason."))
    target = {"user_id": user_id, "conversation_id": conversation_id}
    with write_transaction():
        conversations = Conversation.objects.select_for_update(no_key=True)
        if conversation_id is not None:
            conversations = conversations.filter(pk=conversation_id)
        else:
            conversations = conversations.filter(memberships__user=user_id)
        list(conversations.order_by("pk").values_list("pk", flat=True))  # waits for their removals
        if LegalHold.objects.filter(**target, released_at=None).exists():
            raise invalid(**{"user" if user_id else "conversation": _("This is under legal hold already.")})
        hold = LegalHold.objects.create(
            **target, reason=reason.strip(), placed_by_id=staff_id, placed_at=timezone.now()
        )
        audit.record("hold.place", staff_id, hold, conversation_id=conversation_id, after=target, reason=hold.reason)
    return hold


def release_hold(staff_id: int, hold_id: int, reason: str = "") -> None:
    """Ends a legal hold. Does nothing if it has ended already.

    A background task then deletes the copies of messages that were deleted under it, unless another hold preserves
    them.
    """
    require_permission(staff_id, "chat.change_legalhold")
    with write_transaction():
        hold, has_changed = end_row(LegalHold, hold_id, "released_at")
        if has_changed:
            before = {"user_id": hold.user_id, "conversation_id": hold.conversation_id}
            audit.record(
                "hold.release", staff_id, hold, conversation_id=hold.conversation_id, before=before, reason=reason
            )
            tasks.discard_held_copies.enqueue()


def keep_copy(message: Message) -> bool:
    """Keeps what a message contains if its conversation is under legal hold. Returns whether it is under legal hold.

    Called before the content is erased. The caller then leaves the attachments of the message as they are.
    """
    if not is_held(message.conversation_id):
        return False
    if message.body or message.files:
        revisions = Revision.objects.filter(message=message).order_by("pk").values_list("body", flat=True)
        copy = {"body": message.body, "revisions": list(revisions), "files": message.files}
        HeldCopy.objects.get_or_create(message=message, defaults=copy | {"removed_at": timezone.now()})
    return True


def discard_released_copies() -> int:
    """Deletes copies and attachments of deleted messages that no legal hold preserves any more. Returns how many."""
    count, last_pk = 0, 0
    while True:
        with write_transaction():
            rows = HeldCopy.objects.filter(pk__gt=last_pk).select_related("message").order_by("pk")
            copies = list(rows.select_for_update(of=("self",))[:BATCH_SIZE])
            if not copies:
                return count
            last_pk = copies[-1].pk
            held = {pk: is_held(pk) for pk in {copy.message.conversation_id for copy in copies}}
            released = [copy for copy in copies if not held[copy.message.conversation_id]]
            message_files.delete_attachments([copy.message_id for copy in released])
            count += HeldCopy.objects.filter(pk__in=[copy.pk for copy in released]).delete()[0]
