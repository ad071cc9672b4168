"""Tokens for clients that are no browsers: a short-lived access token and a refresh token that is spent by its use.

Both carry the id of their sign-in as `sid`. A token is good only while that row stands (`accounts.auth.sign_ins`), so
signing out, suspension and a new password end access tokens at once, not when they expire.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.exceptions import TokenError

from accounts.auth import sign_ins
from accounts.models import SignIn, User
from accounts.schemas import TokenPair
from messenger.core.errors import ApplicationError

SIGN_IN_CLAIM = "sid"
LONGEST = 2000  # characters; ours have about 300. What is longer is not even decoded.


def no_longer() -> ApplicationError:
    return ApplicationError("unauthenticated", _("This token is not valid, or no longer."))


def open_for(user: User, *, address: str = "", user_agent: str = "") -> TokenPair:
    """A new sign-in for a token client, and its first pair."""
    refresh_id = uuid4()
    sign_in = sign_ins.begin(user, SignIn.Kind.TOKEN, address=address, user_agent=user_agent, refresh_id=refresh_id)
    return _pair(sign_in, refresh_id)


def refresh(text: str) -> TokenPair:
    """A new pair for a refresh token, which is then spent.

    Of several uses at once one wins. Any other use of a spent token means that two have it, and nobody knows who
    stole it from whom: the sign-in ends, and all its tokens with it.
    """
    claims = _read(simplejwt.RefreshToken, text)
    sign_in = SignIn.objects.select_related("user").filter(pk=claims.sign_in_id).first()
    if sign_in is None or not sign_ins.alive(sign_in, sign_in.user):
        raise no_longer()
    fresh = uuid4()
    won = SignIn.objects.filter(pk=sign_in.pk, refresh_id=claims.id, ended_at=None).update(
        refresh_id=fresh, last_used_at=timezone.now()
    )
    if not won:
        sign_ins.end(sign_in.user_id, sign_in.pk)
        raise no_longer()
    return _pair(sign_in, fresh)


def revoke(text: str) -> None:
    """Sign this client out. A spent refresh token does that too."""
    claims = _read(simplejwt.RefreshToken, text)
    sign_ins.end(claims.user_id, claims.sign_in_id)


def sign_in_of(text: str) -> SignIn | None:
    """The sign-in behind an access token, with its person, dead or alive. One query."""
    try:
        claims = _read(simplejwt.AccessToken, text)
    except ApplicationError:
        return None
    return SignIn.objects.select_related("user").filter(pk=claims.sign_in_id, user_id=claims.user_id).first()


class _Claims:
    def __init__(self, token: simplejwt.Token):
        self.id = UUID(token["jti"])
        self.sign_in_id = UUID(token[SIGN_IN_CLAIM])
        self.user_id = int(token["user_id"])


def _read(kind: type[simplejwt.Token], text: str) -> _Claims:
    """Verified: signature, algorithm, type and time. Raises `unauthenticated` for whatever else this is."""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise no_longer()
    try:
        return _Claims(kind(text))  # type: ignore[arg-type]  # simplejwt says Token where it takes text
    except (TokenError, KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise no_longer() from None


def _pair(sign_in: SignIn, refresh_id: UUID) -> TokenPair:
    refresh_token = simplejwt.RefreshToken()
    refresh_token.set_exp(lifetime=timedelta(days=settings.REFRESH_TOKEN_DAYS))
    refresh_token["jti"] = refresh_id.hex
    access_token = simplejwt.AccessToken()
    access_token.set_exp(lifetime=timedelta(minutes=settings.ACCESS_TOKEN_MINUTES))
    for token in (refresh_token, access_token):
        token["user_id"] = str(sign_in.user_id)
        token[SIGN_IN_CLAIM] = sign_in.pk.hex
    return TokenPair(access=str(access_token), refresh=str(refresh_token))
