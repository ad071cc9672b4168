"""Cursors of pages whose order has several columns. In URLs they are one text, which clients only pass back."""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts.selectors.user_search import UserPosition
from chat.actions.validation import is_encodable
from chat.selectors.members import MemberPosition
from chat.view_models import times
from messenger.core.errors import ApplicationError, invalid
from messenger.core.numbers import is_id, parse_id


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
    if rank not in ("0", "1", "2") or not is_id(user_id) or not _is_name(name):
        raise _invalid_cursor()
    return int(rank), int(user_id), name


def parse_user_cursor(text: str | None) -> UserPosition | None:
    """Returns the position of the last user on the previous page of a search for people. The text is like `1_2_bob`.

    Raises `invalid` for any other text.
    """
    if text is None:
        return None
    exactness, _separator, rest = text.partition("_")
    nearness, _separator, name = rest.partition("_")
    if exactness not in ("0", "1") or nearness not in ("0", "1", "2") or not _is_name(name):
        raise _invalid_cursor()
    return UserPosition(int(exactness), int(nearness), name)


def parse_id_cursor(text: str | None) -> int | None:
    """Returns the number of a cursor that is one number, such as the id of the last message on the previous page.

    Raises `invalid` for any other text.
    """
    if text is None:
        return None
    if (number := parse_id(text)) is None:
        raise _invalid_cursor()
    return number


def _is_name(text: str) -> bool:
    return len(text) <= 100 and "\0" not in text and is_encodable(text)


def encode_cursor(cursor: tuple | None) -> str | None:
    return "_".join(map(str, cursor)) if cursor else None


def _invalid_cursor() -> ApplicationError:
    return invalid(before=_("Take this from `next` of the previous page."))
