"""The admin of conversations, messages, invite links and reports, for site moderators.

Nothing can be edited. Admin actions change rows by calling the actions of chat and accounts.
"""

from chat.admin.audit_log import LogEntryAdmin
from chat.admin.conversations import ConversationAdmin
from chat.admin.invites import InviteAdmin
from chat.admin.messages import MessageAdmin
from chat.admin.reports import ReportAdmin

__all__ = ["ConversationAdmin", "InviteAdmin", "LogEntryAdmin", "MessageAdmin", "ReportAdmin"]
