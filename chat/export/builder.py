"""Writes a data export: a ZIP file with everything that one user may read, and the files that this user sent.

Messages are written as HTML pages and as JSON, PAGE_SIZE messages at a time, so memory use does not grow with the
number of messages. Messages that are sent or deleted while the export is written may be missing in it.
"""

from __future__ import annotations

import re
import shutil
import time
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from django.db.models import Sum
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.models import User
from accounts.schemas import user_schema
from accounts.selectors import contact_lists, data_export
from accounts.selectors.languages import language_for
from accounts.selectors.timezones import time_zone_for
from chat.attachments import filenames, uploads
from chat.attachments.storage.base import get_upload_storage
from chat.attachments.storage.disk import RESERVED_BYTES
from chat.message_kinds import WRITTEN_KINDS
from chat.models import Conversation, Membership, Message
from chat.schemas import MessageSchema, message_schema
from chat.selectors import get_peers_by_conversation, list_own_join_requests, messages_with_relations
from chat.view_models.message_log import MessageItem, build_message_items, collect_named_user_ids
from messenger.core.timestamps import format_optional_timestamp, format_timestamp

PAGE_SIZE = 500  # messages in one HTML page and in one JSON file
PROGRESS_INTERVAL = 0.5  # seconds between two reports of the progress
BLOCK_SIZE = 1024 * 1024  # bytes


class StorageFull(Exception):
    """Is raised if the disk has too little free space for a data export."""


class ExportCancelled(Exception):
    """Is raised if a data export is not needed any more: its user has requested a new one or deleted the account."""


@dataclass(slots=True)
class ExportedConversation:
    """A conversation in a data export: title, folder in the ZIP file, and how many pages and messages are exported."""

    conversation: Conversation
    membership: Membership
    title: str  # as the owner knew it last
    folder: str
    page_count: int = 0
    message_count: int = 0

    @property
    def is_left(self) -> bool:
        """Whether the user of the data export is no longer a member, or the conversation is deleted.

        In these cases, only messages that this user sent are exported.
        """
        return self.membership.left_at is not None or self.conversation.deleted_at is not None

    @property
    def url(self) -> str:
        return quote(f"{self.folder}/messages-1.html")


@dataclass(slots=True)
class ExportedFile:
    """A file that the user of the data export has sent, with its path in the ZIP file."""

    name: str
    path: str  # in the ZIP file
    size: int
    sent_at: str
    sha256: str

    @property
    def url(self) -> str:
        return quote(self.path)


