"""Models of conversations, members, messages, files, invite links and data exports."""

from chat.models.attachments import Attachment, File, Upload
from chat.models.conversations import Conversation, Level, Membership, ReceiptHistory, Role
from chat.models.data_exports import DataExport
from chat.models.epochs import DatabaseEpoch
from chat.models.invites import Invite
from chat.models.messages import Mention, Message, Reaction, Report, Revision
from chat.models.search import SearchBackfill, SearchEntry

__all__ = [
    "Attachment",
    "Conversation",
    "DataExport",
    "DatabaseEpoch",
    "File",
    "Invite",
    "Level",
    "Membership",
    "Mention",
    "Message",
    "Reaction",
    "ReceiptHistory",
    "Report",
    "Revision",
    "Role",
    "SearchBackfill",
    "SearchEntry",
    "Upload",
]
