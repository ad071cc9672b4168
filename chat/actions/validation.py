"""What a body may be, and whom it may name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.schemas import UserSchema, user_schema
from chat.models import Membership
from chat.text.markdown import named_in
from messenger.core.errors import ApplicationError, format_lazily, invalid


def body_error(body: str, *, may_be_blank: bool = False) -> ApplicationError | None:
    """Why this cannot be the text of a message; None where it can. Files may come without words."""
    if len(body) > settings.BODY_LIMIT:
        return invalid(body=format_lazily(_("At most %(limit)s characters."), {"limit": settings.BODY_LIMIT}))
    if "\x00" in body or not is_unicode(body):
        return invalid(body=_("This text contains characters that cannot be stored."))
    if is_blank(body) and not may_be_blank:
        return invalid(body=_("Write something first."))
    return None


def check_body(body: str, *, may_be_blank: bool = False) -> None:
    if error := body_error(body, may_be_blank=may_be_blank):
        raise error


def is_unicode(text: str) -> bool:
    """No lone surrogates: halves of a character that no encoding can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_blank(text: str) -> bool:
    """Nothing that a reader could see: white space, controls, characters without width, marks on nothing."""
    return all(unicodedata.category(char) in _UNSEEN or _INVISIBLE.match(char) for char in text)


# Private characters and unassigned ones are seen: as icons, as emoji newer than this Python, or as boxes.
_UNSEEN = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn"}
# Fillers, blank signs, and what Unicode ignores by default, assigned or not.
_INVISIBLE = re.compile(
    "[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\ufffe\uffff\U0001d159\U000e0000-\U000e0fff]"
)


def clean_line(text: str, limit: int, field: str, *, required: bool = False) -> str:
    """A title or another single line: white space made single; what controls, hides or turns letters is refused.

    Joiners stay: emoji and Persian words are made with them. So do the flags that are made with tags.
    """
    line = " ".join(text.split())
    if len(line) > limit:
        raise invalid(**{field: format_lazily(_("At most %(limit)s characters."), {"limit": limit})})
    if any(unicodedata.category(char) in _NOT_IN_LINES and char not in _JOINERS for char in _FLAG.sub("", line)):
        raise invalid(**{field: _("This text contains characters that cannot be stored.")})
    if required and is_blank(line):
        raise invalid(**{field: _("This field is needed.")})
    return line


# What a line has no use for: controls, format and direction characters, halves of a character.
_NOT_IN_LINES = {"Cc", "Cf", "Cs"}
_JOINERS = "\u200c\u200d"
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")  # of a part of a country


def clean_block(text: str, limit: int, field: str) -> str:
    """Several lines: a description or an announcement. Line ends and tabs are its only control characters."""
    block = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    check_storable(block, limit, field)
    if any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in block) or not _turns_back(block):
        raise invalid(**{field: _("This text contains characters that cannot be stored.")})
    return block


# What turns the direction of letters, and what ends it.
_TURNS = dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c") | dict.fromkeys("\u2066\u2067\u2068", "\u2069")


def _turns_back(text: str) -> bool:
    """Each turn of direction ends in its own line, so that none reaches into what stands beside the text."""
    for line in text.split("\n"):
        due: list[str] = []
        for char in line:
            if char in _TURNS:
                due.append(_TURNS[char])
            elif char in _TURNS.values() and (not due or due.pop() != char):
                return False
        if due:
            return False
    return True


def check_storable(text: str, limit: int, field: str) -> None:
    """For a text that is kept just as it is."""
    if len(text) > limit:
        raise invalid(**{field: format_lazily(_("At most %(limit)s characters."), {"limit": limit})})
    if "\x00" in text or not is_unicode(text):
        raise invalid(**{field: _("This text contains characters that cannot be stored.")})


def members_named(bodies: Iterable[tuple[int, str]]) -> dict[int, dict[str, UserSchema]]:
    """For (conversation id, body) pairs: the members whom these bodies may mention, by key. One query, or none."""
    wanted: dict[int, set[str]] = {}
    for conversation_id, body in bodies:
        if names := named_in(body):
            wanted.setdefault(conversation_id, set()).update(names)
    if not wanted:
        return {}
    rows = Membership.objects.filter(
        Q(*[Q(conversation_id=pk, user__username_key__in=names) for pk, names in wanted.items()], _connector=Q.OR),
        left_at=None,
        user__is_active=True,
    ).select_related("user")
    found: dict[int, dict[str, UserSchema]] = {}
    for row in rows:
        found.setdefault(row.conversation_id, {})[row.user.username_key] = user_schema(row.user)
    return found
