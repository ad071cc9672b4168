"""Second factors and passkeys: extends allauth.mfa with encrypted secrets, the name of the site and a rate limit."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base import forms as base_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.auth import login_limits
from accounts.forms import wait_message
from accounts.models import User
from messenger.core.errors import ApplicationError, rate_limited

FACTOR_TYPES = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
_LAST_STEP = "last_used_step"  # in the data of an Authenticator: the time step of the newest code that was used
_KEY_PREFIX = "accounts.factors"  # must not change: stored secrets are encrypted with a key derived from it


class UnreadableSecret(Exception):
    """The secret of a second factor was encrypted with a key that this site no longer has."""

    silent_variable_failure = True  # templates show nothing instead of what cannot be read


class MFAAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        """Encrypts the secret of a second factor with a key derived from SECRET_KEY.

        The key is not in the database, so nobody can compute codes from a copy of the database alone.
        """
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypts the secret of a second factor. Raises UnreadableSecret if SECRET_KEY has changed since then.

        There must be no replacement, such as an empty text: everybody could compute the codes of that.
        """
        try:
            return _fernet().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            raise UnreadableSecret from None

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
    try:
        accepted = find_accepting(user, code.strip())
    except UnreadableSecret:
        raise _code_error(_unreadable_message()) from None
    if not accepted:
        raise _code_error(_("Wrong code."))
    login_limits.release_code_attempt(user.pk)


def find_accepting(user: User, code: str) -> Authenticator | None:
    """Returns the second factor of the user that this code belongs to, or None if it belongs to none.

    A code is accepted once. Raises UnreadableSecret if the secret of no factor can be read, so that no code could be
    accepted.
    """
    unreadable = 0
    factors = list(Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN))
    for factor in factors:
        try:
            if factor.wrap().validate_code(code) and _is_first_use(factor, code):
                return factor
        except UnreadableSecret:
            unreadable += 1
    if factors and unreadable == len(factors):
        raise UnreadableSecret
    return None


def is_readable(factor: Authenticator) -> bool:
    """Returns whether the secret of a second factor can be decrypted with the keys of this site."""
    try:
        for name in ("secret", "seed"):
            if name in factor.data:
                get_adapter().decrypt(factor.data[name])
    except UnreadableSecret:
        return False
    return True


def _is_first_use(factor: Authenticator, code: str) -> bool:
    """Returns whether a valid code of an app was not used before, and remembers that it was.

    allauth remembers used codes for 30 seconds in the cache, but a code is valid for longer (MFA_TOTP_TOLERANCE), and
    the cache of one process is not that of another. So the time step of the newest used code is stored with the secret.
    """
    if factor.type != Authenticator.Type.TOTP:
        return True
    with transaction.atomic():
        stored = Authenticator.objects.select_for_update().get(pk=factor.pk)
        secret = get_adapter().decrypt(stored.data["secret"])
        steps = [
            step
            for step in yield_hotp_counters_from_time()
            if compare_digest(format_hotp_value(hotp_value(secret, step)), normalize_user_code(code))
        ]
        if not steps or max(steps) <= stored.data.get(_LAST_STEP, 0):
            return False
        stored.data[_LAST_STEP] = max(steps)
        stored.save(update_fields=["data"])
    return True


def _unreadable_message() -> str:
    return _("The second factor of this account can no longer be checked. Ask an administrator to remove it.")


def _code_error(message: str) -> ApplicationError:
    return ApplicationError("unauthenticated", message, {"code": [message]})


class RateLimitedCodeMixin:
    """Form mixin that limits how often a user may enter a code, because codes have only six digits.

    Pages and the API share the limit, and the rule which codes are accepted.
    """

    user: Any
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        if wait := login_limits.acquire_code_attempt(self.user.pk):
            raise ValidationError(wait_message(wait), code="rate_limited")
        code = self.cleaned_data["code"].strip()
        try:
            factor = find_accepting(self.user, code)
        except UnreadableSecret:
            raise ValidationError(_unreadable_message(), code="unreadable") from None
        if factor is None:
            raise get_adapter().validation_error("incorrect_code")
        factor.user = self.user
        self.authenticator = factor  # `save` of allauth's form reads it
        login_limits.release_code_attempt(self.user.pk)
        return code


class AuthenticateForm(RateLimitedCodeMixin, base_forms.AuthenticateForm):
    pass


class ReauthenticateForm(RateLimitedCodeMixin, base_forms.ReauthenticateForm):
    pass
