"""Decides whether a user is notified of a message, how, and why. These functions read nothing but their arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Outcome(models.TextChoices):
    PUSH = "push", _("Push notification")
    EMAIL = "email", _("Email later")
    BADGE = "badge", _("Counted as unread only")
    NOTHING = "nothing", _("Nothing")


class Concern(models.TextChoices):
    """In which way a message concerns a user. The first that applies counts."""

    MENTION = "mention", _("You were mentioned.")
    DIRECT = "direct", _("It was written to you directly.")
    REPLY = "reply", _("It replies to a message of yours.")
    EVERYONE = "everyone", _("Everyone in the group was mentioned.")
    KEYWORD = "keyword", _("It contains one of your keywords.")
    MESSAGE = "message", _("It’s a message in one of your chats.")


# A message that concerns a user in one of these ways is also sent by e-mail if it stays unread.
PERSONAL_CONCERNS = (Concern.MENTION, Concern.DIRECT, Concern.REPLY, Concern.EVERYONE, Concern.KEYWORD)


class Reason(models.TextChoices):
    """Why the outcome is what it is."""

    OWN = "own", _("You wrote it yourself.")
    NOT_MEMBER = "not_member", _("You weren’t in the chat any more.")
    DELETED = "deleted", _("The message was deleted.")
    SYSTEM = "system", _("Notes about the chat itself don’t notify anyone.")
    BLOCKED = "blocked", _("You’ve blocked the sender.")
    LEVEL_NONE = "level_none", _("You turned notifications off for this chat.")
    MUTED = "muted", _("You muted this chat.")
    MENTIONS_ONLY = "mentions_only", _("You only want to be notified of mentions in this chat.")
    READ = "read", _("You had already read it.")
    VIEWING = "viewing", _("You had the chat open.")
    DO_NOT_DISTURB = "do_not_disturb", _("Do not disturb was on.")
    QUIET_HOURS = "quiet_hours", _("It came during your quiet hours.")
    NO_DEVICE = "no_device", _("None of your browsers gets push notifications.")
    ALLOWED = "allowed", _("The sender may notify you at any time.")
    NOTIFIED = "notified", _("Your settings allow it.")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision depends on. The defaults are those of a plain message to a user who has a device."""

    concern: str = Concern.MESSAGE
    is_own: bool = False
    is_member: bool = True
    is_deleted: bool = False
    is_system: bool = False
    is_blocked: bool = False  # the user has blocked the sender
    level: str = "all"  # notification level of the conversation: all, mentions or none
    is_muted: bool = False
    is_read: bool = False
    is_viewing: bool = False  # the user had the conversation on the screen when the message was sent
    is_do_not_disturb: bool = False
    is_quiet: bool = False  # during the quiet hours of the user
    is_sender_allowed: bool = False  # the sender may notify the user at any time
    has_device: bool = True  # a browser of the user gets push messages
    wants_email: bool = False  # the user gets e-mails about unread messages, at a confirmed address


@dataclass(frozen=True, slots=True)
class Decision:
    outcome: Outcome
    reason: Reason


def decide(facts: Facts) -> Decision:
    """Decides what a user gets to know of a message, with the reason.

    A muted conversation stays silent, but a mention by name is still counted. Do not disturb and quiet hours hold back
    push messages, not e-mails; people whom the user allows are not held back.
    """
    is_personal = facts.concern in PERSONAL_CONCERNS
    if facts.is_own:
        return Decision(Outcome.NOTHING, Reason.OWN)
    if not facts.is_member:
        return Decision(Outcome.NOTHING, Reason.NOT_MEMBER)
    if facts.is_deleted:
        return Decision(Outcome.NOTHING, Reason.DELETED)
    if facts.is_system:
        return Decision(Outcome.NOTHING, Reason.SYSTEM)
    if facts.is_blocked:
        return Decision(Outcome.NOTHING, Reason.BLOCKED)
    if facts.level == "none":
        return Decision(Outcome.NOTHING, Reason.LEVEL_NONE)
    if facts.is_muted:
        is_named = facts.concern == Concern.MENTION
        return Decision(Outcome.BADGE if is_named else Outcome.NOTHING, Reason.MUTED)
    if facts.level == "mentions" and not is_personal:
        return Decision(Outcome.NOTHING, Reason.MENTIONS_ONLY)
    if facts.is_read:
        return Decision(Outcome.NOTHING, Reason.READ)
    if facts.is_viewing:
        return Decision(Outcome.BADGE, Reason.VIEWING)
    silent_outcome = Outcome.EMAIL if facts.wants_email and is_personal else Outcome.BADGE
    is_held_back = (facts.is_do_not_disturb or facts.is_quiet) and not facts.is_sender_allowed
    if is_held_back:
        reason = Reason.DO_NOT_DISTURB if facts.is_do_not_disturb else Reason.QUIET_HOURS
        return Decision(silent_outcome, reason)
    if not facts.has_device:
        return Decision(silent_outcome, Reason.NO_DEVICE)
    came_through = facts.is_do_not_disturb or facts.is_quiet
    return Decision(Outcome.PUSH, Reason.ALLOWED if came_through else Reason.NOTIFIED)


def is_quiet_time(quiet_hours: Iterable[Mapping[str, Any]], local_time: datetime) -> bool:
    """Returns whether a time is in the quiet hours of a user. `local_time` is in the time zone of these hours.

    Hours whose end is not after their start last until the next day.
    """
    clock = local_time.strftime("%H:%M")
    today, yesterday = local_time.weekday(), (local_time - timedelta(days=1)).weekday()
    for period in quiet_hours:
        day, start, end = period["day"], period["start"], period["end"]
        if start < end:
            if day == today and start <= clock < end:
                return True
        elif (day == today and clock >= start) or (day == yesterday and clock < end):
            return True
    return False


def find_keyword(keywords: Sequence[str], text: str) -> str | None:
    """Returns the first of the keywords that the text contains, ignoring case, or None.

    A keyword must not be a part of a longer word. Chinese, Japanese and Korean have no spaces between words, so a
    keyword in these scripts may stand anywhere.
    """
    folded = text.casefold()
    for keyword in keywords:
        word = keyword.casefold()
        before = r"(?<![^\W_])" if _is_letter_of_words(word[:1]) else ""
        after = r"(?![^\W_])" if _is_letter_of_words(word[-1:]) else ""
        if word in folded and re.search(f"{before}{re.escape(word)}{after}", folded):
            return keyword
    return None


def _is_letter_of_words(character: str) -> bool:
    return character.isalnum() and character < "\u1100"  # Hangul, kana and Han characters come after it
