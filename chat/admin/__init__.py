"""Admin pages of conversations, messages, invite links and reports, for the moderators of the site.

The pages have no forms that edit rows. Rows are changed only by admin actions (such as "hide"), which call functions of
chat.actions and accounts.actions.
"""

from chat.admin.address_bans import AddressBanAdmin
from chat.admin.audit_log import AuditEntryAdmin
from chat.admin.conversation_exports import ConversationExportAdmin
from chat.admin.conversations import ConversationAdmin
from chat.admin.invites import InviteAdmin
from chat.admin.legal_holds import HeldCopyAdmin, LegalHoldAdmin
from chat.admin.messages import MessageAdmin
from chat.admin.notices import NoticeAdmin
from chat.admin.reports import ReportCaseAdmin
from chat.admin.suspensions import SuspensionAdmin
from chat.admin.word_lists import WordListAdmin

__all__ = [
    "AddressBanAdmin",
    "AuditEntryAdmin",
    "ConversationAdmin",
    "ConversationExportAdmin",
    "HeldCopyAdmin",
    "InviteAdmin",
    "LegalHoldAdmin",
    "MessageAdmin",
    "NoticeAdmin",
    "ReportCaseAdmin",
    "SuspensionAdmin",
    "WordListAdmin",
]
