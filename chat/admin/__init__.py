"""Conversations, messages, links into groups and reports, for site moderators.

Nothing is edited here: rows change through verbs alone.
"""

from chat.admin.audit_log import LogAdmin
from chat.admin.conversations import ConversationAdmin
from chat.admin.invites import InviteAdmin
from chat.admin.messages import MessageAdmin
from chat.admin.reports import ReportAdmin

__all__ = ["ConversationAdmin", "InviteAdmin", "LogAdmin", "MessageAdmin", "ReportAdmin"]
