"""Keeps the search index equal to the messages. Called inside the transactions that change messages.

So a message is found by the next search after it was stored, and no longer after it was deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db.models import Max

from chat.actions.sending.types import PendingSend
from chat.message_kinds import WRITTEN_KINDS
from chat.models import Message, SearchBackfill
from chat.search import index
from chat.search.terms import IndexedText
from messenger.core.database import write_transaction

BACKFILL_BATCH = 500  # messages that one transaction indexes; it takes less than 100 ms


def add_new_messages(sends: Sequence[PendingSend]) -> None:
    """Indexes messages that have just been inserted, in one statement for the whole batch."""
    index.add_entries(
        [
            IndexedText(
                message_id=send.message_id,
                conversation_id=send.conversation.id,
                sender_id=send.user_id,
                body=send.body,
                filenames=[file.name for file in send.files.schemas] if send.files else (),
                file_kinds={file.kind for file in send.files.schemas} if send.files else (),
                has_link=has_link(send.body_html),
                mentions=[mention.user_id for mention in send.mentions],
            )
            for send in sends
        ]
    )


def update_message(message: Message) -> None:
    """Indexes a message again after a change, or removes it from the index if it is deleted."""
    if message.deleted_at or message.kind not in WRITTEN_KINDS:
        index.remove_entries([message.pk])
    else:
        index.replace_entries([indexed_text(message)])


def has_link(body_html: str) -> bool:
    return "<a " in body_html


def indexed_text(message: Message) -> IndexedText:
    """Returns what of a stored message is searched."""
    return IndexedText(
        message_id=message.pk,
        conversation_id=message.conversation_id,
        sender_id=message.sender_id,
        body=message.body,
        filenames=[file["name"] for file in message.files],
        file_kinds={file["kind"] for file in message.files},
        has_link=has_link(message.body_html),
        mentions=[mention["user_id"] for mention in message.mentions],
    )


# ── Messages that were stored before the index ───────────────────────────────────────────────────────────────────
def start_rebuild() -> int:
    """Makes `fill` index all existing messages again, newest first. Returns the number of the newest message id.

    Messages stay findable by their old entries until they are indexed again.
    """
    newest = Message.objects.aggregate(newest=Max("pk"))["newest"] or 0
    with write_transaction():
        SearchBackfill.objects.all().delete()
        SearchBackfill.objects.create(next_id=newest + 1 if newest else 0, total=newest)
    return newest


def fill(on_progress: Callable[[SearchBackfill], None] | None = None) -> None:
    """Indexes all messages that are not in the index yet, newest first.

    Can be interrupted and called again at any time. People can send and edit meanwhile: each batch locks its messages,
    so that an edit waits for at most one batch.
    """
    while (progress := fill_batch()) is not None:
        if on_progress:
            on_progress(progress)


def fill_batch() -> SearchBackfill | None:
    """Indexes the next batch of older messages. Returns None if there are none left."""
    with write_transaction():
        progress = SearchBackfill.objects.select_for_update(no_key=True).filter(next_id__gt=0).first()
        if progress is None:
            return None
        messages = Message.objects.select_for_update(no_key=True, of=("self",)).filter(pk__lt=progress.next_id)
        batch = list(messages.order_by("-pk")[:BACKFILL_BATCH])
        index.remove_entries([message.pk for message in batch])
        index.add_entries(
            [indexed_text(message) for message in batch if message.kind in WRITTEN_KINDS and message.deleted_at is None]
        )
        progress.next_id = batch[-1].pk if len(batch) == BACKFILL_BATCH else 0
        progress.save(update_fields=["next_id"])
        return progress
