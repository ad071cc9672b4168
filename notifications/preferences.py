"""Changes what a user has chosen about notifications, and what a group has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import privacy
from accounts.selectors.timezones import available_zone_names, time_zone_for
from accounts.text.cleaning import strip_unstorable
from chat import permissions, selectors
from chat.models import Membership
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, invalid
from notifications import email_times
from notifications.models import EmailMode, GroupNotificationSettings, NotificationPreferences

FIELDS = (
    *("show_text", "sound", "keywords", "quiet_hours", "quiet_time_zone", "allowed_user_ids"),
    *("do_not_disturb_until", "email", "email_minutes", "digest_hour"),
)
EMAIL_FIELDS = {"email", "email_minutes", "digest_hour"}  # say when e-mails are sent
MAX_KEYWORDS, MAX_KEYWORD_LENGTH = 20, 40
MAX_ALLOWED_USERS = 100
MAX_DO_NOT_DISTURB = timedelta(days=31)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def get(user_id: int) -> NotificationPreferences:
    return NotificationPreferences.objects.filter(user=user_id).first() or NotificationPreferences(user_id=user_id)


def update(user_id: int, changes: Mapping[str, Any]) -> NotificationPreferences:
    """Changes preferences, by name (FIELDS), and returns all of them. Raises `invalid` for impossible values."""
    rate_limits.require("profile", user_id)
    cleaned = {name: _clean(user_id, name, value) for name, value in changes.items() if name in FIELDS}
    with write_transaction():
        row, _created = NotificationPreferences.objects.update_or_create(user_id=user_id, defaults=cleaned)
        if EMAIL_FIELDS & cleaned.keys():
            email_times.reschedule(row)
    return row


def _clean(user_id: int, name: str, value: Any) -> Any:
    match name:
        case "keywords":
            return _clean_keywords(value)
        case "quiet_hours":
            return _clean_quiet_hours(value)
        case "quiet_time_zone" if value and value not in available_zone_names():
            raise invalid(quiet_time_zone=_("Choose a time zone from the list."))
        case "allowed_user_ids":
            return _clean_allowed_users(user_id, value)
        case "do_not_disturb_until":
            return _clean_end(value)
        case "email" if value not in EmailMode.values:
            raise invalid(email=_("Choose never, away or daily."))
        case "email_minutes" if not 1 <= value <= 1440:
            raise invalid(email_minutes=_("Between 1 and 1440 minutes."))
        case "digest_hour" if not 0 <= value <= 23:
            raise invalid(digest_hour=_("Between 0 and 23."))
    return value


def _clean_keywords(value: list[str]) -> list[str]:
    words = [" ".join(strip_unstorable(word).split()) for word in value]
    words = list(dict.fromkeys(word for word in words if word))
    if len(words) > MAX_KEYWORDS:
        raise invalid(keywords=_("At most %(limit)d keywords.") % {"limit": MAX_KEYWORDS})
    if any(len(word) > MAX_KEYWORD_LENGTH for word in words):
        raise invalid(keywords=_("At most %(limit)d characters each.") % {"limit": MAX_KEYWORD_LENGTH})
    return words


def _clean_quiet_hours(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_day: dict[int, dict[str, Any]] = {}
    for period in value:
        day, start, end = period.get("day", -1), period.get("start", ""), period.get("end", "")
        if not 0 <= day <= 6 or not _CLOCK.fullmatch(start) or not _CLOCK.fullmatch(end):
            raise invalid(quiet_hours=_("A day from 0 (Monday) to 6, and times such as 22:00."))
        by_day[day] = {"day": day, "start": start, "end": end}
    return [by_day[day] for day in sorted(by_day)]


def _clean_allowed_users(user_id: int, value: list[int]) -> list[int]:
    """Keeps the people whom the user can find; others are treated as if they did not exist."""
    if len(value) > MAX_ALLOWED_USERS:
        raise invalid(allowed_user_ids=_("At most %(limit)d people.") % {"limit": MAX_ALLOWED_USERS})
    known = privacy.discoverable_users(user_id, value)
    return sorted(pk for pk in known if pk != user_id)


def _clean_end(value: datetime | None) -> datetime | None:
    now = timezone.now()
    return None if value is None or value <= now else min(value, now + MAX_DO_NOT_DISTURB)


def find_tomorrow_morning(user: User) -> datetime:
    """Returns the next 8 o'clock of another day, in the time zone of the user: the end of "until tomorrow"."""
    local = timezone.now().astimezone(time_zone_for(user, {}))
    return (local + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)


# ── Groups ──────────────────────────────────────────────────────────────────────────────────────────────────────
def hides_text(user_id: int, conversation_id: int) -> bool:
    """Returns whether notifications of a conversation contain no text. Raises `not_found` for non-members."""
    selectors.get_membership(user_id, conversation_id)
    return GroupNotificationSettings.objects.filter(conversation=conversation_id, hides_text=True).exists()


def may_hide_text(membership: Membership) -> bool:
    facts = permissions.conversation_facts(membership.conversation, membership.role)
    return permissions.is_allowed("change_group", facts)


def set_hides_text(user_id: int, conversation_id: int, hides_text: bool) -> None:
    """Sets whether notifications of a group contain no text. Allowed to those who may change the group."""
    if not may_hide_text(selectors.get_membership(user_id, conversation_id)):
        raise forbidden()
    rate_limits.require("group.change", user_id)
    with write_transaction():
        GroupNotificationSettings.objects.update_or_create(
            conversation_id=conversation_id, defaults={"hides_text": hides_text}
        )
