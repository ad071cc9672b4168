"""Where other apps are told what happens to a person, since accounts may not import them.

An app appends its functions in `AppConfig.ready`. They are called in the same thread, after commit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import User

profile_changed: list[Callable[[int], object]] = []  # user id: the name, user name or picture that others see is new
receipts_choice_changed: list[Callable[[int], object]] = []  # user id: they begin to hide, or show, what they have read
presence_choice_changed: list[Callable[[int], object]] = []  # user id: they begin to hide, or show, that they are here
tie_changed: list[Callable[[int, int], object]] = []  # two people: in contact, or blocked, or no longer so

# ── What accounts has to ask about conversations, which it knows nothing of. `chat` sets these when it is ready. ──
# person, people → those of them who share a conversation with this person
shares_with: Callable[[int, list[int]], set[int]] | None = None
# person → whom they talk with in pairs, the newest first; as many as are worth ranking by
talks_with: Callable[[int], list[int]] | None = None
# person, conversation → its members, each with `wrote`: the number of their newest text; raises `not_found`
members_of: Callable[[int, int], QuerySet[User]] | None = None


def met(user_id: int, person_ids: list[int]) -> set[int]:
    return shares_with(user_id, person_ids) if shares_with and person_ids else set()


def partners(user_id: int) -> list[int]:
    return talks_with(user_id) if talks_with else []


def people_of(user_id: int, conversation_id: int) -> QuerySet[User] | None:
    return members_of(user_id, conversation_id) if members_of else None
