"""Models of conversations, members, messages, files, invite links and data exports."""

from chat.models.attachments import Attachment, File, Upload
from chat.models.conversations import Conversation, Level, Membership, ReceiptHistory, Role
from chat.models.data_exports import ConversationExport, DataExport, Export
from chat.models.epochs import DatabaseEpoch
from chat.models.invites import Invite
from chat.models.join_requests import JoinRequest
from chat.models.legal_holds import HeldCopy, LegalHold
from chat.models.messages import Mention, Message, Reaction, Revision
from chat.models.reports import GRAVITY_BY_KIND, Gravity, Report, ReportCase, ReportKind
from chat.models.search import SearchBackfill, SearchEntry
from chat.models.word_lists import WordList, WordListVersion

__all__ = [
    "GRAVITY_BY_KIND",
    "Attachment",
    "Conversation",
    "ConversationExport",
    "DataExport",
    "DatabaseEpoch",
    "Export",
    "File",
    "Gravity",
    "HeldCopy",
    "Invite",
    "JoinRequest",
    "LegalHold",
    "Level",
    "Membership",
    "Mention",
    "Message",
    "Reaction",
    "ReceiptHistory",
    "Report",
    "ReportCase",
    "ReportKind",
    "Revision",
    "Role",
    "SearchBackfill",
    "SearchEntry",
    "Upload",
    "WordList",
    "WordListVersion",
]
