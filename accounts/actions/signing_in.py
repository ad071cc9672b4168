"""The action for signing in with a password."""

from __future__ import annotations

from allauth.account import app_settings as allauth_settings
from allauth.account.models import EmailAddress
from django.utils.translation import gettext as _

from accounts.actions.moderation import find_suspension
from accounts.auth import auth_backends, login_limits, mfa
from accounts.auth.known_devices import Device
from accounts.models import User
from messenger.core.errors import ApplicationError, forbidden, rate_limited
from messenger.core.timestamps import format_timestamp


def sign_in(login: str, password: str, address: str, code: str = "", device: Device | None = None) -> User:
    """Checks a login (user name or e-mail) and a password, and returns the user. The caller then starts the sign-in.

    `address` is the client's IP address, and `device` the content of the browser's device cookie; rate limits use both.
    For an account with a second factor, `code` is a code from the authenticator app or a recovery code. Raises
    `rate_limited`, `unauthenticated` (the response does not reveal whether the account exists) or, for a suspended
    account, `forbidden`.
    """
    if wait := login_limits.acquire_attempt(login, address, device):
        raise rate_limited(wait)
    user = auth_backends.check_password(login, password, device)
    error = ApplicationError("unauthenticated", auth_backends.wrong_credentials_message())
    if user is None:
        raise error
    if must_confirm_email(user):
        # The answer is that of a wrong password, and the attempt stays counted. Otherwise somebody who signed up with
        # another person's e-mail would learn whether an account was created, that is whether the e-mail had one before.
        raise error
    login_limits.release_attempt(login, address, device)
    if not user.is_active:
        raise forbidden(suspension_message(user.pk))
    mfa.check_code(user, code)
    return user


def suspension_message(user_id: int) -> str:
    """Returns the error message for a suspended user, with the reason and the end of the suspension."""
    suspension = find_suspension(user_id)
    parts = [_("This account is suspended.")]
    if suspension and suspension.until:
        until = format_timestamp(suspension.until)
        parts = [_("This account is suspended until %(time)s.") % {"time": until}]
    return " ".join([*parts, suspension.reason] if suspension and suspension.reason else parts)


def must_confirm_email(user: User) -> bool:
    """Returns whether the user must confirm an e-mail address before signing in.

    A user without any e-mail address, for example after signing up with WeChat, need not confirm one.
    """
    mandatory = allauth_settings.EMAIL_VERIFICATION == allauth_settings.EmailVerificationMethod.MANDATORY
    if not mandatory or EmailAddress.objects.filter(user=user, verified=True).exists():
        return False
    return bool(user.email) or EmailAddress.objects.filter(user=user).exists()
