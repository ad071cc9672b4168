"""The nouns: conversations, who is in them, and what was said."""

from chat.models.conversations import Conversation, Level, Mark, Membership, Role
from chat.models.messages import Mention, Message, Reaction, Report, Revision

__all__ = [
    "Conversation",
    "Level",
    "Mark",
    "Membership",
    "Mention",
    "Message",
    "Reaction",
    "Report",
    "Revision",
    "Role",
]
