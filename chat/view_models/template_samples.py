"""Empty view models (messages, rows …). Django renders them into `<template>` elements, which browser scripts copy.

Messages and rows with real data are rendered with the same Django templates. So the HTML that scripts add to a page is
the same as the HTML from the server.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from accounts.models import User
from accounts.schemas import build_user_schema
from chat.models import Attachment, Conversation
from chat.schemas import AttachmentSchema, MemberSchema, MineSchema, build_message_schema, conversation_schema
from chat.schemas.messages import SYSTEM_SENTENCES
from chat.view_models.attachments import FILE_ICONS, build_attachment_views
from chat.view_models.conversation_list import ConversationRow
from chat.view_models.message_log import GroupPosition, MessageItem, ReactionItem, SystemMessageText

_EMPTY_USER = build_user_schema(0, "", "")
_ANY_TIME = datetime(2000, 1, 1, 12, tzinfo=UTC)
SYSTEM_MESSAGE_KINDS = (*SYSTEM_SENTENCES, "linked-mine")


def get_sample_context() -> dict[str, Any]:
    """Returns the context for templates/chat/_script_templates.html.

    It has one empty view model of each kind (message, row of the list of conversations …).
    """
    attachments = [AttachmentSchema(0, kind, "", "", 0, "") for kind in Attachment.Kind.values]
    return {
        "blank_item": _empty_item(),
        "blank_system_items": [_empty_item(SystemMessageText(kind, "", "", "", "")) for kind in SYSTEM_MESSAGE_KINDS],
        "blank_row": _empty_row(),
        "blank_attachments": build_attachment_views(attachments),
        "file_icons": [*FILE_ICONS.values(), "mic"],
        "blank_member": MemberSchema(_EMPTY_USER, "member", "", None, 0),
    }


def _empty_item(system_text: SystemMessageText | None = None) -> MessageItem:
    message = build_message_schema(
        id=0,
        conversation_id=0,
        seq=0,
        version=0,
        client_id="",
        kind="system" if system_text else "text",
        sender=_EMPTY_USER,
        created_at="",
    )
    position = GroupPosition(False, False, False)
    return MessageItem(message, _ANY_TIME, position, reactions=[ReactionItem("", 0, False)], system_text=system_text)


def _empty_row() -> ConversationRow:
    member_state = MineSchema("member", 0, 0, 0, False, "all", False, False, "", 0)
    model = Conversation(id=0, kind=Conversation.Kind.DIRECT, created_at=_ANY_TIME)
    conversation = conversation_schema(model, last_message=None, peer=User(id=0), mine=member_state)
    return ConversationRow(conversation, member_state, "", "", None, "", "")
