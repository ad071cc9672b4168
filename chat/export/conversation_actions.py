"""Requests and builds exports of a conversation: a ZIP file with its messages and files.

The owner and the admins of a group request one on a page or over the API, and staff with the permission in the admin.
Only who has requested an export can download it, and only with these rights. Each request is in the audit log.
"""

from __future__ import annotations

from typing import cast

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions import require_permission
from audit import actions as audit
from chat import tasks
from chat.export import files
from chat.export.conversation_builder import ConversationExportBuilder
from chat.models import Conversation, ConversationExport, Export
from chat.selectors import get_allowed_membership
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError, invalid, not_found

STAFF_PERMISSION = "chat.add_conversationexport"


def require_access(user_id: int, conversation_id: int, for_staff: bool) -> Conversation:
    """Returns the conversation if the user may export it, as staff or as owner or admin of the group.

    Raises `not_found` for users who are not in the conversation, and `forbidden` for others without the right.
    """
    if not for_staff:
        return get_allowed_membership(user_id, conversation_id, "export").conversation
    require_permission(user_id, STAFF_PERMISSION)
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None:
        raise not_found()
    return conversation


def get_export(user_id: int, conversation_id: int, *, for_staff: bool = False) -> ConversationExport | None:
    """Returns the export that the user has requested, if there is one. Raises the errors of `require_access`."""
    require_access(user_id, conversation_id, for_staff)
    exports = ConversationExport.objects.filter(owner_id=user_id, conversation_id=conversation_id)
    return exports.filter(for_staff=for_staff).first()


def get_ready_export(user_id: int, conversation_id: int, *, for_staff: bool = False) -> ConversationExport:
    """Returns the export that the user can download. Raises `not_found` if it is unfinished, failed or expired."""
    require_access(user_id, conversation_id, for_staff)
    exports = files.ready_exports(ConversationExport).filter(owner_id=user_id, conversation_id=conversation_id)
    export = exports.filter(for_staff=for_staff).first()
    if export is None:
        raise not_found()
    return export


def request_export(
    user_id: int, conversation_id: int, *, for_staff: bool = False, reason: str = ""
) -> tuple[ConversationExport, bool]:
    """Starts an export of a conversation, which replaces the user's earlier one. Returns it, and True.

    If one of the user is being built at this time, returns that export and False instead. Raises `invalid` if staff
    give no reason, and `rate_limited` if the user has requested too many exports.
    """
    current = get_export(user_id, conversation_id, for_staff=for_staff)
    if current and current.state == Export.State.BUILDING:
        return current, False
    if for_staff and not reason.strip():
        raise invalid(reason=_("Give a reason."))
    rate_limits.require("conversation.archive", user_id)
    with write_transaction():
        conversation = Conversation.objects.select_for_update(no_key=True).get(pk=conversation_id)
        exports = ConversationExport.objects.filter(
            owner_id=user_id, conversation_id=conversation_id, for_staff=for_staff
        )
        if current := exports.filter(state=Export.State.BUILDING).first():  # requested twice at the same time
            return current, False
        files.delete_exports(exports)
        export = ConversationExport.objects.create(
            owner_id=user_id,
            conversation_id=conversation_id,
            for_staff=for_staff,
            reason=reason.strip(),
            asked_at=timezone.now(),
        )
        act = "conversation.export" if for_staff else "group.export"
        audit.record(act, user_id, conversation, conversation_id=conversation_id, reason=export.reason)
        tasks.build_conversation_export.enqueue(export.pk)
    return export, True


def build_export(export_id: int) -> None:
    """Builds the ZIP file of an export of a conversation. Only the background task calls it."""
    export = ConversationExport.objects.filter(pk=export_id).first()
    if export is None:
        return
    if export.for_staff:
        path = reverse("admin:chat_conversationexport_change", args=[export.pk])
    else:
        path = reverse("conversation_export", args=[export.conversation_id])
    template = "account/email/conversation_export_ready"
    files.build_export(ConversationExport, export_id, _make_builder, template, path)


def _make_builder(export: Export, save_progress) -> ConversationExportBuilder:
    export = cast(ConversationExport, export)

    def has_access() -> bool:
        try:
            require_access(export.owner_id, export.conversation_id, export.for_staff)
        except ApplicationError:
            return False
        return True

    return ConversationExportBuilder(export.owner, save_progress, export=export, has_access=has_access)
