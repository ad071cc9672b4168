"""Says when a message that stays unread is sent by e-mail: after some minutes, or with the daily e-mail."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import User
from accounts.selectors.timezones import time_zone_for
from notifications.models import EmailMode, Notification, NotificationPreferences


def find_email_time(preferences: NotificationPreferences, user: User, created_at: datetime) -> datetime | None:
    """Returns the time when what was decided at `created_at` is sent by e-mail. None: it is not.

    The daily e-mail is sent at most once on a day, in the time zone of the user.
    """
    if preferences.email == EmailMode.NEVER:
        return None
    if preferences.email == EmailMode.AWAY:
        return created_at + timedelta(minutes=preferences.email_minutes)
    zone = time_zone_for(user, {})
    local = created_at.astimezone(zone)
    digest = local.replace(hour=preferences.digest_hour, minute=0, second=0, microsecond=0)
    if digest <= local:
        digest += timedelta(days=1)
    if preferences.digest_sent_at:
        last_day = preferences.digest_sent_at.astimezone(zone).date()
        digest += max(last_day - digest.date() + timedelta(days=1), timedelta())
    return digest


def reschedule(preferences: NotificationPreferences, rows: list[Notification] | None = None) -> None:
    """Schedules messages that wait for an e-mail anew, by default all of this user. The caller opens a transaction."""
    if rows is None:
        waiting = Notification.objects.filter(user=preferences.user_id, email_due_at__isnull=False)
        rows = list(waiting.select_for_update(of=("self",)).order_by("pk"))
    if not rows:
        return
    user = User.objects.get(pk=preferences.user_id)
    for row in rows:
        row.email_due_at = find_email_time(preferences, user, row.created_at)
    Notification.objects.bulk_update(rows, ["email_due_at"], batch_size=500)
