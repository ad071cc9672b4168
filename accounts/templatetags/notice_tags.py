"""Template tags for the notices of the moderators."""

from __future__ import annotations

from typing import NamedTuple

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import actions
from accounts.models import Notice, User
from accounts.selectors.mutes import mute_error

register = template.Library()


class NoticeItem(NamedTuple):
    pk: int
    title: str
    text: str
    is_calm: bool


@register.simple_tag
def unread_notices(user: User) -> list[NoticeItem]:
    """Returns the unread notices. Those about reports with the same outcome are one item, with the id of the newest."""
    notices = actions.list_unread_notices(user.pk)
    items = []
    for kind in Notice.REPORT_KINDS:
        if same := [notice for notice in notices if notice.kind == kind]:
            items.append(NoticeItem(same[-1].pk, report_title(kind, len(same)), "", True))
    others = [notice for notice in notices if notice.kind not in Notice.REPORT_KINDS]
    return [*(NoticeItem(notice.pk, notice_title(notice), notice.text, False) for notice in others), *items]


@register.simple_tag
def mute_text(user: User) -> str:
    """Returns the sentence for a muted user, which says until when, or "" for a user who may write."""
    error = mute_error(user.muted_until)
    return str(error.detail) if error else ""


def notice_title(notice: Notice) -> str:
    """Returns what a notice says, in the language of the reader."""
    if notice.until:
        until = date_format(timezone.localtime(notice.until), "DATETIME_FORMAT")
    if notice.kind == Notice.Kind.PAUSED:
        return _("You have sent too many messages. You can write again at %(time)s.") % {"time": until}
    if notice.kind == Notice.Kind.MUTED:
        return _("The moderators have muted you until %(time)s. You can read, but not write.") % {"time": until}
    return {
        Notice.Kind.WARNING: _("The moderators have warned you."),
        Notice.Kind.UNMUTED: _("You can write again: the moderators have ended your mute."),
    }[Notice.Kind(notice.kind)]


def report_title(kind: str, count: int) -> str:
    """Returns the text that notifies a user of the outcome of `count` reports, which is the same for all of them."""
    if kind == Notice.Kind.REPORT_ACTED:
        return ngettext(
            "Thank you for your report. The moderators have acted on it.",
            "Thank you for your %(n)d reports. The moderators have acted on them.",
            count,
        ) % {"n": count}
    return ngettext(
        "Thank you for your report. The moderators have looked at it, and found no breach of the rules.",
        "Thank you for your %(n)d reports. The moderators have looked at them, and found no breach of the rules.",
        count,
    ) % {"n": count}
