"""What both kinds of exports have in common: writing messages as HTML pages and as JSON, and files, into a ZIP file.

Messages are written PAGE_SIZE at a time, so memory use does not grow with the number of messages. Messages that are
sent or deleted while the export is written may be missing in it.
"""

from __future__ import annotations

import re
import shutil
import time
import zipfile
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec
from django.db.models import QuerySet, Sum
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.models import User
from accounts.selectors.languages import language_for
from accounts.selectors.timezones import time_zone_for
from chat.attachments import filenames
from chat.attachments.storage.base import get_upload_storage
from chat.attachments.storage.disk import RESERVED_BYTES
from chat.models import Attachment, Conversation
from chat.schemas import MessageSchema
from chat.view_models.message_log import MessageItem, build_message_items, collect_named_user_ids
from messenger.core.timestamps import format_timestamp

PAGE_SIZE = 500  # messages in one HTML page and in one JSON file
PROGRESS_INTERVAL = 0.5  # seconds between two reports of the progress
BLOCK_SIZE = 1024 * 1024  # bytes


class StorageFull(Exception):
    """Is raised if the disk has too little free space for an export."""


class ExportCancelled(Exception):
    """Is raised if an export is not needed any more: its user has requested a new one or deleted the account."""


class AccessEnded(Exception):
    """Is raised if the user may not have the export any more, for example because an admin became a member."""


@dataclass(slots=True)
class ExportedConversation:
    """A conversation in an export: title, folder in the ZIP file, and how many pages and messages are exported."""

    conversation: Conversation
    title: str
    folder: str
    page_count: int = 0
    message_count: int = 0

    @property
    def is_left(self) -> bool:
        """Whether only messages of the user of the export are exported, because the user has left the conversation."""
        return False

    @property
    def url(self) -> str:
        return quote(f"{self.folder}/messages-1.html")

    @property
    def root_url(self) -> str:
        """The relative URL of the folder of `index.html`, from a page of messages."""
        return "../" * (self.folder.count("/") + 1)


@dataclass(slots=True)
class ExportedFile:
    """A file of a message, with its path in the ZIP file."""

    name: str
    path: str  # in the ZIP file
    size: int
    sent_at: str
    sha256: str

    @property
    def url(self) -> str:
        return quote(self.path)


ConversationType = TypeVar("ConversationType", bound=ExportedConversation)


