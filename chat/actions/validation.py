"""Validates and cleans texts, and finds the members that a text mentions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.schemas import UserSchema, user_schema
from chat.models import Membership
from chat.text.blank import is_blank
from messenger.core.errors import ApplicationError, format_lazily, invalid


def body_error(body: str, *, may_be_blank: bool = False) -> ApplicationError | None:
    """Returns the error for a message text that is too long, blank or cannot be stored, or None for a valid text.

    With `may_be_blank`, an empty text is valid, because the message has files.
    """
    if len(body) > settings.BODY_LIMIT:
        return invalid(body=format_lazily(_("At most %(limit)s characters."), {"limit": settings.BODY_LIMIT}))
    if "\x00" in body or not is_encodable(body):
        return invalid(body=_("This text contains characters that can’t be saved."))
    if not may_be_blank and is_blank(body):
        return invalid(body=_("Write a message first."))
    return None


def check_body(body: str, *, may_be_blank: bool = False) -> None:
    if error := body_error(body, may_be_blank=may_be_blank):
        raise error


def is_encodable(text: str) -> bool:
    """Returns True if the text can be encoded as UTF-8, and False if it contains half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clean_single_line(text: str, limit: int, field: str, *, required: bool = False) -> str:
    """Cleans a title or another text of one line: replaces each sequence of white space with one space.

    Returns the cleaned text. Raises the error `invalid` for the form field `field` if the text is longer than `limit`
    characters, is `required` but blank, or contains control characters or invisible format characters (for example
    those that change the text direction). The format characters that emoji, flags and Persian words need are allowed.
    """
    line = " ".join(text.split())
    if len(line) > limit:
        raise invalid(**{field: format_lazily(_("At most %(limit)s characters."), {"limit": limit})})
    if any(
        unicodedata.category(char) in _FORBIDDEN_IN_LINES and char not in _JOINERS
        for char in _REGION_FLAG.sub("", line)
    ):
        raise invalid(**{field: _("This text contains characters that can’t be saved.")})
    if required and is_blank(line):
        raise invalid(**{field: _("This field is required.")})
    return line


# Controls, format and direction characters, surrogates.
_FORBIDDEN_IN_LINES = {"Cc", "Cf", "Cs"}
_JOINERS = "\u200c\u200d"
_REGION_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")  # for example of Scotland


def clean_multiline(text: str, limit: int, field: str) -> str:
    """Cleans a description or an announcement: normalizes line ends and strips white space from start and end.

    Raises the error `invalid` for the form field `field` if the text is longer than `limit` characters, contains
    control characters other than line ends and tabs, or contains a change of text direction that does not end in the
    same line.
    """
    block = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    check_storable(block, limit, field)
    if any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in block) or not _has_balanced_direction(
        block
    ):
        raise invalid(**{field: _("This text contains characters that can’t be saved.")})
    return block


# Characters that change the text direction, each with the character that ends its effect.
_DIRECTION_ENDS = dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c") | dict.fromkeys("\u2066\u2067\u2068", "\u2069")


def _has_balanced_direction(text: str) -> bool:
    """Returns True if each change of text direction (by a Unicode character) ends in the same line.

    Otherwise it could reverse the direction of other text on the web page.
    """
    for line in text.split("\n"):
        pending_ends: list[str] = []
        for char in line:
            if char in _DIRECTION_ENDS:
                pending_ends.append(_DIRECTION_ENDS[char])
            elif char in _DIRECTION_ENDS.values() and (not pending_ends or pending_ends.pop() != char):
                return False
        if pending_ends:
            return False
    return True


def check_storable(text: str, limit: int, field: str) -> None:
    """Raises the error `invalid` for the form field `field` if `text` cannot be stored in the database.

    Also raises it if the text is longer than `limit` characters.
    """
    if len(text) > limit:
        raise invalid(**{field: format_lazily(_("At most %(limit)s characters."), {"limit": limit})})
    if "\x00" in text or not is_encodable(text):
        raise invalid(**{field: _("This text contains characters that can’t be saved.")})


def find_named_members(keys_by_conversation: Mapping[int, set[str]]) -> dict[int, dict[str, UserSchema]]:
    """Returns the members whose user names appear in texts, by conversation id and `username_key`. At most one query.

    `keys_by_conversation` has the `username_key`s (normalized user names) in the texts, from `find_mention_keys`.
    """
    if not keys_by_conversation:
        return {}
    conditions = [Q(conversation_id=pk, user__username_key__in=keys) for pk, keys in keys_by_conversation.items()]
    rows = Membership.objects.filter(
        Q(*conditions, _connector=Q.OR), Membership.LISTED, user__is_active=True
    ).select_related("user")
    members: dict[int, dict[str, UserSchema]] = {}
    for row in rows:
        members.setdefault(row.conversation_id, {})[row.user.username_key] = user_schema(row.user)
    return members
