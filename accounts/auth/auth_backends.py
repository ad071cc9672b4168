"""Whose password this is: one look-up and one hash, whether or not there is such an account.

allauth's own backend takes one hash for an unknown name and two for a known e-mail, which tells the two apart.
"""

from __future__ import annotations

from allauth.account import app_settings as allauth_settings
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.models import EmailAddress
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.auth import login_limits
from accounts.models import User
from accounts.text.usernames import skeleton, storable


def owner(login: str) -> User | None:
    """Whoever signs in under this user name or e-mail.

    Where several accounts give the same e-mail, it is that of the one who has confirmed it, else of the oldest.
    """
    text = storable(login.strip())
    if "@" not in text:
        return User.objects.filter(username_key=skeleton(text)).first()
    email = text.lower()
    confirmed = EmailAddress.objects.filter(email=email, verified=True).select_related("user").first()
    return confirmed.user if confirmed else User.objects.filter(email=email).order_by("pk").first()


def check(login: str, password: str) -> User | None:
    """The person whose login and password these are, suspended or not; None for everybody else."""
    user = owner(login)
    if user is None or not login_limits.may_try(user.pk):
        User().set_password(password)  # takes as long as looking at a real one
        return None
    if not user.check_password(password):
        return None
    login_limits.person_was_right(user.pk)
    return user


def wrong_words() -> str:
    """For everything that is not right at a sign-in: which of it was wrong is nobody's business."""
    if allauth_settings.EMAIL_VERIFICATION == allauth_settings.EmailVerificationMethod.MANDATORY:
        return _("The user name or the password is not right, or the e-mail is not confirmed yet: look into your mail.")
    return _("The user name or the password is not right.")


class PasswordBackend(AuthenticationBackend):
    """`check` for allauth's pages and for whoever calls `django.contrib.auth.authenticate`."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **credentials
    ) -> User | None:
        login = username or credentials.get("email")
        if not login or not password:
            return None
        user = check(login, password)
        if user is not None and not self.user_can_authenticate(user):
            self._stash_user(user)  # allauth then shows its page for suspended accounts
            return None
        return user
