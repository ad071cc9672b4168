"""What a message brings along: the one it answers, the one it forwards, its files."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.schemas import user_schema
from chat.actions.sending.locking import memberships
from chat.actions.sending.types import Draft, Outcome
from chat.attachments import message_files as files
from chat.models import Message
from chat.schemas import ForwardSchema, moment, reply_schema
from messenger.core.errors import invalid


def quoted(drafts: list[Draft], outcomes: list[Outcome | None]) -> list[Draft]:
    """Replies quote a message of the same conversation; forwards one that their sender may see."""
    wanted = {pk for draft in drafts for pk in (draft.command.reply_to_id, draft.command.forward_id) if pk}
    if not wanted:
        return drafts
    messages = Message.objects.select_related("sender", "forwarded_sender").in_bulk(wanted)
    visible = _visible(drafts, messages)
    good = []
    for draft in drafts:
        command = draft.command
        if command.reply_to_id:
            quoted = messages.get(command.reply_to_id)
            if quoted is None or quoted.conversation_id != command.conversation_id or quoted.kind != Message.Kind.TEXT:
                outcomes[draft.place] = invalid(reply_to_id=_("There is no such message here."))
                continue
            draft.reply = reply_schema(quoted)
        if command.forward_id:
            source = messages.get(command.forward_id)
            if (
                source is None
                or source.deleted_at
                or source.kind != Message.Kind.TEXT
                or ((source.conversation_id, command.user_id) not in visible)
            ):
                outcomes[draft.place] = invalid(forward_id=_("There is no such message."))
                continue
            writer = source.forwarded_sender or source.sender
            draft.body, draft.forwarded_at = source.body, source.forwarded_at or source.created_at
            draft.forward = ForwardSchema(user_schema(writer), moment(draft.forwarded_at))
            if source.files:
                draft.brought = files.Wanted(command.conversation_id, command.user_id, forwarded_id=source.pk)
        good.append(draft)
    return good


def with_files(drafts: list[Draft], outcomes: list[Outcome | None]) -> list[Draft]:
    """What is sent with files has to have them; nothing is asked where no draft has any."""
    for draft in drafts:
        command = draft.command
        if command.attachment_ids and draft.forward is None:
            draft.brought = files.Wanted(command.conversation_id, command.user_id, command.attachment_ids)
    if wanted := [draft.brought for draft in drafts if draft.brought]:
        files.find(wanted)
    good = []
    for draft in drafts:
        if draft.brought and draft.brought.refused:
            outcomes[draft.place] = draft.brought.refused
        else:
            good.append(draft)
    return good


def _visible(drafts: list[Draft], messages: dict[int, Message]) -> set[tuple[int, int]]:
    """(conversation, person) of the forwards whose person is a member where the message stands."""
    pairs = {
        (messages[draft.command.forward_id].conversation_id, draft.command.user_id)
        for draft in drafts
        if draft.command.forward_id in messages
    }
    return memberships(pairs) if pairs else set()
