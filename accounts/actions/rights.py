"""Checks which users a moderator may decide about."""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts.models import User
from messenger.core.errors import forbidden, not_found


def get_moderated_user(
    user_id: int, moderator_id: int, permission: str = "accounts.suspend_user", *, lock: bool = True
) -> User:
    """Returns the user `user_id`, locked, if the moderator has the permission and may decide about this user.

    Superusers may do so with all other users, moderators only with users who are not staff, and nobody with himself.
    Raises `forbidden` if the moderator may not, and `not_found` if there is no such user.
    """
    moderator = User.objects.filter(pk=moderator_id, is_active=True).first()
    if moderator is None or not moderator.has_perm(permission):
        raise forbidden()
    users = User.objects.select_for_update(no_key=True) if lock else User.objects.all()
    user = users.filter(pk=user_id).first()
    if user is None:
        raise not_found()
    if user.pk == moderator.pk:
        raise forbidden(_("You can’t decide about yourself. Ask another moderator."))
    if (user.is_staff or user.is_superuser) and not moderator.is_superuser:
        raise forbidden(_("Only an administrator can do this to a moderator."))
    return user
