"""Sends messages in batches: many commands are stored in one transaction. A rejected command does not affect others.

This code runs most often and must be fast, so it uses tuples (messenger.core.bulk_sql) instead of model instances. It
makes 6 SQL statements for any number of commands, and a few more if the batch contains mentions, replies, forwards, or
senders with unread messages, or the first message of a direct conversation.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from chat.actions import search_index
from chat.actions.sending import authorize, filtering, idempotency, locking, persist, publish, references, rendering
from chat.actions.sending.types import Outcome, PendingSend, SendCommand, SentMessage
from chat.attachments import message_files
from messenger.core.database import pipeline, write_transaction
from messenger.core.errors import ApplicationError
from messenger.live import events

__all__ = ["Outcome", "SendCommand", "SentMessage", "require_sendable", "send_many", "send_many_blocking"]


def send_many(commands: Sequence[SendCommand]) -> list[Outcome]:
    """Stores and publishes a message for each command, and returns the outcome of each command, in the same order.

    The outcome is BUSY if another transaction has locked the conversation: call `send_many_blocking` for such commands.
    Raises IntegrityError if another process stores the same client_id at the same time. In this case call it again: it
    then returns the stored message.
    """
    return _send(commands, skip_locked=True)


def send_many_blocking(commands: Sequence[SendCommand]) -> list[Outcome]:
    """Sends messages like `send_many`, but waits until other transactions unlock the conversations."""
    return _send(commands, skip_locked=False)


def require_sendable(command: SendCommand) -> None:
    """Raises the error with which `send_many` would refuse this message now, and stores nothing.

    Slow mode and the rate limit are left out: they only delay a message.
    """
    send = _build_pending_send(command)
    with write_transaction():
        _filter_sendable(locking.lock_conversations([send], skip_locked=False))
    if isinstance(send.outcome, ApplicationError):
        raise send.outcome


def _build_pending_send(command: SendCommand) -> PendingSend:
    payload = command.payload
    return PendingSend(command.user_id, payload, command.digest(), payload.body, command.keeps_read_marker)


def _send(commands: Sequence[SendCommand], *, skip_locked: bool) -> list[Outcome]:
    batch = [_build_pending_send(command) for command in commands]
    filtering.mask_ahead(batch)
    rendering.render_ahead(batch)
    with write_transaction():
        with pipeline():
            message_events = _store(batch, skip_locked)
        events.publish(message_events)
        idempotency.answer_duplicates(batch)
    return [send.outcome for send in batch]  # type: ignore[misc]  # each send has an outcome by now


def _filter_sendable(sends: list[PendingSend]) -> list[PendingSend]:
    """Checks permissions, referenced messages, word lists and files. Returns the messages that pass.

    Stores the error in the `outcome` of each other message.
    """
    sends = authorize.load_senders(sends)
    sends = references.resolve_messages(sends)
    sends = filtering.apply_word_lists(sends)
    return references.resolve_files(sends)


def _store(batch: list[PendingSend], skip_locked: bool) -> list[events.Event]:
    """Checks and stores the messages, sets their outcomes, and returns the events to publish."""
    sends = locking.lock_conversations(batch, skip_locked)
    sends = idempotency.set_duplicates_aside(sends)
    sends = _filter_sendable(sends)
    sends = authorize.apply_slow_mode(sends)
    sends = authorize.apply_rate_limit(sends)
    if not sends:
        return []
    now = timezone.now()
    rendering.render_bodies(sends)
    message_files.prepare_attachments((send.files for send in sends if send.files), now)
    opened = publish.open_new_pairs(sends)
    persist.assign_numbers(sends)
    persist.insert_messages(sends, now)
    filtering.enqueue_flags(sends)
    search_index.add_new_messages(sends)
    persist.update_counters(sends, now)
    message_events = publish.build_message_events(sends, now)
    first_events, member_events = publish.update_member_states(sends, opened, now)
    return [*first_events, *message_events, *member_events]
