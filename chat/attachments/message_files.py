"""Files of messages that are being sent, forwarded, or taken away. Called by the verbs, inside their transactions.

Where a batch brings no files, nothing of this is asked: not one query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from chat import tasks
from chat.attachments.schemas import attachment_schema
from chat.attachments.uploads import check_conversation
from chat.models import Attachment, Conversation
from chat.schemas import AttachmentSchema
from messenger.core.errors import ApplicationError, invalid


class Wanted:
    """What one message is to show: files of its sender's own, or those of the message that it forwards."""

    def __init__(self, conversation_id: int, user_id: int, ids: Sequence[int] = (), forwarded_id: int | None = None):
        self.conversation_id, self.user_id = conversation_id, user_id
        self.ids, self.forwarded_id = list(ids), forwarded_id
        self.refused: ApplicationError | None = None
        self.rows: list[Attachment] = []
        self.shapes: list[AttachmentSchema] = []


def find(wanted: Sequence[Wanted]) -> None:
    """The rows of each, locked: a picture that is ready meanwhile waits until its message can be told so."""
    ids = {pk for each in wanted for pk in each.ids}
    sources = {each.forwarded_id for each in wanted if each.forwarded_id}
    locked = Attachment.objects.select_for_update(no_key=True, of=("self", "file")).select_related("file")
    unsent = {row.pk: row for row in locked.filter(pk__in=ids, message=None).order_by("pk")} if ids else {}
    shown: dict[int, list[Attachment]] = {}
    if sources:
        for row in locked.filter(message__in=sources).order_by("pk"):
            shown.setdefault(row.message_id or 0, []).append(row)
    held: dict[int, int] = {}
    for each in wanted:
        if each.forwarded_id:
            each.rows = sorted(shown.get(each.forwarded_id, ()), key=lambda row: row.place)
        else:
            each.refused = _own(each, unsent)
        if each.refused is None:
            each.refused = _fits(each, held)


def _own(wanted: Wanted, unsent: dict[int, Attachment]) -> ApplicationError | None:
    if len(wanted.ids) > settings.FILES_AT_ONCE:
        words = _("At most %(limit)s files at once.") % {"limit": settings.FILES_AT_ONCE}
        return invalid(attachment_ids=words)
    for pk in wanted.ids:
        row = unsent.pop(pk, None)  # each file is sent once, also within one batch
        if row is None or row.owner_id != wanted.user_id:
            return invalid(attachment_ids=_("There is no such file, or it was sent already."))
        wanted.rows.append(row)
    return None


def _fits(wanted: Wanted, held: dict[int, int]) -> ApplicationError | None:
    """How much the conversation's files have; its row is locked."""
    conversation_id, more = wanted.conversation_id, sum(row.file.size for row in wanted.rows)
    if conversation_id not in held:
        held[conversation_id] = Conversation.objects.values_list("file_bytes", flat=True).get(pk=conversation_id)
    try:
        check_conversation(held[conversation_id], more)
    except ApplicationError as refused:
        return refused
    held[conversation_id] += more
    return None


def show(wanted: Iterable[Wanted], now: datetime) -> None:
    """Their shapes, with the ids they will have. A file that is forwarded is shared, not copied."""
    for each in wanted:
        if each.forwarded_id:
            each.rows = Attachment.objects.bulk_create(
                Attachment(
                    file=row.file,
                    owner_id=each.user_id,
                    kind=row.kind,
                    name=row.name,
                    alt=row.alt,
                    created_at=now,
                )
                for row in each.rows
            )
        each.shapes = [attachment_schema(row) for row in each.rows]


def belong(wanted: Wanted, message_id: int) -> None:
    """From now on they are this message's."""
    for place, row in enumerate(wanted.rows):
        row.message_id, row.conversation_id, row.place = message_id, wanted.conversation_id, place
    Attachment.objects.bulk_update(wanted.rows, ["message", "conversation", "place"])
    more = sum(row.file.size for row in wanted.rows)
    Conversation.objects.filter(pk=wanted.conversation_id).update(file_bytes=F("file_bytes") + more)


def take_away(message_id: int, conversation_id: int) -> None:
    """A message that was wiped shows nothing any more. What nobody else shows is buried, by the worker."""
    rows = Attachment.objects.filter(message_id=message_id)
    size = rows.aggregate(total=Sum("file__size"))["total"] or 0
    rows.delete()
    Conversation.objects.filter(pk=conversation_id).update(file_bytes=F("file_bytes") - size)
    tasks.bury_files.enqueue()
