"""Counts reports of messages, for the navigation of moderators."""

from __future__ import annotations

from accounts.models import User
from chat.models import ReportCase

MAX_COUNT = 100  # the navigation shows "99+" for more


def count_open_reports(user: User) -> int | None:
    """Returns how many reports wait for a moderator, at most MAX_COUNT, or None if the user may not see reports."""
    if not user.is_staff or not user.has_perm("chat.view_reportcase"):
        return None
    return ReportCase.objects.filter(settled_at=None)[:MAX_COUNT].count()
