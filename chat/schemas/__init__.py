"""Output schemas of chat (msgspec structs), and functions that build them from model instances.

Web pages, REST responses and WebSocket messages use the same schemas.
"""

from chat.schemas.attachments import AttachmentSchema, UploadSchema, format_duration
from chat.schemas.contacts import ListedContactSchema
from chat.schemas.conversations import (
    ChangesSchema,
    ConversationSchema,
    MemberSchema,
    MessageReceiptSchema,
    MineSchema,
    ReceiptSchema,
    TitleSchema,
    conversation_schema,
    group_avatar_url,
    group_initials,
    member_schema,
    mine_schema,
)
from chat.schemas.excerpts import make_excerpt
from chat.schemas.exports import ConversationExportSchema, conversation_export_schema
from chat.schemas.group_log import FieldChangeSchema, GroupActSchema
from chat.schemas.messages import (
    SYSTEM_EVENTS,
    FileSchema,
    ForwardSchema,
    HistorySchema,
    MentionSchema,
    MessageSchema,
    ReactionSchema,
    ReplySchema,
    RevisionSchema,
    SystemEvent,
    build_message_schema,
    message_schema,
    reply_schema,
)
from chat.schemas.search import (
    FoundConversationsSchema,
    FoundFilesSchema,
    FoundMessagesSchema,
    FoundUsersSchema,
    SearchHitSchema,
    SearchResultsSchema,
)

__all__ = [
    "SYSTEM_EVENTS",
    "AttachmentSchema",
    "ChangesSchema",
    "ConversationExportSchema",
    "ConversationSchema",
    "FieldChangeSchema",
    "FileSchema",
    "ForwardSchema",
    "FoundConversationsSchema",
    "FoundFilesSchema",
    "FoundMessagesSchema",
    "FoundUsersSchema",
    "GroupActSchema",
    "HistorySchema",
    "ListedContactSchema",
    "MemberSchema",
    "MentionSchema",
    "MessageReceiptSchema",
    "MessageSchema",
    "MineSchema",
    "ReactionSchema",
    "ReceiptSchema",
    "ReplySchema",
    "RevisionSchema",
    "SearchHitSchema",
    "SearchResultsSchema",
    "SystemEvent",
    "TitleSchema",
    "UploadSchema",
    "build_message_schema",
    "conversation_export_schema",
    "conversation_schema",
    "format_duration",
    "group_avatar_url",
    "group_initials",
    "make_excerpt",
    "member_schema",
    "message_schema",
    "mine_schema",
    "reply_schema",
]
