"""Actions that suspend and restore accounts, and the appeal of the owner of a suspended account."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions import contacts
from accounts.actions.rights import get_moderated_user
from accounts.auth import sign_ins
from accounts.models import Suspension, User
from accounts.text.cleaning import strip_unstorable
from audit import actions as audit
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, invalid, not_found
from messenger.live.handshake import SUSPENDED

APPEAL_LIMIT = 2000  # characters


def suspend_user(user_id: int, moderator_id: int, reason: str = "", duration: timedelta | None = None) -> User:
    """Suspends an account: ends its sign-ins, closes its sockets with code 4403 and hides it from other users.

    The owner sees the reason, and can appeal. Without `duration` the suspension has no end; otherwise the worker
    restores the account after this time. A new suspension replaces the reason and the end of the present one.

    Raises `not_found` if there is no such user, and `forbidden` if the moderator may not suspend this user.
    """
    with write_transaction():
        contacts.lock_related_users(user_id)
        user = get_moderated_user(user_id, moderator_id)
        if user.is_active:
            user.is_active, user.suspended_at = False, timezone.now()
            user.save(update_fields=["is_active", "suspended_at"])
            contacts.publish_account_state(user.pk)
        if user.deleted_at is None:
            now = timezone.now()
            until = now + duration if duration else None
            values = {"moderator_id": moderator_id, "reason": reason, "until": until}
            Suspension.objects.update_or_create(
                user=user, ended_at=None, defaults=values, create_defaults=values | {"started_at": now}
            )
            after = {"until": until.isoformat()} if until else {}
            audit.record("user.suspend", moderator_id, user, reason=reason, after=after)
        sign_ins.end_sign_ins(user.pk, code=SUSPENDED)
    return user


def restore_user(user_id: int, moderator_id: int, reason: str = "") -> User:
    """Ends the suspension of an account. The user has to sign in again.

    Raises `not_found` if there is no such user, and `forbidden` if the moderator may not restore this user.
    """
    with write_transaction():
        contacts.lock_related_users(user_id)
        user = get_moderated_user(user_id, moderator_id)
        if user.deleted_at:
            raise forbidden(_("This account was deleted by its owner and can’t be restored."))
        if not user.is_active:
            _end_suspension(user, moderator_id, reason)
    return user


def end_expired_suspensions() -> int:
    """Restores the accounts whose suspension has reached its end. Returns how many."""
    expired = Suspension.objects.filter(ended_at=None, until__lte=timezone.now())
    count = 0
    for user_id in expired.values_list("user_id", flat=True):
        with write_transaction():
            contacts.lock_related_users(user_id)
            user = User.objects.select_for_update(no_key=True).get(pk=user_id)
            if expired.filter(user=user).exists() and user.deleted_at is None:
                _end_suspension(user, None, "")
                count += 1
    return count


def _end_suspension(user: User, moderator_id: int | None, reason: str) -> None:
    user.is_active, user.suspended_at = True, None
    user.save(update_fields=["is_active", "suspended_at"])
    Suspension.objects.filter(user=user, ended_at=None).update(ended_at=timezone.now())
    contacts.publish_account_state(user.pk)
    audit.record("user.restore", moderator_id, user, reason=reason)


# ── Appeals ──────────────────────────────────────────────────────────────────────────────────────────────────────
def find_suspension(user_id: int) -> Suspension | None:
    """Returns the present suspension of a user, or None if the account is not suspended."""
    return Suspension.objects.filter(user_id=user_id, ended_at=None).first()


def appeal(user_id: int, text: str) -> None:
    """Stores the appeal of a suspended user. Only one is possible for each suspension."""
    text = strip_unstorable(text).strip()
    if not 0 < len(text) <= APPEAL_LIMIT:
        raise invalid(
            text=_("Write why the suspension should end, in at most %(limit)d characters.") % {"limit": APPEAL_LIMIT}
        )
    with write_transaction():
        suspension = Suspension.objects.select_for_update(no_key=True).filter(user_id=user_id, ended_at=None).first()
        if suspension is None:
            raise not_found()
        if suspension.appealed_at:
            raise forbidden(_("You have appealed already."))
        suspension.appeal, suspension.appealed_at = text, timezone.now()
        suspension.save(update_fields=["appeal", "appealed_at"])


def reject_appeal(suspension_id: int, moderator_id: int, answer: str = "") -> None:
    """Answers an appeal: the account stays suspended. To accept an appeal, restore the account."""
    with write_transaction():
        suspension = Suspension.objects.select_for_update(no_key=True).filter(pk=suspension_id).first()
        if suspension is None:
            raise not_found()
        user = get_moderated_user(suspension.user_id, moderator_id)
        if suspension.appealed_at is None or suspension.answered_at or suspension.ended_at:
            raise forbidden(_("There is no appeal to answer."))
        suspension.answer, suspension.answered_at = answer, timezone.now()
        suspension.save(update_fields=["answer", "answered_at"])
        audit.record("appeal.reject", moderator_id, user, reason=answer)
