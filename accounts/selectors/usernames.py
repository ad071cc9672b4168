"""Checks whether a user name is taken."""

from __future__ import annotations

from accounts.models import RetiredUsername, User
from accounts.usernames import reservations


def is_username_taken(name: str, exclude_user_id: int | None = None) -> bool:
    """Returns whether the name, or one that looks like it, cannot be chosen.

    It may belong to an account other than `exclude_user_id`, to a deleted account, or be reserved
    (accounts/usernames/reservations.py).
    """
    belongs_to_account = User.objects.find_lookalikes(name).exclude(pk=exclude_user_id).exists()
    return belongs_to_account or RetiredUsername.objects.is_retired(name) or reservations.is_reserved(name)
