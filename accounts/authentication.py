"""Authenticates HTTP requests and sockets, by a bearer token (access token) or by the session cookie.

A bearer token takes precedence. If the token is invalid, the request is unauthenticated, even with a valid cookie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import HTTP_HEADER_ENCODING, authentication, exceptions
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import Token

from accounts.auth import sign_ins, tokens
from accounts.models import SignIn, User
from accounts.selectors.languages import find_supported_language
from accounts.selectors.timezones import time_zone_for
from messenger.live.handshake import NOT_SIGNED_IN, Identity, SocketRefused

SUBPROTOCOL = "messenger.v1"
_BEARER_SUBPROTOCOL_PREFIX = "bearer."


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────
class BearerAuthentication(JWTAuthentication):
    """Authenticates by the header `Authorization: Bearer <access token>`. Sets `request.auth` to the `SignIn`.

    Differences from simplejwt: A token is valid only while its sign-in is active. One query reads the sign-in and its
    user. The word "Bearer" may be in upper or lower case. All errors have the code `unauthenticated`.
    """

    def authenticate(self, request: Request) -> tuple[User, SignIn] | None:  # type: ignore[override]
        raw_token = self.get_raw_token(self.get_header(request) or b"")
        if raw_token is None:
            return None
        sign_in = self.get_sign_in(self.get_validated_token(raw_token))
        sign_ins.touch_sign_in(sign_in)
        timezone.activate(time_zone_for(sign_in.user, {}))  # the middleware knows only users with a session
        return sign_in.user, sign_in

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def get_raw_token(self, header: bytes) -> bytes | None:
        """Returns the token of an Authorization header, or None if the header has another scheme than "Bearer".

        If the header is malformed, returns an invalid token and not None. With None, the request would be authenticated
        by its session cookie.
        """
        token = _bearer_token(header.decode(HTTP_HEADER_ENCODING))
        return None if token is None else token.encode(HTTP_HEADER_ENCODING)

    def get_validated_token(self, raw_token: bytes) -> Token:
        token = tokens.validate_access_token(raw_token.decode(HTTP_HEADER_ENCODING))
        if token is None:
            raise _authentication_failed()
        return token

    def get_sign_in(self, validated_token: Token) -> SignIn:
        sign_in = tokens.sign_in_for_validated_token(validated_token)
        if sign_in is None or not sign_ins.is_active(sign_in, sign_in.user):
            raise _authentication_failed()
        return sign_in

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]
        return self.get_sign_in(validated_token).user


def _authentication_failed() -> exceptions.AuthenticationFailed:
    error = tokens.invalid_token_error()
    return exceptions.AuthenticationFailed(str(error.detail), code=error.code)


class SessionAuthentication(authentication.SessionAuthentication):
    """Authenticates by the session cookie. Unsafe methods also need the CSRF token.

    Sets `request.auth` to the `SignIn`.
    """

    def authenticate(self, request: Request) -> tuple[User, SignIn] | None:
        sign_in = get_sign_in(request._request)
        if sign_in is None:
            return None
        # The check gets Django's request, so that it does not read a body that REST framework has to parse.
        self.enforce_csrf(request._request)  # type: ignore[arg-type]
        return sign_in.user, sign_in

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"  # REST framework would answer 403 instead of 401 without it


def get_sign_in(request: HttpRequest) -> SignIn | None:
    """Returns the active `SignIn` of the request's session cookie, or None. The result is cached in the request."""
    if sign_ins.SIGN_IN_META_KEY not in request.META:
        sign_in = sign_ins.sign_in_for_session(request.session)
        is_active = sign_in is not None and sign_ins.is_active(sign_in, sign_in.user)
        request.META[sign_ins.SIGN_IN_META_KEY] = sign_in if is_active else None
    return request.META[sign_ins.SIGN_IN_META_KEY]


def require_sign_in(request: HttpRequest) -> SignIn:
    """Returns the `SignIn` of a browser's request. Must be called only in views with `login_required`.

    In other views, a request may have no `SignIn`.
    """
    sign_in = get_sign_in(request)
    assert sign_in is not None
    return sign_in


