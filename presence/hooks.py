"""Hooks through which presence asks `chat` about conversations, because presence may not import `chat`.

`chat` sets the hooks when Django is ready. They are synchronous and may query the database. If they are not set,
presence works as if there were no conversations.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

# (conversation id, user ids) → `read_seq` by user id; users who hide their receipts are left out
read_markers_hook: Callable[[int, set[int]], dict[int, int]] | None = None
# user ids → by user id, the ids of the conversations of the user, without those of `new_pair_ids_hook`
conversation_ids_hook: Callable[[Collection[int]], dict[int, tuple[int, ...]]] | None = None
# user id → ids of the direct conversations of the user that have no message yet
new_pair_ids_hook: Callable[[int], set[int]] | None = None
# (user id, other user ids) → those of the others who share a conversation with the user
shared_users_hook: Callable[[int, list[int]], set[int]] | None = None


def get_read_markers(conversation_id: int, user_ids: set[int]) -> dict[int, int]:
    """Returns the read markers of these users in a conversation, by user id.

    A read marker is `read_seq`, the number of the newest message that the user has read. Users who hide their read
    receipts are left out.
    """
    return read_markers_hook(conversation_id, user_ids) if read_markers_hook and user_ids else {}


def list_conversation_ids(user_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Returns, by user id, the ids of the conversations in which the user is seen by other members. Makes one query.

    Those of `list_new_pair_ids` are left out.
    """
    return conversation_ids_hook(user_ids) if conversation_ids_hook and user_ids else {}


def list_new_pair_ids(user_id: int) -> set[int]:
    """Returns the ids of the direct conversations that the user has opened and that have no message yet.

    Before the first message neither user learns that the other one has opened the conversation, so neither sees the
    other type, view it or come online there.
    """
    return new_pair_ids_hook(user_id) if new_pair_ids_hook else set()


def filter_users_sharing_conversations(user_id: int, user_ids: list[int]) -> set[int]:
    """Returns those of `user_ids` who are members of at least one conversation together with the user `user_id`."""
    return shared_users_hook(user_id, user_ids) if shared_users_hook and user_ids else set()
