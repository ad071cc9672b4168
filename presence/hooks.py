"""What presence has to ask about conversations, which it knows nothing of. `chat` sets these when it is ready.

All are synchronous and may ask the database. Where one is not set, nobody shares anything with anybody.
"""

from __future__ import annotations

from collections.abc import Callable

# conversation, people → the read mark of each; who shows none is left out
read_marks: Callable[[int, set[int]], dict[int, int]] | None = None
# person → the conversations that they are a member of now
conversations_of: Callable[[int], list[int]] | None = None
# person, people → those of them who share a conversation with this person
may_see: Callable[[int, list[int]], set[int]] | None = None


def marks(conversation_id: int, user_ids: set[int]) -> dict[int, int]:
    return read_marks(conversation_id, user_ids) if read_marks and user_ids else {}


def conversations(user_id: int) -> list[int]:
    return conversations_of(user_id) if conversations_of else []


def visible(user_id: int, user_ids: list[int]) -> set[int]:
    return may_see(user_id, user_ids) if may_see and user_ids else set()
