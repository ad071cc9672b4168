"""Actions that tell a user something as the moderators of the site, and mark such notices as read."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F
from django.utils import timezone

from accounts.actions.profile import publish_admin_change
from accounts.models import Notice, User
from messenger.core.database import write_transaction
from messenger.core.errors import not_found


def add_notice(
    user_id: int, kind: Notice.Kind, *, moderator_id: int | None = None, text: str = "", until: datetime | None = None
) -> Notice:
    """Stores a notice and shows it on the open pages of the user. Call it in a transaction."""
    now = timezone.now()
    notice = Notice.objects.create(
        user_id=user_id, moderator_id=moderator_id, kind=kind, text=text, until=until, created_at=now
    )
    User.objects.filter(pk=user_id).update(notice_count=F("notice_count") + 1)
    _publish(user_id)
    return notice


def acknowledge_notice(user_id: int, notice_id: int) -> None:
    """Marks a notice as read by its user. Raises `not_found` if the user has no such notice.

    If it is about a report, marks the earlier ones with the same text, too: they are shown together.
    """
    with write_transaction():
        notice = _unread(user_id).select_for_update(no_key=True).filter(pk=notice_id).first()
        if notice is None:
            if not Notice.objects.filter(pk=notice_id, user_id=user_id).exists():
                raise not_found()
            return
        read = _unread(user_id).filter(pk=notice_id)
        if notice.kind in Notice.REPORT_KINDS:
            read = _unread(user_id).filter(kind=notice.kind, pk__lte=notice_id)
        read.update(acknowledged_at=timezone.now())
        update_notice_count(user_id)


def update_notice_count(user_id: int) -> None:
    """Counts the unread notices of a user again, after one was read or withdrawn. Call it in a transaction."""
    User.objects.filter(pk=user_id).update(notice_count=_unread(user_id).count())
    _publish(user_id)


def list_unread_notices(user_id: int) -> list[Notice]:
    """Returns the notices that the user has not read, oldest first."""
    return list(_unread(user_id).order_by("pk"))


def _unread(user_id: int):
    return Notice.objects.filter(user_id=user_id, acknowledged_at=None, withdrawn_at=None)


def _publish(user_id: int) -> None:
    """Publishes `me.updated`, which contains the number of unread notices and the end of a mute."""
    publish_admin_change(User.objects.get(pk=user_id), set())
