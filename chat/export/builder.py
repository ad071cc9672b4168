"""Writes the archive: everything that its owner may read, as pages for a browser and as JSON, and the files they sent.

Read in pieces, written as it is read: how much somebody has makes no difference to the memory that it takes. What was
deleted meanwhile is left out, what comes later is not in it.
"""

from __future__ import annotations

import re
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from django.conf import settings
from django.db.models import Sum
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.actions import contacts
from accounts.models import User
from accounts.schemas import user_schema
from accounts.selectors import data_export
from accounts.timezones import time_zone_of
from chat.attachments import filenames, uploads
from chat.attachments.storage.base import shelf
from chat.attachments.storage.disk import RESERVE
from chat.models import Conversation, Membership, Message
from chat.schemas import MessageSchema, message_schema, moment, moment_or_none
from chat.selectors import messages_with_relations, peers_by_conversation
from chat.view_models.message_log import Line, lines, people_in

PAGE = 500  # messages on a page, and in one file of JSON
NOTE_EVERY = 0.5  # seconds between words about how far it is
BLOCK = 1024 * 1024


class NoRoom(Exception):
    """The disk would be full."""


class NobodyWaits(Exception):
    """The archive was asked for anew, or its owner is gone."""


@dataclass(slots=True)
class Place:
    """A conversation in the archive."""

    conversation: Conversation
    membership: Membership
    title: str  # as its owner last knew it
    folder: str
    pages: int = 0
    count: int = 0

    @property
    def left(self) -> bool:
        """No member any more: of what is said there only their own words are theirs."""
        return self.membership.left_at is not None or self.conversation.deleted_at is not None

    @property
    def url(self) -> str:
        return quote(f"{self.folder}/messages-1.html")


@dataclass(slots=True)
class Kept:
    """A file of the owner's in the archive."""

    name: str
    path: str
    size: int
    sent_at: str
    sha256: str

    @property
    def url(self) -> str:
        return quote(self.path)


