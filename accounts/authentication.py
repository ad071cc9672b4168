"""Who is calling: by a bearer token or by the site's session cookie, over HTTP and on the socket.

A bearer that is given wins. Where it is no good the answer is "nobody", never whoever the cookie names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation.trans_real import get_supported_language_variant, parse_accept_lang_header
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from accounts.auth import sign_ins, tokens
from accounts.models import SignIn, User
from messenger.live.identity import NOT_SIGNED_IN, Identity, SocketRefused

SUBPROTOCOL = "messenger.v1"
_BEARER_PROTOCOL = "bearer."


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────
class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <access token>`. One query: the sign-in together with its person. `request.auth` is it."""

    def authenticate(self, request: Request) -> tuple[User, SignIn] | None:
        token = _bearer(request.META.get("HTTP_AUTHORIZATION", ""))
        if token is None:
            return None
        sign_in = tokens.sign_in_of(token)
        if sign_in is None or not sign_ins.alive(sign_in, sign_in.user):
            raise exceptions.AuthenticationFailed(_("This token is not valid, or no longer."), code="unauthenticated")
        sign_ins.touch(sign_in)
        return sign_in.user, sign_in

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """The session cookie. Requests that change something need the CSRF token. `request.auth` is the sign-in."""

    def authenticate(self, request: Request) -> tuple[User, SignIn] | None:
        sign_in = signed_in_by(request._request)
        if sign_in is None:
            return None
        # The plain request: Django's check then reads no body that REST framework would have to parse.
        self.enforce_csrf(request._request)  # type: ignore[arg-type]
        return sign_in.user, sign_in

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"  # so that nobody gets 401 where this is the only way in, too


def signed_in_by(request: HttpRequest) -> SignIn | None:
    """The sign-in behind the request's cookie, looked up once. See accounts.middleware."""
    if sign_ins.IN_REQUEST not in request.META:
        sign_in = sign_ins.of_session(request.session)
        request.META[sign_ins.IN_REQUEST] = sign_in if sign_in and sign_ins.alive(sign_in, sign_in.user) else None
    return request.META[sign_ins.IN_REQUEST]


def whoever_asks(request: HttpRequest) -> User | None:
    """For plain views that serve browsers and token clients alike, such as pictures."""
    token = _bearer(request.META.get("HTTP_AUTHORIZATION", ""))
    sign_in = signed_in_by(request) if token is None else tokens.sign_in_of(token)
    return sign_in.user if sign_in and sign_ins.alive(sign_in, sign_in.user) else None


def _bearer(header: str) -> str | None:
    """The token in an Authorization header; None where it is of no bearer, empty where it is malformed."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


# ── The socket ───────────────────────────────────────────────────────────────────────────────────────────────────
def authenticate_socket(
    headers: Mapping[bytes, bytes], subprotocols: Iterable[str], cookies: Mapping[str, str]
) -> Identity:
    """Who opens this socket. Raises SocketRefused with 4401 for nobody, 4403 for the suspended.

    Synchronous; two queries at most. Whether the Origin is ours is asked elsewhere, before.
    """
    offered = list(subprotocols)
    header = headers.get(b"authorization", b"").decode("latin-1")
    by_protocol = [name.removeprefix(_BEARER_PROTOCOL) for name in offered if name.startswith(_BEARER_PROTOCOL)]
    token = _bearer(header)
    if token is None and by_protocol:
        token = by_protocol[0]
    if token is not None:
        sign_in = tokens.sign_in_of(token)
    else:
        key = cookies.get(settings.SESSION_COOKIE_NAME)
        sign_in = sign_ins.of_session(sign_ins.session_store()(key)) if key else None
    if sign_in is None:
        raise SocketRefused(NOT_SIGNED_IN)
    if code := _why_over(sign_in):
        raise SocketRefused(code)
    return Identity(
        user_id=sign_in.user_id,
        sign_in_id=str(sign_in.pk),
        # A browser that offered subprotocols drops a socket that answers none of them.
        subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None,
        language=sign_in.user.language or _spoken(headers.get(b"accept-language", b"").decode("latin-1")),
        by_bearer=token is not None,
    )


def _spoken(header: str) -> str:
    """The first language of an Accept-Language header that the site knows; empty without one."""
    for code, _weight in parse_accept_lang_header(header):
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue
    return ""


def still_valid(pairs: Iterable[tuple[int, str]]) -> dict[str, int]:
    """For open sockets, (user id, sign-in id): those that are over, with the code to close them by. One query."""
    asked = {sign_in_id: user_id for user_id, sign_in_id in pairs}
    over = dict.fromkeys(asked, NOT_SIGNED_IN)
    rows = SignIn.objects.filter(pk__in=[pk for text in asked if (pk := _uuid(text))]).values_list(
        "pk", "user_id", "ended_at", "stamp", "user__password", "user__is_active"
    )
    for pk, user_id, ended_at, stamp, password, is_active in rows:
        code = sign_ins.why_over(ended_at is not None, stamp, password, is_active)
        if asked.get(str(pk)) == user_id:
            over[str(pk)] = code
    return {sign_in_id: code for sign_in_id, code in over.items() if code}


def _why_over(sign_in: SignIn) -> int:
    user = sign_in.user
    return sign_ins.why_over(sign_in.ended_at is not None, sign_in.stamp, user.password, user.is_active)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
