"""Sending: many commands in one transaction, each accepted or refused by itself.

The hot path, and so its rows are tuples (messenger.core.bulk_sql). Number of statements: 6 for any number of sends, and
one or two more for each of: mentions, replies, forwards, marks that were behind.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from chat.actions.sending import authorize, locking, persist, publish, references
from chat.actions.sending.idempotency import answer_repeats
from chat.actions.sending.types import Outcome, Send, Sent
from chat.attachments import message_files as files
from messenger.core.batch_writer import BUSY
from messenger.core.database import write_transaction
from messenger.live import events

__all__ = ["Outcome", "Send", "Sent", "send_many", "send_waiting"]


def send_many(commands: Sequence[Send]) -> list[Outcome]:
    """Store these, in their order, and tell. BUSY where another process holds the conversation: try it apart.

    Raises IntegrityError where two processes store one client_id at once; the same commands given again then find it.
    """
    return _send(commands, skip_locked=True)


def send_waiting(commands: Sequence[Send]) -> list[Outcome]:
    """The same, waiting for conversations that somebody else holds."""
    return _send(commands, skip_locked=False)


def _send(commands: Sequence[Send], *, skip_locked: bool) -> list[Outcome]:
    outcomes: list[Outcome | None] = [None] * len(commands)
    with write_transaction():
        locked = locking.lock({command.conversation_id for command in commands}, skip_locked)
        open_places = []
        for place, command in enumerate(commands):
            room = locked.get(command.conversation_id)
            outcomes[place] = BUSY if room is BUSY else None
            if room is not BUSY:
                open_places.append(place)
        repeats = answer_repeats(commands, open_places, outcomes)
        drafts = authorize.seated(commands, open_places, locked, outcomes)
        drafts = references.quoted(drafts, outcomes)
        drafts = references.with_files(drafts, outcomes)
        drafts = authorize.allowed(drafts, outcomes)
        persist.format_texts(drafts)
        if drafts:
            now = timezone.now()
            files.show((draft.brought for draft in drafts if draft.brought), now)
            persist.number(drafts)
            persist.insert(drafts, now)
            persist.move_on(drafts, now)
            events.publish(publish.tell(drafts, now, outcomes) + publish.marks(drafts, now))
        repeats()
    return outcomes  # type: ignore[return-value]
