"""Second factors and passkeys: extends allauth.mfa with encrypted secrets, the name of the site and a rate limit."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import forms as base_forms
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.auth import login_limits
from accounts.forms import wait_message
from accounts.models import User
from messenger.core.errors import ApplicationError, rate_limited

FACTOR_TYPES = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
_KEY_PREFIX = "accounts.factors"  # must not change: stored secrets are encrypted with a key derived from it


class MFAAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        """Encrypts the secret of a second factor with a key derived from SECRET_KEY.

        The key is not in the database, so nobody can compute codes from a copy of the database alone.
        """
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypts the secret of a second factor. Returns an empty text if SECRET_KEY has changed since the encryption.

        With an empty secret, no code that the user enters is valid.
        """
        try:
            return _fernet().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return ""

    def _get_site_name(self) -> str:
        return str(settings.SITE_NAME)

    def _get_user_identifier(self, user) -> str:
        return user.username

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Returns the site for which browsers create passkeys: always the host of SITE_URL, not the Host header."""
        return {"id": urlsplit(settings.SITE_URL).hostname or "", "name": self._get_site_name()}

    def generate_authenticator_name(self, user, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(number)d") % {"number": count + 1} if count else _("Passkey")


def has_second_factor(user_id: int) -> bool:
    """Returns whether a user has a second factor: codes of an app, or a passkey."""
    return Authenticator.objects.filter(user=user_id, type__in=FACTOR_TYPES).exists()


def _fernet() -> MultiFernet:
    keys = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    return MultiFernet([Fernet(urlsafe_b64encode(sha256(f"{_KEY_PREFIX}:{key}".encode()).digest())) for key in keys])


def requires_code(user: User) -> bool:
    """Returns whether the account has a second factor, so that signing in needs a code after the password."""
    return Authenticator.objects.filter(user=user, type__in=FACTOR_TYPES).exists()


def check_code(user: User, code: str) -> None:
    """Checks the code when a user signs in by the API. Does nothing for an account without a second factor.

    Raises `unauthenticated` with the field `code` if the code is missing or wrong, and `rate_limited` after too many
    attempts.
    """
    if not requires_code(user):
        return
    if not code:
        raise _code_error(_("Enter the code from your authenticator app, or a recovery code."))
    if wait := login_limits.acquire_code_attempt(user.pk):
        raise rate_limited(wait)
    if not _is_valid_code(user, code):
        raise _code_error(_("Wrong code."))
    login_limits.release_code_attempt(user.pk)


def _code_error(message: str) -> ApplicationError:
    return ApplicationError("unauthenticated", message, {"code": [message]})


def _is_valid_code(user: User, code: str) -> bool:
    authenticators = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN)
    return any(authenticator.wrap().validate_code(code.strip()) for authenticator in authenticators)


class RateLimitedCodeMixin:
    """Form mixin that limits how often a user may enter a code, because codes have only six digits.

    Pages and the API share the limit.
    """

    user: Any

    def clean_code(self) -> str:
        if wait := login_limits.acquire_code_attempt(self.user.pk):
            raise ValidationError(wait_message(wait), code="rate_limited")
        self.cleaned_data["code"] = self.cleaned_data["code"].strip()  # type: ignore[attr-defined]
        code = super().clean_code()  # type: ignore[misc]
        login_limits.release_code_attempt(self.user.pk)
        return code


class AuthenticateForm(RateLimitedCodeMixin, base_forms.AuthenticateForm):
    pass


class ReauthenticateForm(RateLimitedCodeMixin, base_forms.ReauthenticateForm):
    pass
