"""Cursors of pages whose order has several columns. In URLs they are one text, which clients only pass back."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chat.actions.validation import is_encodable
from chat.selectors.members import MemberPosition
from chat.view_models import times
from messenger.core.errors import ApplicationError, invalid
from messenger.core.numbers import is_id


def parse_activity_cursor(text: str | None) -> tuple[str, int] | None:
    """Returns the time of last activity and the id of the last conversation on the previous page.

    The text is like `2026-11-21T01:02:03.456789+00:00_12`. Raises `invalid` for any other text.
    """
    if text is None:
        return None
    time, _separator, conversation_id = text.rpartition("_")
    cursor = times.parse_activity_cursor(time, conversation_id)
    if cursor is None:
        raise _invalid_cursor()
    return cursor


def parse_member_cursor(text: str | None) -> MemberPosition | None:
    """Returns rank of the role, user id and name of the last member on the previous page. The text is like `2_345_al`.

    Raises `invalid` for any other text.
    """
    if text is None:
        return None
    rank, _separator, rest = text.partition("_")
    user_id, _separator, name = rest.partition("_")
    if rank not in ("0", "1", "2") or not is_id(user_id) or len(name) > 100 or "\0" in name or not is_encodable(name):
        raise _invalid_cursor()
    return int(rank), int(user_id), name


def encode_cursor(cursor: tuple | None) -> str | None:
    return "_".join(map(str, cursor)) if cursor else None


def _invalid_cursor() -> ApplicationError:
    return invalid(before=_("Take this from `next` of the previous page."))
