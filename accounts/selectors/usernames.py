"""Checks whether a user name is taken."""

from __future__ import annotations

from accounts.models import RetiredUsername, User
from accounts.usernames import reservations


def is_username_taken(name: str, exclude_user_id: int | None = None) -> bool:
    """Returns whether a user name cannot be chosen, because this name or one that looks like it is taken.

    A name is taken if it belongs to an account other than `exclude_user_id`, belonged to a deleted account, belonged to
    another account until a while ago, or is reserved for a day (accounts/usernames/reservations.py).
    """
    belongs_to_account = User.objects.find_lookalikes(name).exclude(pk=exclude_user_id).exists()
    return (
        belongs_to_account
        or RetiredUsername.objects.is_retired(name, exclude_user_id)
        or reservations.is_reserved(name)
    )
