"""Forwards a message to several conversations. The sender can add a text, which is sent as a message of its own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from chat.actions.queues import send_queue
from chat.actions.sending import SendCommand
from chat.payloads import SendPayload
from chat.schemas import MessageSchema
from messenger.core.errors import ApplicationError

MAX_TARGETS = 10  # conversations to which a message is forwarded at once


def forward_message(
    user_id: int, message_id: int, conversation_ids: Sequence[int], client_id: uuid.UUID, words: str = ""
) -> dict[int, MessageSchema | ApplicationError]:
    """Sends the text `words` (if not empty) and then the forwarded message to each of the conversations.

    Returns for each conversation id the forwarded message, or the error if one of the two messages was rejected. A
    second call with the same arguments sends only the messages that were rejected before: each message has a client_id
    that is computed from `client_id`, the conversation and the text, and the same client_id is not stored twice.
    """
    return {
        conversation_id: _forward_to(user_id, message_id, conversation_id, client_id, words)
        for conversation_id in conversation_ids
    }


def _forward_to(
    user_id: int, message_id: int, conversation_id: int, client_id: uuid.UUID, words: str
) -> MessageSchema | ApplicationError:
    try:
        if words:
            words_id = uuid.uuid5(client_id, f"words {conversation_id} {words}")
            send_queue.call(SendCommand(user_id, SendPayload(conversation_id, words_id, words)))
        forward_id = uuid.uuid5(client_id, f"forward {conversation_id}")
        return send_queue.call(
            SendCommand(user_id, SendPayload(conversation_id, forward_id, forward_id=message_id))
        ).message
    except ApplicationError as error:
        return error
