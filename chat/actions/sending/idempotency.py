"""Makes sending idempotent: a command that a client sends again does not store the message again.

Each command has a client_id, a UUID that the client has created for the message. If a message of the sender with this
client_id is stored already, the answer to the command is this message.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.utils.translation import gettext_lazy as _

from chat.actions.sending.locking import filter_member_pairs
from chat.actions.sending.types import PendingSend, SentMessage
from chat.models import Message
from chat.schemas import MessageSchema, message_schema
from chat.selectors import messages_with_relations
from messenger.core import bulk_sql
from messenger.core.errors import ApplicationError, not_found


def set_duplicates_aside(sends: list[PendingSend]) -> list[PendingSend]:
    """Finds messages in `sends` that repeat an earlier message of the sender, and returns the other messages.

    A message is a duplicate if its client_id is stored already or occurs earlier in this batch. A duplicate with
    different content gets the error `conflict`. The outcome of all other duplicates is set later, by
    `answer_duplicates`. This check comes before the checks of membership and rate limit: they must not reject the
    repetition of an accepted message.
    """
    if not sends:
        return []
    client_ids = bulk_sql.adapt_uuids([send.payload.client_id for send in sends])
    stored = {
        (sender_id, client_id): (digest, message_id)
        for sender_id, client_id, digest, message_id in bulk_sql.fetch_all(
            "SELECT sender_id, client_id, digest, id FROM chat_message"
            f" WHERE client_id IN {bulk_sql.placeholders(1, len(client_ids))}",
            client_ids,
        )
    }
    first_sends: dict[tuple[int, Any], PendingSend] = {}
    for send, client_id in zip(sends, client_ids, strict=True):
        key = (send.user_id, client_id)
        if key in stored:
            digest, message_id = stored[key]
            if digest == send.digest:
                send.stored_message_id = message_id
            else:
                send.outcome = _conflict_error()
        elif key in first_sends:
            if first_sends[key].digest == send.digest:
                send.duplicate_of = first_sends[key]
            else:
                send.outcome = _conflict_error()
        else:
            first_sends[key] = send
    return list(first_sends.values())


def answer_duplicates(batch: list[PendingSend]) -> None:
    """Sets the outcome of each duplicate (message that repeats an earlier message): the stored message as it is now.

    If the sender is no longer a member of the conversation, the outcome is the message as it was sent, without what
    came later. So a client that did not get the first answer knows that the others have the message. If nobody has it
    any more, the outcome is the error `not_found`. Call this after the batch of messages is stored.
    """
    stored_sends = [send for send in batch if send.stored_message_id is not None]
    if stored_sends:
        members = filter_member_pairs({(send.payload.conversation_id, send.user_id) for send in stored_sends})
        messages = messages_with_relations().in_bulk({send.stored_message_id for send in stored_sends})
        for send in stored_sends:
            message = messages[send.stored_message_id]
            if (send.payload.conversation_id, send.user_id) in members:
                send.outcome = SentMessage(message_schema(message), created=False)
            elif message.deleted_at is None and message.conversation.deleted_at is None:
                send.outcome = SentMessage(_schema_as_sent(message), created=False)
            else:
                send.outcome = not_found()
    for send in batch:
        if send.duplicate_of is not None:
            outcome = send.duplicate_of.outcome
            send.outcome = SentMessage(outcome.message, created=False) if isinstance(outcome, SentMessage) else outcome


def _schema_as_sent(message: Message) -> MessageSchema:
    """Returns a message without what others may have added since: reactions, a pin, edits of the quoted message."""
    schema = message_schema(message, fresh=True)
    return msgspec.structs.replace(schema, version=message.first_version, pinned=False, reply_to=None)


def _conflict_error() -> ApplicationError:
    return ApplicationError("conflict", _("This client_id was already used for another message."))
