"""Template tags for the notices of the moderators."""

from __future__ import annotations

from typing import NamedTuple

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import actions
from accounts.models import Notice, User
from accounts.selectors.mutes import mute_error

register = template.Library()


class NoticeItem(NamedTuple):
    pk: int
    title: str
    text: str


@register.simple_tag
def unread_notices(user: User) -> list[NoticeItem]:
    return [NoticeItem(notice.pk, notice_title(notice), notice.text) for notice in actions.list_unread_notices(user.pk)]


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
        Notice.Kind.REPORT_ACTED: _("Thank you for your report. The moderators have acted on it."),
        Notice.Kind.REPORT_DISMISSED: _(
            "Thank you for your report. The moderators have looked at it, and found no breach of the rules."
        ),
    }[Notice.Kind(notice.kind)]