@dataclass(slots=True)
class ArchiveBuilder(Generic[ConversationType]):
    """Writes an export for the user `owner` as a ZIP file, in the language and time zone of this user.

    It calls `save_progress(done, total)` regularly, and stops if this returns False. `total` is the number of messages
    and files, plus one for the first page.
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
        """Writes the ZIP file of the export. Raises StorageFull if the disk has too little space, ExportCancelled if
        the export is not needed any more, AccessEnded if the user may not have it any more.
        """
        self._folder = path.parent
        with translation.override(language_for(self.owner)), timezone.override(time_zone_for(self.owner, {})):
            conversations, attachments = self._list_conversations(), self._list_attachments()
            self._estimate(conversations, attachments)
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                self._write_files(archive, attachments)
                for exported in conversations:
                    self._write_conversation(archive, exported)
                self._write_index(archive, conversations)
        self.save_progress(self._total, self._total)

    # ── What an export contains ──────────────────────────────────────────────────────────────────────────────────
    def _list_conversations(self) -> list[ConversationType]:
        raise NotImplementedError

    def _list_attachments(self) -> QuerySet[Attachment]:
        """Returns the attachments whose files are exported, in order of `pk`. The files are loaded with them."""
        raise NotImplementedError

    def _list_blocked_ids(self) -> Collection[int]:
        """Returns the ids of the users whose messages are collapsed, as the log shows them to the user."""
        return ()

    def _read_page(self, exported: ConversationType, after_seq: int, limit: int) -> list[MessageSchema]:
        """Returns at most `limit` messages after number `after_seq` for the next page of a conversation."""
        raise NotImplementedError

    def _write_index(self, archive: zipfile.ZipFile, conversations: list[ConversationType]) -> None:
        """Writes the first page, `index.html`, and what belongs to it."""
        raise NotImplementedError

    # ── Progress ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _estimate(self, conversations: list[ConversationType], attachments: QuerySet[Attachment]) -> None:
        """Estimates the number of steps (messages and files) of the export, so that its progress can be shown.

        Raises StorageFull if the disk has too little space for the files to export.
        """
        message_count = sum(exported.conversation.last_seq for exported in conversations)
        self._total = message_count + attachments.count() + 1
        size = attachments.aggregate(total=Sum("file__size"))["total"] or 0
        self._require_free_space(size)
        self._advance(0)

    def _require_free_space(self, size: int) -> None:
        """Raises StorageFull if writing `size` more bytes would leave too little free space on the disk.

        Also called while the export is written, because other exports and uploads use the same space meanwhile.
        """
        if shutil.disk_usage(self._folder).free < size + RESERVED_BYTES:
            raise StorageFull

    def _advance(self, steps: int) -> None:
        """Adds `steps` (exported messages or files) to the progress of the export, which is saved at intervals.

        Raises ExportCancelled if the export was replaced or deleted.
        """
        self._done += steps
        if time.monotonic() - self._progress_saved_at < PROGRESS_INTERVAL:
            return
        self._progress_saved_at = time.monotonic()
        if not self.save_progress(self._done, self._total):
            raise ExportCancelled

    # ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────
    def _write_files(self, archive: zipfile.ZipFile, attachments: QuerySet[Attachment]) -> None:
        files_by_id: dict[int, ExportedFile] = {}  # a file that was sent several times is written once
        for attachment in attachments.iterator(chunk_size=200):
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
        """Writes a file into the ZIP file. It is not compressed, because most such files already are.

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
    def _write_conversation(self, archive: zipfile.ZipFile, exported: ConversationType) -> None:
        messages = self._read_page(exported, 0, PAGE_SIZE)
        while messages or not exported.page_count:
            has_more = len(messages) == PAGE_SIZE
            next_messages = self._read_page(exported, messages[-1].seq, PAGE_SIZE) if has_more else []
            exported.page_count += 1
            exported.message_count += len(messages)
            self._write_page(archive, exported, messages, bool(next_messages))
            self._advance(len(messages))
            messages = next_messages

    def _write_page(
        self, archive: zipfile.ZipFile, exported: ConversationType, messages: list[MessageSchema], has_more: bool
    ) -> None:
        named_ids = collect_named_user_ids(messages)
        names = {user.pk: user.display_name for user in User.objects.filter(pk__in=named_ids)} if named_ids else {}
        items = build_message_items(messages, user_id=self.owner.pk, names=names, blocked=self._list_blocked_ids())
        page_number = exported.page_count
        html = remove_icons(
            render_to_string(
                "export/conversation.html",
                {
                    "exported": exported,
                    "items": [(item, self._list_attachment_urls(item, exported.root_url)) for item in items],
                    "page_number": page_number,
                    "previous_page": f"messages-{page_number - 1}.html" if page_number > 1 else "",
                    "next_page": f"messages-{page_number + 1}.html" if has_more else "",
                    "lang": translation.get_language(),
                },
            )
        )
        self._require_free_space(len(html))
        archive.writestr(f"{exported.folder}/messages-{page_number}.html", html)
        archive.writestr(f"{exported.folder}/messages-{page_number}.json", encode_json(messages))

    def _list_attachment_urls(self, item: MessageItem, root_url: str) -> list[tuple[Any, str]]:
        """Returns the attachments of a message, each with the relative URL of its file in the ZIP file.

        The URL of a file that is not exported is "".
        """
        attachments = item.message.attachments
        return [
            (attachment, f"{root_url}{self._files[attachment.id].url}" if attachment.id in self._files else "")
            for attachment in attachments
        ]


def unique_files(files: Iterable[ExportedFile]) -> list[ExportedFile]:
    """Returns the files without duplicates: a file that was sent several times is listed once."""
    return list({exported_file.path: exported_file for exported_file in files}.values())


def describe_files(files: Iterable[ExportedFile]) -> list[dict[str, Any]]:
    """Returns what the JSON of an export says about its files."""
    return [
        {
            "name": exported_file.name,
            "size": exported_file.size,
            "sha256": exported_file.sha256,
            "sent_at": exported_file.sent_at,
            "path": exported_file.path,
        }
        for exported_file in files
    ]


def encode_json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)


def remove_icons(html: str) -> str:
    """Removes the SVG icons from the HTML of an exported page. They refer to a file of the website that the ZIP file
    does not contain.
    """
    return re.sub(r"<svg\b.*?</svg>", "", html, flags=re.DOTALL)
