"""Loads and checks what a new message refers to: the message it replies to, the message it forwards, its files."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.schemas import user_schema
from chat.actions.sending.locking import filter_member_pairs
from chat.actions.sending.types import PendingSend, list_undecided
from chat.attachments import message_files
from chat.message_kinds import KINDS
from chat.models import Message
from chat.schemas import ForwardSchema, reply_schema
from messenger.core.errors import ApplicationError, invalid
from messenger.core.timestamps import format_timestamp


def resolve_messages(sends: list[PendingSend]) -> list[PendingSend]:
    """Loads the messages to which new messages reply, or which they forward.

    Returns those messages in `sends` that have no error. A message gets an error, for example, if it replies to a
    message of another conversation, or forwards a message that the sender may not see.
    """
    ids = {pk for send in sends for pk in (send.payload.reply_to_id, send.payload.forward_id) if pk}
    if not ids:
        return sends
    messages = Message.objects.select_related("sender", "forwarded_sender").in_bulk(ids)
    visible = _filter_visible_forwards(sends, messages)
    for send in sends:
        payload = send.payload
        if payload.reply_to_id:
            send.outcome = _set_reply(send, messages.get(payload.reply_to_id))
        if payload.forward_id and send.outcome is None:
            source = messages.get(payload.forward_id)
            is_visible = source is not None and (source.conversation_id, send.user_id) in visible
            send.outcome = _set_forward(send, source if is_visible else None)
    return list_undecided(sends)


def _set_reply(send: PendingSend, message: Message | None) -> ApplicationError | None:
    if (
        message is None
        or message.conversation_id != send.payload.conversation_id
        or "reply" not in KINDS[message.kind].actions
    ):
        return invalid(reply_to_id=_("This message isn’t in this conversation."))
    send.reply = reply_schema(message)
    return None


def _set_forward(send: PendingSend, source: Message | None) -> ApplicationError | None:
    if source is None or source.deleted_at or "forward" not in KINDS[source.kind].actions:
        return invalid(forward_id=_("This message doesn’t exist."))
    payload = send.payload
    author = source.forwarded_sender or source.sender  # of a message that was itself forwarded: the first author
    send.body, send.forwarded_at = source.body, source.forwarded_at or source.created_at
    send.forward = ForwardSchema(user_schema(author), format_timestamp(send.forwarded_at))
    if source.files:
        send.files = message_files.MessageFiles(payload.conversation_id, send.user_id, forwarded_message_id=source.pk)
    return None


def _filter_visible_forwards(sends: list[PendingSend], messages: dict[int, Message]) -> set[tuple[int, int]]:
    """Returns which users may forward messages of which conversations, as (conversation id, user id) pairs.

    A user may forward a message if the user is a member of its conversation.
    """
    pairs = {
        (messages[send.payload.forward_id].conversation_id, send.user_id)
        for send in sends
        if send.payload.forward_id in messages
    }
    return filter_member_pairs(pairs) if pairs else set()


def resolve_files(sends: list[PendingSend]) -> list[PendingSend]:
    """Loads and locks the files of new messages, and returns those messages in `sends` whose files are valid.

    Sets the error of the other messages. Makes no query if no message has files.
    """
    for send in sends:
        payload = send.payload
        if payload.attachment_ids and send.forward is None:
            send.files = message_files.MessageFiles(payload.conversation_id, send.user_id, payload.attachment_ids)
    if files := [send.files for send in sends if send.files]:
        message_files.load_files(files)
    for send in sends:
        if send.files:
            send.outcome = send.files.error
    return list_undecided(sends)
