"""Actions that suspend and restore accounts."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions import contacts
from accounts.auth import sign_ins
from accounts.models import User
from audit import actions as audit
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, not_found
from messenger.live.handshake import SUSPENDED


def suspend_user(user_id: int, moderator_id: int, reason: str = "") -> User:
    """Suspends an account: ends its sign-ins, closes its sockets with code 4403 and hides it from other users.

    Raises `not_found` if there is no such user, and `forbidden` if the moderator may not suspend this user.
    """
    with write_transaction():
        contacts.lock_related_users(user_id)
        user = _get_moderated_user(user_id, moderator_id)
        if user.is_active:
            user.is_active, user.suspended_at = False, timezone.now()
            user.save(update_fields=["is_active", "suspended_at"])
            contacts.publish_account_state(user.pk)
            audit.record("user.suspend", moderator_id, user, reason=reason)
        sign_ins.end_sign_ins(user.pk, code=SUSPENDED)
    return user


def restore_user(user_id: int, moderator_id: int, reason: str = "") -> User:
    """Ends the suspension of an account. The user has to sign in again.

    Raises `not_found` if there is no such user, and `forbidden` if the moderator may not restore this user.
    """
    with write_transaction():
        contacts.lock_related_users(user_id)
        user = _get_moderated_user(user_id, moderator_id)
        if user.deleted_at:
            raise forbidden(_("This account was deleted by its owner and can’t be restored."))
        if not user.is_active:
            user.is_active, user.suspended_at = True, None
            user.save(update_fields=["is_active", "suspended_at"])
            contacts.publish_account_state(user.pk)
            audit.record("user.restore", moderator_id, user, reason=reason)
    return user


def _get_moderated_user(user_id: int, moderator_id: int) -> User:
    """Locks and returns the user `user_id`, if the moderator may suspend or restore this user.

    Superusers may do so with all other users, moderators only with users who are not staff. Raises `forbidden` if the
    moderator may not, and `not_found` if there is no such user.
    """
    moderator = User.objects.filter(pk=moderator_id).first()
    if moderator is None or not moderator.has_perm("accounts.suspend_user"):
        raise forbidden()
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise not_found()
    if user.pk == moderator.pk:
        raise forbidden(_("You can’t suspend or restore yourself."))
    if (user.is_staff or user.is_superuser) and not moderator.is_superuser:
        raise forbidden(_("Only an administrator can do this to a moderator."))
    return user
