"""Second factors and passkeys: allauth's, with our names, limits and secrecy."""

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
from accounts.forms import wait_words
from accounts.models import User
from messenger.core.errors import ApplicationError, rate_limited

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class FactorAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        """A copy of the database alone makes nobody's codes."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _box().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:  # the site's key is another: no code fits any more, and nothing breaks
            return ""

    def _get_site_name(self) -> str:
        return str(settings.SITE_NAME)

    def _get_user_identifier(self, user) -> str:
        return user.username

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """A passkey belongs to the site's own host, whatever Host a request came with."""
        return {"id": urlsplit(settings.SITE_URL).hostname or "", "name": self._get_site_name()}

    def generate_authenticator_name(self, user, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(number)d") % {"number": count + 1} if count else _("Passkey")


def _box() -> MultiFernet:
    keys = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    return MultiFernet(
        [Fernet(urlsafe_b64encode(sha256(f"accounts.auth.mfa:{key}".encode()).digest())) for key in keys]
    )


def asks_for_code(user: User) -> bool:
    """Whether a password alone does not open this account."""
    return Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def check_code(user: User, code: str) -> None:
    """For the API's door. Raises `unauthenticated`, with `code` among its fields where one is missing or wrong."""
    if not asks_for_code(user):
        return
    if not code:
        raise _code_refused(_("This account asks for a code: from its authenticator app, or a recovery code."))
    if wait := login_limits.count_code(user.pk):
        raise rate_limited(wait)
    if not _is_right(user, code):
        raise _code_refused(_("The code is not right."))
    login_limits.code_was_right(user.pk)


def _code_refused(words: str) -> ApplicationError:
    return ApplicationError("unauthenticated", words, {"code": [words]})


def _is_right(user: User, code: str) -> bool:
    known = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN)
    return any(authenticator.wrap().validate_code(code.strip()) for authenticator in known)


class _Counted:
    """Codes have six digits: few tries, at every door together."""

    user: Any

    def clean_code(self) -> str:
        if wait := login_limits.count_code(self.user.pk):
            raise ValidationError(wait_words(wait), code="rate_limited")
        self.cleaned_data["code"] = self.cleaned_data["code"].strip()  # type: ignore[attr-defined]
        code = super().clean_code()  # type: ignore[misc]
        login_limits.code_was_right(self.user.pk)
        return code


class AuthenticateForm(_Counted, base_forms.AuthenticateForm):
    pass


class ReauthenticateForm(_Counted, base_forms.ReauthenticateForm):
    pass
