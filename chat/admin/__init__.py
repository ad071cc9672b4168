"""Admin pages of conversations, messages, invite links and reports, for the moderators of the site.

Nothing can be edited in a form. The admin actions (such as "hide") call functions of chat.actions and accounts.actions.
"""

from chat.admin.audit_log import LogEntryAdmin
from chat.admin.conversations import ConversationAdmin
from chat.admin.invites import InviteAdmin
from chat.admin.messages import MessageAdmin
from chat.admin.reports import ReportAdmin

__all__ = ["ConversationAdmin", "InviteAdmin", "LogEntryAdmin", "MessageAdmin", "ReportAdmin"]
