"""Applies word lists to the texts of a batch of messages. See chat.actions.word_filter.

The digest of a send is of what the client has sent, so a repeated send finds the message although words were masked.
"""

from __future__ import annotations

from chat import tasks
from chat.actions import word_filter
from chat.actions.sending.types import PendingSend, list_undecided


def mask_ahead(batch: list[PendingSend]) -> None:
    """Masks words before the conversations are locked, so that the texts that will be stored are rendered ahead."""
    if not word_filter.has_lists():
        return
    for send in batch:
        if send.body:
            send.body = word_filter.apply(send.body, send.payload.conversation_id).body


def apply_word_lists(sends: list[PendingSend]) -> list[PendingSend]:
    """Masks and flags words with the present lists, and returns the messages that they do not block.

    Makes no query unless a list has changed since the last message.
    """
    versions = {send.conversation.word_list_version for send in sends}
    has_lists = any(word_filter.has_lists(version) for version in versions)
    for send in sends:
        body = send.body if send.forward else send.payload.body
        if not has_lists:
            send.body = body
            continue
        result = word_filter.apply(body, send.conversation.id, send.conversation.word_list_version)
        send.body, send.outcome, send.flagged_words = result.body, result.error, result.flagged_words
    return list_undecided(sends)


def enqueue_flags(sends: list[PendingSend]) -> None:
    """Reports new messages with flagged words to the moderators, in the background."""
    for send in sends:
        if send.flagged_words:
            tasks.flag_message.enqueue(send.message_id, ", ".join(send.flagged_words))
