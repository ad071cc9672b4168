"""Sends messages: many commands in one transaction, each accepted or rejected by itself.

This is the hot path, so its rows are tuples (messenger.core.bulk_sql) and not model instances. It takes 6 statements
for any number of commands, and one or two more for each of: mentions, replies, forwards, senders with unread messages.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from chat.actions.sending import authorize, idempotency, locking, persist, publish, references
from chat.actions.sending.types import Outcome, PendingSend, SendCommand, SentMessage
from chat.attachments import message_files
from messenger.core.database import write_transaction
from messenger.live import events

__all__ = ["Outcome", "SendCommand", "SentMessage", "send_many", "send_many_blocking"]


def send_many(commands: Sequence[SendCommand]) -> list[Outcome]:
    """Stores messages in the order of the commands, publishes them, and returns the outcome of each command.

    The outcome is BUSY where another transaction holds the conversation: call `send_many_blocking` for these.
    Raises IntegrityError if two processes store the same client_id at once; the same call then finds it stored.
    """
    return _send(commands, skip_locked=True)


def send_many_blocking(commands: Sequence[SendCommand]) -> list[Outcome]:
    """Like `send_many`, but waits for locked conversations."""
    return _send(commands, skip_locked=False)


def _send(commands: Sequence[SendCommand], *, skip_locked: bool) -> list[Outcome]:
    batch = [PendingSend(command, command.digest()) for command in commands]
    with write_transaction():
        sends = locking.lock_conversations(batch, skip_locked)
        sends = idempotency.set_duplicates_aside(sends)
        sends = authorize.load_senders(sends)
        sends = references.resolve_messages(sends)
        sends = references.resolve_files(sends)
        sends = authorize.apply_rate_limit(sends)
        if sends:
            now = timezone.now()
            persist.render_bodies(sends)
            message_files.prepare_attachments((send.files for send in sends if send.files), now)
            persist.assign_numbers(sends)
            persist.insert_messages(sends, now)
            persist.update_counters(sends, now)
            events.publish([*publish.build_message_events(sends, now), *publish.update_member_states(sends, now)])
        idempotency.answer_duplicates(batch)
    return [send.outcome for send in batch]  # type: ignore[misc]  # each has one by now
