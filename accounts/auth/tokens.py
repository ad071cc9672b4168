"""JWTs for clients that are not browsers: a short-lived access token, and a refresh token that can be used once.

Both tokens contain the id of a sign-in (claim `sid`) and are valid only while that sign-in is active
(`accounts.auth.sign_ins`). So signing out, a suspension or a new password invalidates access tokens at once, before
they expire. Lifetimes are in `settings.SIMPLE_JWT`.
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
    """Creates a sign-in for a client with tokens, and returns its first access and refresh token."""
    refresh_id = uuid4()
    sign_in = sign_ins.start_sign_in(
        user, SignIn.Kind.TOKEN, address=address, user_agent=user_agent, refresh_id=refresh_id
    )
    return _token_pair(sign_in, refresh_id)


def refresh_token_pair(refresh_token: str) -> TokenPairSchema:
    """Exchanges a refresh token for a new access and refresh token. The old refresh token becomes invalid.

    A refresh token that is used a second time may be stolen, and it is not known by whom it was used. Then the sign-in
    ends with all its tokens, and the function raises `unauthenticated`. Of parallel uses of a token only one succeeds.
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
    """Ends the sign-in to which a refresh token belongs, also if the token was used already.

    Raises `unauthenticated` for an invalid token.
    """
    claims = TokenClaims(_validate(RefreshToken, refresh_token))
    sign_ins.end_sign_ins(claims.user_id, claims.sign_in_id)


def sign_in_for_token(access_token: str) -> SignIn | None:
    """Returns the sign-in of a valid access token together with its user, in one query.

    Callers must check whether the sign-in is still active.
    """
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
    """The claims (values in a token) that this site uses: token id, sign-in id and user id.

    The constructor raises KeyError, ValueError, TypeError or AttributeError if a claim is missing or malformed.
    """

    def __init__(self, token: Token):
        self.token_id = UUID(token["jti"])
        self.sign_in_id = UUID(token[SIGN_IN_CLAIM])
        self.user_id = int(token["user_id"])


def _validate(token_class: type[Token], text: str) -> Token:
    """Verifies a token: signature, algorithm, type, expiry and claims. Raises `unauthenticated` if it is not valid."""
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
