"""Writes the data export of a user: everything that the user may read, and the files that this user sent."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field

import msgspec
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.schemas import user_schema
from accounts.selectors import contact_lists, data_export
from chat.attachments import filenames, uploads
from chat.export.archive import (
    ArchiveBuilder,
    ExportedConversation,
    describe_files,
    encode_json,
    remove_icons,
    unique_files,
)
from chat.message_kinds import WRITTEN_KINDS
from chat.models import Attachment, Membership, Message
from chat.schemas import MessageSchema, message_schema
from chat.selectors import get_peers_by_conversation, list_own_join_requests, messages_with_relations
from messenger.core.timestamps import format_optional_timestamp, format_timestamp


@dataclass(slots=True)
class OwnConversation(ExportedConversation):
    """A conversation of the user of a data export. `title` is as the user knew it last."""

    membership: Membership = field(kw_only=True)

    @property
    def is_left(self) -> bool:
        """Whether the user of the data export is no longer a member, or the conversation is deleted.

        In these cases, only messages that this user sent are exported.
        """
        return self.membership.left_at is not None or self.conversation.deleted_at is not None


@dataclass(slots=True)
class ExportBuilder(ArchiveBuilder[OwnConversation]):
    """Writes the data export of the user `owner` as a ZIP file."""

    def _list_conversations(self) -> list[OwnConversation]:
        memberships = list(
            Membership.objects.filter(user=self.owner).select_related("conversation").order_by("conversation_id")
        )
        memberships = [membership for membership in memberships if not membership.is_unopened]
        peers = get_peers_by_conversation([membership.conversation for membership in memberships], self.owner.pk)
        conversations = []
        for membership in memberships:
            conversation_id = membership.conversation_id
            peer = peers.get(conversation_id)
            title = _conversation_title(membership) or (peer.display_name if peer else str(conversation_id))
            folder = f"conversations/{conversation_id} {filenames.clean_filename(title, 'conversation')}"
            conversations.append(OwnConversation(membership.conversation, title, folder, membership=membership))
        return conversations

    def _list_attachments(self) -> QuerySet[Attachment]:
        return uploads.list_owned_attachments(self.owner.pk)

    def _read_page(self, exported: OwnConversation, after_seq: int, limit: int) -> list[MessageSchema]:
        """Returns the messages after number `after_seq`, for the next page of a conversation in the data export.

        The user's membership is checked after the messages have been read. So a user who is removed from a group during
        the export gets no messages that were sent after the removal.
        """
        after_seq = max(after_seq, exported.conversation.removed_seq)
        rows = messages_with_relations().filter(conversation=exported.conversation, seq__gt=after_seq).order_by("seq")
        if not exported.is_left:
            messages = [message_schema(row) for row in rows[:limit]]
            exported.membership.refresh_from_db(fields=["left_at", "role"])
            exported.conversation.refresh_from_db(fields=["deleted_at", "removed_seq"])
            if not exported.is_left:
                return messages
            exported.title = _conversation_title(exported.membership) or exported.title
        own_rows = rows.filter(sender=self.owner, kind__in=WRITTEN_KINDS)[:limit]
        return [_without_others_contributions(message_schema(row)) for row in own_rows]

    def _write_index(self, archive: zipfile.ZipFile, conversations: list[OwnConversation]) -> None:
        contact_list = contact_lists.list_contacts(self.owner.pk)
        blocked = contact_lists.list_blocked(self.owner.pk)
        files = unique_files(self._files.values())
        account = {
            **data_export.export_account(self.owner),
            "contacts": [user_schema(relationship.person) for relationship in contact_list.contacts],
            "blocked": [user_schema(relationship.person) for relationship in blocked],
            "conversations": [
                {
                    "id": exported.conversation.pk,
                    "kind": exported.conversation.kind,
                    "title": exported.title,
                    "role": exported.membership.role,
                    "joined_at": format_timestamp(exported.membership.joined_at),
                    "left_at": format_optional_timestamp(exported.membership.left_at),
                    "draft": exported.membership.draft,
                    "messages": exported.message_count,
                    "folder": exported.folder,
                }
                for exported in conversations
            ],
            "join_requests": [
                {"title": request.conversation.title, "asked_at": format_timestamp(request.asked_at)}
                for request in list_own_join_requests(self.owner.pk)
            ],
            "files": describe_files(files),
            "files_that_could_not_be_read": self._missing_names,
        }
        archive.writestr("account.json", encode_json(account))
        context = {
            "account": account,
            "owner": self.owner,
            "conversations": conversations,
            "files": files,
            "missing_names": self._missing_names,
            "written_at": timezone.localtime(),
            "joined_at": timezone.localtime(self.owner.date_joined),
            "lang": translation.get_language(),
        }
        archive.writestr("index.html", remove_icons(render_to_string("export/index.html", context)))


def _conversation_title(membership: Membership) -> str:
    """Returns the title of a conversation as the member knew it last.

    For a former member this is the title at the time of leaving. If the conversation was renamed after that, the old
    title is taken from the system message about the first renaming.
    """
    if membership.left_at is None:
        return membership.conversation.title
    renames = Message.objects.filter(
        conversation=membership.conversation,
        kind=Message.Kind.SYSTEM,
        event__name="renamed",
        created_at__gt=membership.left_at,
    )
    first = renames.order_by("seq").first()
    return (first.event or {}).get("old") or "" if first else membership.conversation.title


def _without_others_contributions(message: MessageSchema) -> MessageSchema:
    """Returns a copy of a message without its quote, reactions and pin.

    Other members can change these after the user has left the conversation, so they are not exported for conversations
    that the user has left.
    """
    return msgspec.structs.replace(message, reply_to=None, reactions=[], pinned=False)
