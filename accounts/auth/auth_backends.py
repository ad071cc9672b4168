"""The authentication backend for passwords. It takes the same time whether or not the account exists.

It always does one look-up and computes one password hash. allauth's own backend computes one hash for an unknown name
and two for a known e-mail, so its response times reveal which accounts exist.
"""

from __future__ import annotations

from allauth.account import app_settings as allauth_settings
from allauth.account.auth_backends import AuthenticationBackend
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.auth import login_limits
from accounts.auth.known_devices import Device, get_device
from accounts.models import User
from accounts.selectors.users import find_account


def check_password(login: str, password: str, device: Device | None = None) -> User | None:
    """Returns the user with this login (user name or e-mail) and password. Suspended users are returned, too.

    Returns None if the login or the password is wrong, and after too many attempts on the account from unknown devices
    (`login_limits.acquire_user_attempt`).
    """
    user = find_account(login)
    if user is None or not login_limits.acquire_user_attempt(user.pk, device):
        User().set_password(password)  # takes as long as checking a real password
        return None
    if not user.check_password(password):
        return None
    login_limits.release_user_attempt(user.pk, device)
    return user


def wrong_credentials_message() -> str:
    """Returns the message for a failed sign-in. It does not reveal whether the login or the password was wrong."""
    if allauth_settings.EMAIL_VERIFICATION == allauth_settings.EmailVerificationMethod.MANDATORY:
        return _("Wrong username or password, or your email address isn’t confirmed yet: check your inbox.")
    return _("Wrong username or password.")


class PasswordBackend(AuthenticationBackend):
    """Django authentication backend that calls `check_password`, for allauth's pages and `authenticate()`.

    Sessions store the dotted path of this class. If you move this class, add the old path to `RENAMED_BACKENDS` in
    accounts/session_backends/db.py.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **credentials
    ) -> User | None:
        login = username or credentials.get("email")
        if not login or not password:
            return None
        user = check_password(login, password, get_device(request) if request else None)
        if user is not None and not self.user_can_authenticate(user):
            self._stash_user(user)  # allauth then shows the page for suspended accounts
            return None
        return user
