"""What actions of staff have in common: permission, whom a moderator may decide about, and ending what was started."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from messenger.core.errors import forbidden, not_found

RowType = TypeVar("RowType", bound=Model)


def get_moderated_user(
    user_id: int, moderator_id: int, permission: str = "accounts.suspend_user", *, lock: bool = True
) -> User:
    """Returns the user `user_id`, locked, if the moderator has the permission and may decide about this user.

    Superusers may do so with all other users, moderators only with users who are not staff, and nobody with himself.
    Raises `forbidden` if the moderator may not, and `not_found` if there is no such user.
    """
    moderator = require_permission(moderator_id, permission)
    users = User.objects.select_for_update(no_key=True) if lock else User.objects.all()
    user = users.filter(pk=user_id).first()
    if user is None:
        raise not_found()
    if user.pk == moderator.pk:
        raise forbidden(_("You can’t decide about yourself. Ask another moderator."))
    if (user.is_staff or user.is_superuser) and not moderator.is_superuser:
        raise forbidden(_("Only an administrator can do this to a moderator."))
    return user


def require_permission(staff_id: int, permission: str) -> User:
    """Returns an active user who has a permission such as `chat.view_legalhold`. Raises `forbidden` otherwise."""
    staff = User.objects.filter(pk=staff_id, is_active=True).first()
    if staff is None or not staff.has_perm(permission):
        raise forbidden()
    return staff


def end_row(model: type[RowType], pk: int, field: str) -> tuple[RowType, bool]:
    """Stores in `field` that something ends now, such as a ban. The caller has opened a transaction.

    Returns the row, locked, and False if it had ended already. Raises `not_found` if there is no such row.
    """
    row = model._default_manager.select_for_update(no_key=True).filter(pk=pk).first()
    if row is None:
        raise not_found()
    if getattr(row, field) is not None:
        return row, False
    setattr(row, field, timezone.now())
    row.save(update_fields=[field])
    return row, True
