"""Starts, finds and ends sign-ins. Each browser session and each client with tokens has one `SignIn` row.

Every request of a signed-in user reads this row. When a sign-in ends, its session or tokens are invalid at once in
every server process, and its WebSockets are closed. A sign-in is also invalid if the user's password has changed since
it began (field `stamp`), no matter whether the password was changed on the site, in the admin or by `manage.py
changepassword`.
"""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from ipaddress import ip_address
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.db import OperationalError
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework_simplejwt.settings import api_settings

from accounts.models import SignIn, User, password_stamp
from messenger.core.client_ip import request_ip
from messenger.core.database import write_transaction
from messenger.core.errors import not_found
from messenger.live.events import Disconnect, publish
from messenger.live.handshake import NOT_SIGNED_IN, SUSPENDED

SIGN_IN_SESSION_KEY = "sign_in"  # key in the browser's session: the id of the row
SIGN_IN_META_KEY = "messenger.sign_in"  # key in request.META: the row, after the first look-up
TOUCH_SECONDS = 600  # precision of `last_used_at`, so that not every request writes


# ── Starting and ending ──────────────────────────────────────────────────────────────────────────────────────────
def start_sign_in(
    user: User,
    kind: SignIn.Kind,
    *,
    address: str = "",
    user_agent: str = "",
    session_key: str = "",
    refresh_id: UUID | None = None,
) -> SignIn:
    return SignIn.objects.create(
        user=user,
        kind=kind,
        stamp=user.sign_in_stamp(),
        session_key=session_key,
        refresh_id=refresh_id,
        user_agent=user_agent[:300],
        address=_ip_address_or_none(address),
    )


def start_browser_sign_in(request: HttpRequest, user: User) -> SignIn:
    """Creates the `SignIn` row of a browser session, after Django has signed the user in.

    If the user was already signed in in this session, updates the existing row instead.
    """
    session = request.session
    if not session.session_key:
        session.save()
    sign_in = _get_sign_in(session.get(SIGN_IN_SESSION_KEY))
    if sign_in and sign_in.user_id == user.pk and sign_in.ended_at is None:
        sign_in.stamp, sign_in.session_key = user.sign_in_stamp(), session.session_key or ""
        sign_in.last_used_at = timezone.now()
        sign_in.save(update_fields=["stamp", "session_key", "last_used_at"])
        sign_in.user = user
    else:
        sign_in = start_sign_in(
            user,
            SignIn.Kind.BROWSER,
            address=request_ip(request),
            user_agent=request.META.get("HTTP_USER_AGENT", ""),
            session_key=session.session_key or "",
        )
        session[SIGN_IN_SESSION_KEY] = str(sign_in.pk)
    request.META[SIGN_IN_META_KEY] = sign_in  # replaces the result of an earlier look-up
    return sign_in


def end_browser_sign_in(request: HttpRequest, user: User | None) -> None:
    """Ends the sign-in of the request's browser session. Called at sign-out, before Django empties the session."""
    if user is not None and (sign_in := _get_sign_in(request.session.get(SIGN_IN_SESSION_KEY))):
        end_sign_ins(user.pk, sign_in.pk)
    request.META[SIGN_IN_META_KEY] = None


def end_sign_ins(
    user_id: int,
    sign_in_id: UUID | str | None = None,
    *,
    keep: UUID | str | None = None,
    code: int = NOT_SIGNED_IN,
) -> int:
    """Ends the sign-in with the id `sign_in_id`. If no id is given, ends all sign-ins of the user.

    A sign-in with the id `keep` is not ended. Deletes the browser sessions of the ended sign-ins, makes their tokens
    invalid and closes their WebSockets with the close code `code`. Returns the number of ended sign-ins.
    """
    with write_transaction():
        rows = SignIn.objects.filter(user_id=user_id, ended_at=None)
        if sign_in_id is not None:
            rows = rows.filter(pk=sign_in_id)
        if keep is not None:
            rows = rows.exclude(pk=keep)
        ended = list(rows.values_list("pk", "session_key"))
        SignIn.objects.filter(pk__in=[pk for pk, _ in ended]).update(ended_at=timezone.now(), refresh_id=None)
        for _, session_key in ended:
            if session_key:
                session_store_class()().delete(session_key)
        if sign_in_id is None:
            publish([Disconnect(user_id, code, keep_sign_in_id=str(keep or ""))])
        elif ended:
            publish([Disconnect(user_id, code, sign_in_id=str(sign_in_id))])
    return len(ended)


