"""The acts that the audit log knows, with their labels."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTS: dict[str, str | Promise] = {
    # moderators of the site
    "user.suspend": _("suspended an account"),
    "user.restore": _("restored an account"),
    "appeal.reject": _("rejected an appeal"),
    "message.hide": _("hid a message"),
    "message.restore": _("restored a message"),
    "report.settle": _("resolved a report"),
    "conversation.read": _("read a direct conversation without an open report"),
    # forms of the admin
    "admin.add": _("added an object in the admin"),
    "admin.change": _("changed an object in the admin"),
    "admin.delete": _("deleted an object in the admin"),
    # owner and admins of a group; moderators revoke invite links, too
    "group.change": _("changed the group"),
    "group.picture": _("changed the picture of the group"),
    "group.delete": _("deleted the group"),
    "member.add": _("added a member"),
    "member.remove": _("removed a member"),
    "member.role": _("changed a role"),
    "message.delete": _("deleted a message of another member"),
    "invite.create": _("created an invite link"),
    "invite.revoke": _("revoked an invite link"),
}
