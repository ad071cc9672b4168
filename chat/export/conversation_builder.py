"""Writes the export of a conversation: its messages, its members and its files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import msgspec
from django.db.models import F, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.html import linebreaks

from accounts.schemas import user_schema
from chat.export.archive import (
    AccessEnded,
    ArchiveBuilder,
    ExportedConversation,
    describe_files,
    encode_json,
    remove_icons,
    unique_files,
)
from chat.models import Attachment, Conversation, ConversationExport, File, HeldCopy, Message
from chat.schemas import AttachmentSchema, MessageSchema, message_schema
from chat.selectors import messages_with_relations
from messenger.core.timestamps import format_optional_timestamp, format_timestamp


@dataclass(slots=True)
class ConversationExportBuilder(ArchiveBuilder[ExportedConversation]):
    """Writes the export of a conversation as a ZIP file.

    The owner and the admins of a group get what they see in it, so nothing that was deleted. Staff also get messages
    that moderators have hidden and, with the permission to view legal holds, what was deleted under a hold.
    """

    export: ConversationExport = field(kw_only=True)
    has_access: Callable[[], bool] = field(kw_only=True)  # whether the user still has the right to the export

    @property
    def _sees_copies(self) -> bool:
        return self.export.for_staff and self.owner.has_perm("chat.view_legalhold")

    def _list_conversations(self) -> list[ExportedConversation]:
        conversation = self.export.conversation
        title = conversation.title
        if conversation.kind == Conversation.Kind.DIRECT:
            members = conversation.memberships.select_related("user").order_by("pk")
            title = " ↔ ".join(membership.user.display_name for membership in members)
        return [ExportedConversation(conversation, title, "messages")]

    def _list_attachments(self) -> QuerySet[Attachment]:
        attachments = Attachment.objects.filter(
            conversation=self.export.conversation_id,
            message__seq__gt=F("message__conversation__removed_seq"),
            file__state=File.State.READY,
        )
        if not self._sees_copies:
            attachments = attachments.filter(message__held_copy=None)
        if not self.export.for_staff:
            attachments = attachments.filter(message__deleted_at=None)
        return attachments.select_related("file").order_by("pk")

    def _list_blocked_ids(self) -> Collection[int]:
        return () if self.export.for_staff else self.owner.blocked_ids

    def _read_page(self, exported: ExportedConversation, after_seq: int, limit: int) -> list[MessageSchema]:
        """Returns the messages after number `after_seq`. The right of the user is checked after they have been read."""
        exported.conversation.refresh_from_db(fields=["removed_seq"])
        after_seq = max(after_seq, exported.conversation.removed_seq)
        rows = messages_with_relations().filter(conversation=exported.conversation, seq__gt=after_seq)
        messages = list(rows.order_by("seq")[:limit])
        if not self.has_access():
            raise AccessEnded
        if not self.export.for_staff:
            return [message_schema(row) for row in messages]
        deleted_ids = [row.pk for row in messages if row.deleted_at]
        copies = {copy.message_id: copy for copy in self._list_copies().filter(message__in=deleted_ids)}
        return [_schema_with_deleted_content(row, copies.get(row.pk)) for row in messages]

    def _list_copies(self) -> QuerySet[HeldCopy]:
        copies = HeldCopy.objects.filter(message__conversation=self.export.conversation_id)
        return copies if self._sees_copies else copies.none()

    def _write_index(self, archive: zipfile.ZipFile, conversations: list[ExportedConversation]) -> None:
        [exported] = conversations
        conversation, files = exported.conversation, unique_files(self._files.values())
        memberships = [
            membership
            for membership in conversation.memberships.select_related("user").order_by("pk")
            if membership.left_at is None
        ]
        written_at = timezone.now()
        description = {
            "id": conversation.pk,
            "kind": conversation.kind,
            "title": exported.title,
            "description": conversation.description,
            "announcement": conversation.announcement,
            "created_at": format_timestamp(conversation.created_at),
            "exported_at": format_timestamp(written_at),
            "exported_by": user_schema(self.owner),
            "messages": exported.message_count,
            "members": [
                {
                    "user": user_schema(membership.user),
                    "role": membership.role,
                    "joined_at": format_optional_timestamp(membership.joined_at),
                }
                for membership in memberships
            ],
            "files": describe_files(files),
            "files_that_could_not_be_read": self._missing_names,
        }
        if self._sees_copies:
            description["deleted_under_legal_hold"] = [
                {
                    "message_id": copy.message_id,
                    "body": copy.body,
                    "earlier_versions": copy.revisions,
                    "deleted_at": format_timestamp(copy.removed_at),
                }
                for copy in self._list_copies().order_by("message")
            ]
        archive.writestr("conversation.json", encode_json(description))
        context = {
            "exported": exported,
            "memberships": memberships,
            "files": files,
            "missing_names": self._missing_names,
            "owner": self.owner,
            "written_at": timezone.localtime(written_at),
            "lang": translation.get_language(),
        }
        archive.writestr("index.html", remove_icons(render_to_string("export/conversation_index.html", context)))


def _schema_with_deleted_content(row: Message, copy: HeldCopy | None) -> MessageSchema:
    """Returns a message as `message_schema` does, but with the text and files of a hidden or deleted one, if kept."""
    schema = message_schema(row)
    if row.deleted_at is None:
        return schema
    body, files = (copy.body, copy.files) if copy else (row.body, row.files)
    attachments = [AttachmentSchema(**file) for file in files]
    return msgspec.structs.replace(
        schema, body=body, body_html=linebreaks(body, autoescape=True) if body else "", attachments=attachments
    )