@dataclass(slots=True)
class Builder:
    """`note(done, total)` says how far it is, and answers whether somebody still waits for it."""

    owner: User
    note: Callable[[int, int], bool]
    _done: int = 0
    _total: int = 0
    _noted: float = 0.0
    _files: dict[int, Kept] = field(default_factory=dict)  # by attachment
    _missing: list[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        language = self.owner.language or settings.LANGUAGE_CODE
        with translation.override(language), timezone.override(time_zone_of(self.owner, {})):
            places = self._places()
            self._measure(path, places)
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                self._write_files(archive)
                for place in places:
                    self._write_conversation(archive, place)
                self._write_account(archive, places)
        self.note(self._total, self._total)

    # ── How much ──
    def _places(self) -> list[Place]:
        seats = list(
            Membership.objects.filter(user=self.owner).select_related("conversation").order_by("conversation_id")
        )
        peers = peers_by_conversation([seat.conversation for seat in seats], self.owner.pk)
        found = []
        for seat in seats:
            peer = peers.get(seat.conversation_id)
            title = _title(seat) or (peer.shown_name if peer else str(seat.conversation_id))
            folder = f"conversations/{seat.conversation_id} {filenames.clean(title, 'conversation')}"
            found.append(Place(seat.conversation, seat, title, folder))
        return found

    def _measure(self, path: Path, places: list[Place]) -> None:
        own = uploads.of_owner(self.owner.pk)
        self._total = sum(place.conversation.last_seq for place in places) + own.count() + 1
        size = own.aggregate(total=Sum("file__size"))["total"] or 0
        if shutil.disk_usage(path.parent).free < size + RESERVE:
            raise NoRoom
        self._go_on(0)

    def _go_on(self, steps: int) -> None:
        self._done += steps
        if time.monotonic() - self._noted < NOTE_EVERY:
            return
        self._noted = time.monotonic()
        if not self.note(self._done, self._total):
            raise NobodyWaits

    # ── Files ──
    def _write_files(self, archive: zipfile.ZipFile) -> None:
        by_file: dict[int, Kept] = {}  # one that was sent twice stands there once
        for row in uploads.of_owner(self.owner.pk).iterator(chunk_size=200):
            self._go_on(1)
            kept = by_file.get(row.file_id)
            if kept is None:
                path = f"files/{row.pk} {filenames.clean(row.name)}"
                kept = Kept(row.name, path, row.file.size, moment(row.created_at), row.file.sha256)
                if not self._write_file(archive, kept, row.file.key, row.created_at):
                    self._missing.append(row.name)
                    continue
                by_file[row.file_id] = kept
            self._files[row.pk] = kept

    def _write_file(self, archive: zipfile.ZipFile, kept: Kept, key: str, at) -> bool:
        """As it is: what was sent is mostly packed already."""
        info = zipfile.ZipInfo(kept.path, timezone.localtime(at).timetuple()[:6])
        info.compress_type, info.external_attr = zipfile.ZIP_STORED, 0o600 << 16
        try:
            source = shelf().read(key)
        except Exception:  # the bytes are gone, or the bucket is away: what there is goes on
            return False
        with source, archive.open(info, "w", force_zip64=True) as target:
            while block := source.read(BLOCK):
                target.write(block)
                self._go_on(0)
        return True

    # ── Conversations ──
    def _write_conversation(self, archive: zipfile.ZipFile, place: Place) -> None:
        page = self._read(place, 0)
        while page or not place.pages:
            following = self._read(place, page[-1].seq) if len(page) == PAGE else []
            place.pages += 1
            place.count += len(page)
            self._write_page(archive, place, page, bool(following))
            self._go_on(len(page))
            page = following

    def _read(self, place: Place, after: int) -> list[MessageSchema]:
        """Whether they are still a member is asked after the rows were read: whoever is removed while this is written
        gets nothing that was said since.
        """
        rows = messages_with_relations().filter(conversation=place.conversation, seq__gt=after).order_by("seq")
        if not place.left:
            page = [message_schema(row) for row in rows[:PAGE]]
            place.membership.refresh_from_db(fields=["left_at", "role"])
            place.conversation.refresh_from_db(fields=["deleted_at"])
            if not place.left:
                return page
            place.title = _title(place.membership) or place.title
        own = rows.filter(sender=self.owner, kind=Message.Kind.TEXT)[:PAGE]
        return [_without_others(message_schema(row)) for row in own]

    def _write_page(self, archive: zipfile.ZipFile, place: Place, messages: list[MessageSchema], more: bool) -> None:
        wanted = people_in(messages)
        known = {user.pk: user.shown_name for user in User.objects.filter(pk__in=wanted)} if wanted else {}
        shown = lines(messages, me=self.owner.pk, names=known)
        html = _without_icons(
            render_to_string(
                "export/conversation.html",
                {
                    "place": place,
                    "shown": [(line, self._attached(line)) for line in shown],
                    "page": place.pages,
                    "before": f"messages-{place.pages - 1}.html" if place.pages > 1 else "",
                    "after": f"messages-{place.pages + 1}.html" if more else "",
                    "lang": translation.get_language(),
                },
            )
        )
        archive.writestr(f"{place.folder}/messages-{place.pages}.html", html)
        archive.writestr(f"{place.folder}/messages-{place.pages}.json", _json(messages))

    def _attached(self, line: Line) -> list[tuple[Any, str]]:
        """Each file of a message, with where it stands in the archive; nothing where it is somebody else's."""
        files = line.message.attachments
        return [(file, f"../../{self._files[file.id].url}" if file.id in self._files else "") for file in files]

    # ── The account ──
    def _write_account(self, archive: zipfile.ZipFile, places: list[Place]) -> None:
        list_of = contacts.of(self.owner.pk)
        told = {
            **data_export.of(self.owner),
            "contacts": [user_schema(tie.person) for tie in list_of.contacts],
            "blocked": [user_schema(tie.person) for tie in contacts.blocked(self.owner.pk)],
            "conversations": [
                {
                    "id": place.conversation.pk,
                    "kind": place.conversation.kind,
                    "title": place.title,
                    "role": place.membership.role,
                    "joined_at": moment(place.membership.joined_at),
                    "left_at": moment_or_none(place.membership.left_at),
                    "draft": place.membership.draft,
                    "messages": place.count,
                    "folder": place.folder,
                }
                for place in places
            ],
            "files": [
                {
                    "name": kept.name,
                    "size": kept.size,
                    "sha256": kept.sha256,
                    "sent_at": kept.sent_at,
                    "path": kept.path,
                }
                for kept in _once(self._files.values())
            ],
            "files_that_could_not_be_read": self._missing,
        }
        archive.writestr("account.json", _json(told))
        context = {
            "told": told,
            "owner": self.owner,
            "places": places,
            "files": _once(self._files.values()),
            "missing": self._missing,
            "at": timezone.localtime(),
            "since": timezone.localtime(self.owner.date_joined),
            "lang": translation.get_language(),
        }
        archive.writestr("index.html", _without_icons(render_to_string("export/index.html", context)))


def _title(seat: Membership) -> str:
    """What a group was called when they left it: the first new name afterwards tells the old one."""
    if seat.left_at is None:
        return seat.conversation.title
    renamed = Message.objects.filter(
        conversation=seat.conversation, kind=Message.Kind.SYSTEM, event__name="renamed", created_at__gt=seat.left_at
    )
    first = renamed.order_by("seq").first()
    return (first.event or {}).get("old") or "" if first else seat.conversation.title


def _without_others(message: MessageSchema) -> MessageSchema:
    """What others made of it goes on changing after one has left."""
    return msgspec.structs.replace(message, reply_to=None, reactions=[], pinned=False)


def _once(kept) -> list[Kept]:
    """A file that was sent twice is one."""
    return list({each.path: each for each in kept}.values())


def _json(what: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(what), indent=1)


def _without_icons(html: str) -> str:
    """They are kept by the site, which is not there where this is read."""
    return re.sub(r"<svg\b.*?</svg>", "", html, flags=re.DOTALL)
