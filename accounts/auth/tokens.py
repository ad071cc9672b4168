"""JWTs for clients that are not browsers: a short-lived access token, and a refresh token that can be used once.

Both carry the id of their sign-in in the claim `sid`. A token is valid only while that row is active
(`accounts.auth.sign_ins`). So signing out, a suspension or a new password ends access tokens at once, before they
expire. Lifetimes are in `settings.SIMPLE_JWT`.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.auth import sign_ins
from accounts.models import SignIn, User
from accounts.schemas import TokenPairSchema
from messenger.core.errors import ApplicationError

SIGN_IN_CLAIM = "sid"
MAX_TOKEN_LENGTH = 2000  # characters; our tokens have about 300. Longer ones are not decoded.


def invalid_token_error() -> ApplicationError:
    return ApplicationError("unauthenticated", _("This token is invalid or has expired."))


def issue_token_pair(user: User, *, address: str = "", user_agent: str = "") -> TokenPairSchema:
    """Starts a sign-in of a token client and returns its first pair."""
    refresh_id = uuid4()
    sign_in = sign_ins.start_sign_in(
        user, SignIn.Kind.TOKEN, address=address, user_agent=user_agent, refresh_id=refresh_id
    )
    return _token_pair(sign_in, refresh_id)


def refresh_token_pair(refresh_token: str) -> TokenPairSchema:
    """Returns a new pair for a refresh token, which becomes invalid.

    Of parallel uses of one token only one succeeds. Any other use of a used token means that two parties have it. It
    is unknown which one stole it, so the sign-in ends with all its tokens. Raises `unauthenticated`.
    """
    claims = TokenClaims(_validate(RefreshToken, refresh_token))
    sign_in = SignIn.objects.select_related("user").filter(pk=claims.sign_in_id).first()
    if sign_in is None or not sign_ins.is_active(sign_in, sign_in.user):
        raise invalid_token_error()
    new_refresh_id = uuid4()
    updated = SignIn.objects.filter(pk=sign_in.pk, refresh_id=claims.token_id, ended_at=None).update(
        refresh_id=new_refresh_id, last_used_at=timezone.now()
    )
    if not updated:
        sign_ins.end_sign_ins(sign_in.user_id, sign_in.pk)
        raise invalid_token_error()
    return _token_pair(sign_in, new_refresh_id)


def revoke_token(refresh_token: str) -> None:
    """Ends the sign-in of a refresh token, also of one that was used already. Raises `unauthenticated`."""
    claims = TokenClaims(_validate(RefreshToken, refresh_token))
    sign_ins.end_sign_ins(claims.user_id, claims.sign_in_id)


def sign_in_for_token(access_token: str) -> SignIn | None:
    """Returns the sign-in of a valid access token, with its user, whether or not it is still active. One query."""
    token = validate_access_token(access_token)
    return sign_in_for_validated_token(token) if token is not None else None


def validate_access_token(text: str) -> Token | None:
    """Returns the verified token, or None for any text that is not a valid access token."""
    try:
        return _validate(AccessToken, text)
    except ApplicationError:
        return None


def sign_in_for_validated_token(token: Token) -> SignIn | None:
    claims = TokenClaims(token)
    return SignIn.objects.select_related("user").filter(pk=claims.sign_in_id, user_id=claims.user_id).first()


class TokenClaims:
    """Our claims of a token. Raises KeyError, ValueError, TypeError or AttributeError if one is not usable."""

    def __init__(self, token: Token):
        self.token_id = UUID(token["jti"])
        self.sign_in_id = UUID(token[SIGN_IN_CLAIM])
        self.user_id = int(token["user_id"])


def _validate(token_class: type[Token], text: str) -> Token:
    """Verifies signature, algorithm, type, time and our claims. Raises `unauthenticated`."""
    if not isinstance(text, str) or len(text) > MAX_TOKEN_LENGTH:
        raise invalid_token_error()
    try:
        token = token_class(text)  # type: ignore[arg-type]  # simplejwt annotates text as Token
        TokenClaims(token)
    except (TokenError, KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise invalid_token_error() from None
    return token


def _token_pair(sign_in: SignIn, refresh_id: UUID) -> TokenPairSchema:
    refresh_token, access_token = RefreshToken(), AccessToken()
    refresh_token["jti"] = refresh_id.hex
    for token in (refresh_token, access_token):
        token["user_id"] = str(sign_in.user_id)
        token[SIGN_IN_CLAIM] = sign_in.pk.hex
    return TokenPairSchema(access=str(access_token), refresh=str(refresh_token))
