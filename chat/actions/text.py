"""What a body may be, and whom it may name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.shapes import UserShape, user_shape
from chat.formatting import named_in
from chat.models import Membership
from messenger.live.refusal import Refused, invalid


def body_error(body: str) -> Refused | None:
    """Why this cannot be the text of a message; None where it can."""
    if len(body) > settings.BODY_LIMIT:
        return invalid(body=_("At most %(limit)s characters.") % {"limit": settings.BODY_LIMIT})
    if "\x00" in body or not is_unicode(body):
        return invalid(body=_("This text contains characters that cannot be stored."))
    if is_blank(body):
        return invalid(body=_("Write something first."))
    return None


def check_body(body: str) -> None:
    if error := body_error(body):
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
    """A title or another single line: white space made single, control characters refused."""
    line = " ".join(text.split())
    if len(line) > limit:
        raise invalid(**{field: _("At most %(limit)s characters.") % {"limit": limit}})
    if not is_unicode(line) or any(ord(char) < 32 or ord(char) == 127 for char in line):
        raise invalid(**{field: _("This text contains characters that cannot be stored.")})
    if required and is_blank(line):
        raise invalid(**{field: _("This field is needed.")})
    return line


def clean_block(text: str, limit: int, field: str) -> str:
    """Several lines: a description or an announcement."""
    block = text.strip()
    check_storable(block, limit, field)
    return block


def check_storable(text: str, limit: int, field: str) -> None:
    """For a text that is kept just as it is."""
    if len(text) > limit:
        raise invalid(**{field: _("At most %(limit)s characters.") % {"limit": limit}})
    if "\x00" in text or not is_unicode(text):
        raise invalid(**{field: _("This text contains characters that cannot be stored.")})


def members_named(bodies: Iterable[tuple[int, str]]) -> dict[int, dict[str, UserShape]]:
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
    found: dict[int, dict[str, UserShape]] = {}
    for row in rows:
        found.setdefault(row.conversation_id, {})[row.user.username_key] = user_shape(row.user)
    return found