def end_sign_in(user_id: int, sign_in_id: UUID) -> None:
    """Ends one sign-in of a user. Raises `not_found` if the user has no active sign-in with this id."""
    if not end_sign_ins(user_id, sign_in_id):
        raise not_found()


def end_after_password_change(request: HttpRequest, user: User) -> None:
    """Ends all sign-ins of a user whose password has changed, except the sign-in of this request.

    Django has given the session of this request a new key. So the key in its `SignIn` row is updated.
    """
    keep = None
    if getattr(request, "session", None) is not None and request.session.get(SESSION_KEY) == str(user.pk):
        keep = start_browser_sign_in(request, user).pk
    end_sign_ins(user.pk, keep=keep)


def end_after_method_removed(request: HttpRequest | None, user: User) -> None:
    """Ends all sign-ins of a user who has removed a way to sign in, except the sign-in of this request.

    Such a way is a second factor, a passkey or the account of a provider such as Google. Somebody else may have started
    the ended sign-ins with it.
    """
    session = getattr(request, "session", None)
    current = _get_sign_in(session.get(SIGN_IN_SESSION_KEY)) if session is not None else None
    end_sign_ins(user.pk, keep=current.pk if current and current.user_id == user.pk else None)


def touch_sign_in(sign_in: SignIn) -> bool:
    """Sets `last_used_at` of the sign-in to now, unless it was set less than TOUCH_SECONDS ago.

    Returns whether the row was updated.
    """
    now = timezone.now()
    if now - sign_in.last_used_at < timedelta(seconds=TOUCH_SECONDS):
        return False
    try:
        updated = SignIn.objects.filter(pk=sign_in.pk, ended_at=None).update(last_used_at=now)
    except OperationalError:  # the database is too busy for this write, but the request can still be answered
        return False
    sign_in.last_used_at = now
    return bool(updated)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────
def is_active(sign_in: SignIn, user: User) -> bool:
    return close_code_for(sign_in.ended_at is not None, sign_in.stamp, user.password, user.is_active) == 0


def close_code_for(ended: bool, stamp: str, password_hash: str, user_is_active: bool) -> int:
    """Returns the code with which the WebSockets of a sign-in must be closed, or 0 if the sign-in is active.

    The code says that the user is suspended, or that the sign-in has ended or the password has changed since it began.
    """
    if not user_is_active:
        return SUSPENDED
    if ended or not constant_time_compare(stamp, password_stamp(password_hash)):
        return NOT_SIGNED_IN
    return 0


def sign_in_for_session(session: SessionBase) -> SignIn | None:
    """Returns the sign-in of a browser session together with its user, also if the sign-in is no longer active.

    Makes one query, in addition to the query that loads the session.
    """
    sign_in = _get_sign_in(session.get(SIGN_IN_SESSION_KEY), with_user=True)
    if sign_in is None or session.get(SESSION_KEY) != str(sign_in.user_id):
        return None
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    # As in django.contrib.auth.get_user: a session that was started with another password is invalid.
    session_hash = session.get(HASH_SESSION_KEY, "")
    if sign_in.user.is_active and not constant_time_compare(session_hash, sign_in.user.get_session_auth_hash()):
        return None
    return sign_in


def list_active_sign_ins(user_id: int) -> list[SignIn]:
    """Returns the active sign-ins of a user that are not expired. The sign-in that was used last is the first."""
    now = timezone.now()
    session_expiry = now - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    token_expiry = now - api_settings.REFRESH_TOKEN_LIFETIME
    unexpired = Q(kind=SignIn.Kind.BROWSER, last_used_at__gt=session_expiry) | Q(
        kind=SignIn.Kind.TOKEN, last_used_at__gt=token_expiry
    )
    rows = SignIn.objects.filter(unexpired, user_id=user_id, ended_at=None).select_related("user")
    return [row for row in rows if is_active(row, row.user)]


def session_store_class() -> type[SessionBase]:
    return import_module(settings.SESSION_ENGINE).SessionStore


def _get_sign_in(sign_in_id: str | None, *, with_user: bool = False) -> SignIn | None:
    try:
        pk = UUID(sign_in_id or "")
    except (ValueError, AttributeError, TypeError):
        return None
    rows = SignIn.objects.select_related("user") if with_user else SignIn.objects
    return rows.filter(pk=pk).first()


def _ip_address_or_none(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None
