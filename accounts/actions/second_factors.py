"""Removes the second factors of an account, for an operator: its owner has lost them, or they can no longer be read."""

from __future__ import annotations

from allauth.mfa.models import Authenticator

from accounts.auth import sign_ins
from accounts.models import User
from audit import actions as audit
from messenger.core.database import write_transaction


def remove_second_factors(user: User, reason: str = "") -> int:
    """Removes authenticator app, passkeys and recovery codes of a user, and ends all sign-ins, for an operator.

    Returns how many factors were removed. The audit log tells of it; whoever knows the password can then sign in.
    """
    with write_transaction():
        factors = Authenticator.objects.filter(user=user)
        types = sorted(factors.values_list("type", flat=True))
        if types:
            factors.delete()
            sign_ins.end_sign_ins(user.pk)
            audit.record("factors.remove", None, user, before={"types": types}, reason=reason)
    return len(types)