@dataclass(slots=True)
class ExportBuilder:
    """Writes the data export of the user `owner` as a ZIP file.

    It calls `save_progress(done, total)` regularly, and stops if this returns False. `total` is the number of messages
    and files, plus one for the page about the account.
    """

    owner: User
    save_progress: Callable[[int, int], bool]
    _done: int = 0
    _total: int = 0
    _progress_saved_at: float = 0.0
    _files: dict[int, ExportedFile] = field(default_factory=dict)  # by attachment id
    _missing_names: list[str] = field(default_factory=list)  # files whose content could not be read
    _folder: Path = field(init=False)  # in which the ZIP file is written

    def write(self, path: Path) -> None:
        """Writes the ZIP file of the data export. Raises StorageFull if the disk has too little space, ExportCancelled
        if the export is not needed any more.
        """
        with translation.override(language_for(self.owner)), timezone.override(time_zone_for(self.owner, {})):
            conversations = self._list_conversations()
            self._estimate(path, conversations)
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                self._write_files(archive)
                for exported in conversations:
                    self._write_conversation(archive, exported)
                self._write_account(archive, conversations)
        self.save_progress(self._total, self._total)

    # ── Contents and progress ────────────────────────────────────────────────────────────────────────────────────
    def _list_conversations(self) -> list[ExportedConversation]:
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
            conversations.append(ExportedConversation(membership.conversation, membership, title, folder))
        return conversations

    def _estimate(self, path: Path, conversations: list[ExportedConversation]) -> None:
        """Estimates the number of steps (messages and files) of the data export, so that its progress can be shown.

        Raises StorageFull if the disk has too little space for the files to export.
        """
        attachments = uploads.list_owned_attachments(self.owner.pk)
        message_count = sum(exported.conversation.last_seq for exported in conversations)
        self._total = message_count + attachments.count() + 1
        size = attachments.aggregate(total=Sum("file__size"))["total"] or 0
        self._folder = path.parent
        self._require_free_space(size)
        self._advance(0)

    def _require_free_space(self, size: int) -> None:
        """Raises StorageFull if writing `size` more bytes would leave too little free space on the disk.

        Also called while the export is written, because other exports and uploads use the same space meanwhile.
        """
        if shutil.disk_usage(self._folder).free < size + RESERVED_BYTES:
            raise StorageFull

    def _advance(self, steps: int) -> None:
        """Adds `steps` (exported messages or files) to the progress of the data export, which is saved at intervals.

        Raises ExportCancelled if the export was replaced or deleted.
        """
        self._done += steps
        if time.monotonic() - self._progress_saved_at < PROGRESS_INTERVAL:
            return
        self._progress_saved_at = time.monotonic()
        if not self.save_progress(self._done, self._total):
            raise ExportCancelled

    # ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────
    def _write_files(self, archive: zipfile.ZipFile) -> None:
        files_by_id: dict[int, ExportedFile] = {}  # a file that was sent several times is written once
        for attachment in uploads.list_owned_attachments(self.owner.pk).iterator(chunk_size=200):
            self._advance(1)
            exported_file = files_by_id.get(attachment.file_id)
            if exported_file is None:
                exported_file = ExportedFile(
                    attachment.name,
                    f"files/{attachment.pk} {filenames.clean_filename(attachment.name)}",
                    attachment.file.size,
                    format_timestamp(attachment.created_at),
                    attachment.file.sha256,
                )
                if not self._write_file(archive, exported_file, attachment.file.key, attachment.created_at):
                    self._missing_names.append(attachment.name)
                    continue
                files_by_id[attachment.file_id] = exported_file
            self._files[attachment.pk] = exported_file

    def _write_file(self, archive: zipfile.ZipFile, exported_file: ExportedFile, key: str, sent_at: datetime) -> bool:
        """Writes a file that the user has sent into the ZIP file. It is not compressed, because most such files already
        are.

        Returns False if the stored file cannot be opened.
        """
        info = zipfile.ZipInfo(exported_file.path, timezone.localtime(sent_at).timetuple()[:6])
        info.compress_type, info.external_attr = zipfile.ZIP_STORED, 0o600 << 16
        try:
            source = get_upload_storage().open_file(key)
        except Exception:  # the file is lost or the storage is unavailable: export everything else
            return False
        with source, archive.open(info, "w", force_zip64=True) as target:
            while block := source.read(BLOCK_SIZE):
                self._require_free_space(len(block))
                target.write(block)
                self._advance(0)
        return True

    # ── Conversations ────────────────────────────────────────────────────────────────────────────────────────────
    def _write_conversation(self, archive: zipfile.ZipFile, exported: ExportedConversation) -> None:
        messages = self._read_page(exported, 0)
        while messages or not exported.page_count:
            next_messages = self._read_page(exported, messages[-1].seq) if len(messages) == PAGE_SIZE else []
            exported.page_count += 1
            exported.message_count += len(messages)
            self._write_page(archive, exported, messages, bool(next_messages))
            self._advance(len(messages))
            messages = next_messages

    def _read_page(self, exported: ExportedConversation, after_seq: int) -> list[MessageSchema]:
        """Returns the messages after number `after_seq`, for the next page of a conversation in the data export.

        The user's membership is checked after the messages have been read. So a user who is removed from a group during
        the export gets no messages that were sent after the removal.
        """
        rows = messages_with_relations().filter(conversation=exported.conversation, seq__gt=after_seq).order_by("seq")
        if not exported.is_left:
            messages = [message_schema(row) for row in rows[:PAGE_SIZE]]
            exported.membership.refresh_from_db(fields=["left_at", "role"])
            exported.conversation.refresh_from_db(fields=["deleted_at"])
            if not exported.is_left:
                return messages
            exported.title = _conversation_title(exported.membership) or exported.title
        own_rows = rows.filter(sender=self.owner, kind__in=WRITTEN_KINDS)[:PAGE_SIZE]
        return [_without_others_contributions(message_schema(row)) for row in own_rows]

    def _write_page(
        self, archive: zipfile.ZipFile, exported: ExportedConversation, messages: list[MessageSchema], has_more: bool
    ) -> None:
        named_ids = collect_named_user_ids(messages)
        names = {user.pk: user.display_name for user in User.objects.filter(pk__in=named_ids)} if named_ids else {}
        items = build_message_items(messages, user_id=self.owner.pk, names=names)
        page_number = exported.page_count
        html = _remove_icons(
            render_to_string(
                "export/conversation.html",
                {
                    "exported": exported,
                    "items": [(item, self._list_attachment_urls(item)) for item in items],
                    "page_number": page_number,
                    "previous_page": f"messages-{page_number - 1}.html" if page_number > 1 else "",
                    "next_page": f"messages-{page_number + 1}.html" if has_more else "",
                    "lang": translation.get_language(),
                },
            )
        )
        self._require_free_space(len(html))
        archive.writestr(f"{exported.folder}/messages-{page_number}.html", html)
        archive.writestr(f"{exported.folder}/messages-{page_number}.json", _encode_json(messages))

    def _list_attachment_urls(self, item: MessageItem) -> list[tuple[Any, str]]:
        """Returns the attachments of a message, each with the relative URL of its file in the ZIP file.

        Files that other users sent are not exported. Their URL is "".
        """
        attachments = item.message.attachments
        return [
            (attachment, f"../../{self._files[attachment.id].url}" if attachment.id in self._files else "")
            for attachment in attachments
        ]

    # ── Account ──────────────────────────────────────────────────────────────────────────────────────────────────
    def _write_account(self, archive: zipfile.ZipFile, conversations: list[ExportedConversation]) -> None:
        contact_list = contact_lists.list_contacts(self.owner.pk)
        blocked = contact_lists.list_blocked(self.owner.pk)
        files = _unique_files(self._files.values())
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
            "files": [
                {
                    "name": exported_file.name,
                    "size": exported_file.size,
                    "sha256": exported_file.sha256,
                    "sent_at": exported_file.sent_at,
                    "path": exported_file.path,
                }
                for exported_file in files
            ],
            "files_that_could_not_be_read": self._missing_names,
        }
        archive.writestr("account.json", _encode_json(account))
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
        archive.writestr("index.html", _remove_icons(render_to_string("export/index.html", context)))


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


def _unique_files(files: Iterable[ExportedFile]) -> list[ExportedFile]:
    """Returns the files without duplicates: a file that the user sent several times is listed once."""
    return list({exported_file.path: exported_file for exported_file in files}.values())


def _encode_json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)


def _remove_icons(html: str) -> str:
    """Removes the SVG icons from the HTML of an exported page. They refer to a file of the website that the ZIP file
    does not contain.
    """
    return re.sub(r"<svg\b.*?</svg>", "", html, flags=re.DOTALL)
