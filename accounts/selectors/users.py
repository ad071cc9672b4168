"""Reads users by their ids."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import User


def find_user(user_id: int) -> User | None:
    """Returns the user with this id, or None. Suspended and deleted accounts are found, too.

    Does not check who may see the user.
    """
    return User.objects.filter(pk=user_id).first()


def get_display_names(user_ids: Iterable[int]) -> dict[int, str]:
    """Returns the display names of these users by user id. Makes one query, or none if there are no ids."""
    ids = set(user_ids)
    return {user.pk: user.display_name for user in User.objects.filter(pk__in=ids)} if ids else {}