def get_request_user(request: HttpRequest) -> User | None:
    """Returns the user of a request that has a bearer token or a session cookie, or None if neither is valid.

    For views without REST framework that both browsers and other clients use, for example for pictures.
    """
    token = _bearer_token(request.META.get("HTTP_AUTHORIZATION", ""))
    sign_in = get_sign_in(request) if token is None else tokens.sign_in_for_token(token)
    return sign_in.user if sign_in and sign_ins.is_active(sign_in, sign_in.user) else None


def _bearer_token(header: str) -> str | None:
    """Returns the bearer token of an Authorization header, or an empty text if the word "Bearer" stands alone.

    Returns None for another scheme than "Bearer" or for an empty header.
    """
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


# ── WebSocket ────────────────────────────────────────────────────────────────────────────────────────────────────
def authenticate_socket(
    headers: Mapping[bytes, bytes], subprotocols: Iterable[str], cookies: Mapping[str, str]
) -> Identity:
    """Identifies the user who opens a socket, with two queries at most. The caller must check the Origin header.

    An access token is in the Authorization header or, for browsers, in the subprotocol `bearer.<token>`. Raises
    SocketRefused with code 4401 (not signed in) or 4403 (suspended).
    """
    offered = list(subprotocols)
    token = _bearer_token(headers.get(b"authorization", b"").decode("latin-1"))
    subprotocol_tokens = [
        name.removeprefix(_BEARER_SUBPROTOCOL_PREFIX) for name in offered if name.startswith(_BEARER_SUBPROTOCOL_PREFIX)
    ]
    if token is None and subprotocol_tokens:
        token = subprotocol_tokens[0]
    if token is not None:
        sign_in = tokens.sign_in_for_token(token)
    else:
        session_key = cookies.get(settings.SESSION_COOKIE_NAME)
        sign_in = sign_ins.sign_in_for_session(sign_ins.session_store_class()(session_key)) if session_key else None
    if sign_in is None:
        raise SocketRefused(
            NOT_SIGNED_IN, "No valid session cookie." if token is None else "The access token is invalid or expired."
        )
    user = sign_in.user
    if code := sign_ins.close_code_for(sign_in.ended_at is not None, sign_in.stamp, user.password, user.is_active):
        raise SocketRefused(code, "The sign-in has ended." if code == NOT_SIGNED_IN else "The account is suspended.")
    return Identity(
        user_id=sign_in.user_id,
        sign_in_id=str(sign_in.pk),
        # A browser that offered subprotocols closes a socket that selects none of them.
        subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None,
        language=user.language or find_supported_language(headers.get(b"accept-language", b"").decode("latin-1")),
        time_zone=time_zone_for(user, cookies).key,
        by_bearer=token is not None,
    )


def find_ended_sign_ins(pairs: Iterable[tuple[int, str]]) -> dict[str, int]:
    """Returns which of these sign-ins are no longer active, with the close code for their WebSocket. Makes one query.

    `pairs` are (user id, sign-in id). The result maps the ids of ended sign-ins to close codes.
    """
    user_id_by_sign_in = {sign_in_id: user_id for user_id, sign_in_id in pairs}
    codes = dict.fromkeys(user_id_by_sign_in, NOT_SIGNED_IN)
    pks = [pk for sign_in_id in user_id_by_sign_in if (pk := _uuid_or_none(sign_in_id))]
    rows = SignIn.objects.filter(pk__in=pks).values_list(
        "pk", "user_id", "ended_at", "stamp", "user__password", "user__is_active"
    )
    for pk, user_id, ended_at, stamp, password_hash, user_is_active in rows:
        if user_id_by_sign_in.get(str(pk)) == user_id:
            codes[str(pk)] = sign_ins.close_code_for(ended_at is not None, stamp, password_hash, user_is_active)
    return {sign_in_id: code for sign_in_id, code in codes.items() if code}


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
