"""The acts that the audit log knows, with their labels."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTS: dict[str, str | Promise] = {
    # moderators of the site
    "user.suspend": _("suspended an account"),
    "user.restore": _("restored an account"),
    "user.warn": _("warned a person"),
    "warning.withdraw": _("withdrew a warning"),
    "user.mute": _("muted a person"),
    "user.unmute": _("ended the mute of a person"),
    "user.pause": _("muted a person who flooded"),
    "factors.remove": _("removed the second factors of a person"),
    "address.ban": _("banned an address"),
    "address.lift": _("lifted the ban of an address"),
    "user.wipe": _("hid the recent messages of a person"),
    "appeal.reject": _("rejected an appeal"),
    "message.hide": _("hid a message"),
    "message.restore": _("restored a message"),
    "message.wipe": _("deleted a message for good"),
    "report.settle": _("resolved a report"),
    "report.reopen": _("reopened a report"),
    "words.on": _("switched a word list on"),
    "words.off": _("switched a word list off"),
    "conversation.read": _("looked into a direct conversation"),
    "conversation.export": _("exported a conversation"),
    "hold.place": _("placed a legal hold"),
    "hold.release": _("released a legal hold"),
    # forms of the admin
    "admin.add": _("added an object in the admin"),
    "admin.change": _("changed an object in the admin"),
    "admin.delete": _("deleted an object in the admin"),
    # owner and admins of a group; moderators revoke invite links, too
    "group.change": _("changed the group"),
    "group.words": _("changed the word list"),
    "group.picture": _("changed the picture of the group"),
    "group.delete": _("deleted the group"),
    "group.export": _("exported the group"),
    "member.add": _("added a member"),
    "member.approve": _("let a person in"),
    "member.decline": _("declined a request to join"),
    "member.remove": _("removed a member"),
    "member.mute": _("muted a member"),
    "member.role": _("changed a role"),
    "message.delete": _("deleted a message of another member"),
    "invite.create": _("created an invite link"),
    "invite.revoke": _("revoked an invite link"),
}
