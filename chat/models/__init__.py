"""The nouns: conversations, who is in them, and what was said."""

from chat.models.attachments import Attachment, File, Upload
from chat.models.conversations import Conversation, Level, Mark, Membership, Role
from chat.models.exports import Archive
from chat.models.invites import Invite
from chat.models.messages import Mention, Message, Reaction, Report, Revision

__all__ = [
    "Archive",
    "Attachment",
    "Conversation",
    "File",
    "Invite",
    "Level",
    "Mark",
    "Membership",
    "Mention",
    "Message",
    "Reaction",
    "Report",
    "Revision",
    "Role",
    "Upload",
]
