"""JWTs for clients that are not browsers: a short-lived access token, and a refresh token that can be used once.

Both tokens contain the id of a sign-in (claim `sid`) and are valid only while that sign-in is active
(`accounts.auth.sign_ins`). So signing out, a suspension or a new password invalidates access tokens at once, before
they expire. Lifetimes are in `settings.SIMPLE_JWT`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.auth import sign_ins
from accounts.models import SignIn, User
from accounts.schemas import TokenPairSchema
from messenger.core.errors import ApplicationError

SIGN_IN_CLAIM = "sid"
REFRESH_GRACE = timedelta(seconds=30)  # in which a used refresh token returns the pair that it was exchanged for
MAX_TOKEN_LENGTH = 2000  # characters; our tokens have about 300. Longer ones are not decoded.


def invalid_token_error() -> ApplicationError:
    return ApplicationError("unauthenticated", _("This token is invalid or has expired."))


def issue_token_pair(user: User, *, address: str = "", user_agent: str = "") -> TokenPairSchema:
    """Creates a sign-in for a client with tokens, and returns its first access and refresh token."""
    refresh_id = uuid4()
    sign_in = sign_ins.start_sign_in(
        user, SignIn.Kind.TOKEN, address=address, user_agent=user_agent, refresh_id=refresh_id
    )
    return _token_pair(sign_in, refresh_id, timezone.now())


def refresh_token_pair(refresh_token: str) -> TokenPairSchema:
    """Exchanges a refresh token for a new access and refresh token. A refresh token can be used only once.

    But a client may not receive the answer, or refresh twice at the same time. So for `REFRESH_GRACE` the old token
    returns the same new pair again, as long as the new refresh token is not used. If a used token is sent at any other
    time, it may have been stolen: then the sign-in ends with all its tokens, and `unauthenticated` is raised.
    """
    claims = TokenClaims(_validate(RefreshToken, refresh_token))
    sign_in = SignIn.objects.select_related("user").filter(pk=claims.sign_in_id).first()
    if sign_in is None or not sign_ins.is_active(sign_in, sign_in.user):
        raise invalid_token_error()
    now = timezone.now()
    new_id = _successor_id(claims.token_id, now)
    rows = SignIn.objects.filter(pk=sign_in.pk, ended_at=None)
    if not rows.filter(refresh_id=claims.token_id).update(refresh_id=new_id, last_used_at=now):
        current_id = rows.values_list("refresh_id", flat=True).first()
        if current_id is None or not _is_recent_successor(current_id, claims.token_id, now):
            sign_ins.end_sign_ins(sign_in.user_id, sign_in.pk)
            raise invalid_token_error()
        new_id = current_id
    return _token_pair(sign_in, new_id, _issue_time(new_id))


def revoke_token(refresh_token: str) -> None:
    """Ends the sign-in to which a refresh token belongs, also if the token was used already.

    Raises `unauthenticated` for an invalid token.
    """
    claims = TokenClaims(_validate(RefreshToken, refresh_token))
    sign_ins.end_sign_ins(claims.user_id, claims.sign_in_id)


def verify_token(token: str) -> None:
    """Checks an access or refresh token. Raises `unauthenticated` if the token cannot be used now.

    A refresh token can still be used after this check.
    """
    validated = validate_access_token(token) or _validate(RefreshToken, token)
    sign_in = sign_in_for_validated_token(validated)
    if sign_in is None or not sign_ins.is_active(sign_in, sign_in.user):
        raise invalid_token_error()
    if isinstance(validated, RefreshToken) and sign_in.refresh_id != TokenClaims(validated).token_id:
        raise invalid_token_error()


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


# ── Ids of refresh tokens ────────────────────────────────────────────────────────────────────────────────────────
# The id of a token that replaces another is a UUID of version 7 (RFC 9562): 48 bits for the time of issue in
# milliseconds, and 74 bits that are an HMAC of the time and the old token's id. So the row of the sign-in, which holds
# only the new id, shows which token was exchanged for it and when, and the same pair can be made again.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HMAC_BITS = (0xFFF << 64) | ((1 << 62) - 1)  # all bits but those of time, version and variant


def _successor_id(token_id: UUID, issued_at: datetime) -> UUID:
    milliseconds = (issued_at - _EPOCH) // timedelta(milliseconds=1)
    digest = _digest(f"{token_id.hex}.{milliseconds}") & _HMAC_BITS
    return UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | digest)


def _issue_time(token_id: UUID) -> datetime:
    return _EPOCH + timedelta(milliseconds=token_id.int >> 80)


def _is_recent_successor(new_id: UUID, token_id: UUID, now: datetime) -> bool:
    """Returns whether the refresh token `token_id` was exchanged for the token `new_id`, at most REFRESH_GRACE ago."""
    if new_id.version != 7:
        return False
    issued_at = _issue_time(new_id)
    return now - issued_at <= REFRESH_GRACE and _successor_id(token_id, issued_at) == new_id


def _digest(text: str) -> int:
    """Returns the HMAC-SHA256 of a text with the site's SECRET_KEY, cut to 128 bits, as a number."""
    return int.from_bytes(salted_hmac("accounts.auth.tokens", text, algorithm="sha256").digest()[:16])


def _token_pair(sign_in: SignIn, refresh_id: UUID, issued_at: datetime) -> TokenPairSchema:
    """Makes an access and a refresh token for a sign-in. The same arguments make the same tokens."""
    refresh_token, access_token = RefreshToken(), AccessToken()
    refresh_token["jti"] = refresh_id.hex
    access_token["jti"] = UUID(int=_digest(f"access.{refresh_id.hex}"), version=4).hex
    for token in (refresh_token, access_token):
        token.set_iat(at_time=issued_at)
        token.set_exp(from_time=issued_at)
        token["user_id"] = str(sign_in.user_id)
        token[SIGN_IN_CLAIM] = sign_in.pk.hex
    expires_in = access_token["exp"] - int(timezone.now().timestamp())
    return TokenPairSchema(access=str(access_token), refresh=str(refresh_token), expires_in=expires_in)
