"""Sign-ins are rows: one for each browser session and each token client, read again on every request.

Whoever ends a row ends the session or the tokens that hang on it, on every process, and cuts its sockets. A row is
also over when its person's password is no longer the one it began under (`stamp`), whoever changed it and how:
by page, in the admin, or with `manage.py changepassword`.
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

from accounts.models import SignIn, User, stamp_of
from messenger.core.client_ip import request_ip
from messenger.core.database import write_transaction
from messenger.core.errors import not_found
from messenger.live.events import Disconnect, publish
from messenger.live.identity import NOT_SIGNED_IN, SUSPENDED

IN_SESSION = "sign_in"  # the key in a browser's session under which the row's id stands
IN_REQUEST = "messenger.sign_in"  # the key in request.META under which the row stands once it was looked up
TOUCH_SECONDS = 600  # `last_used_at` is right to within this; a write for every request would be too many


def begin(
    user: User,
    kind: SignIn.Kind,
    *,
    address: str = "",
    user_agent: str = "",
    session_key: str = "",
    refresh_id: UUID | None = None,
) -> SignIn:
    """A new way in."""
    return SignIn.objects.create(
        user=user,
        kind=kind,
        stamp=user.sign_in_stamp(),
        session_key=session_key,
        refresh_id=refresh_id,
        user_agent=user_agent[:300],
        address=_address_or_none(address),
    )


def begin_browser(request: HttpRequest, user: User) -> SignIn:
    """Called as a browser's session becomes this person's. Signing in again in the same session keeps the row."""
    session = request.session
    if not session.session_key:
        session.save()
    sign_in = _row(session.get(IN_SESSION))
    if sign_in and sign_in.user_id == user.pk and sign_in.ended_at is None:
        sign_in.stamp, sign_in.session_key = user.sign_in_stamp(), session.session_key or ""
        sign_in.last_used_at = timezone.now()
        sign_in.save(update_fields=["stamp", "session_key", "last_used_at"])
        sign_in.user = user
    else:
        sign_in = begin(
            user,
            SignIn.Kind.BROWSER,
            address=request_ip(request),
            user_agent=request.META.get("HTTP_USER_AGENT", ""),
            session_key=session.session_key or "",
        )
        session[IN_SESSION] = str(sign_in.pk)
    request.META[IN_REQUEST] = sign_in  # what was looked up before is out of date
    return sign_in


def end_browser(request: HttpRequest, user: User | None) -> None:
    """Called as somebody signs out, before Django empties the session."""
    if user is not None and (sign_in := _row(request.session.get(IN_SESSION))):
        end(user.pk, sign_in.pk)
    request.META[IN_REQUEST] = None


def end(
    user_id: int,
    sign_in_id: UUID | str | None = None,
    *,
    keep: UUID | str | None = None,
    code: int = NOT_SIGNED_IN,
) -> int:
    """End one sign-in of this person, or all of them but `keep`. Says how many there were.

    Their sessions are deleted, their tokens refused from now on, their sockets closed with `code`.
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
                session_store()().delete(session_key)
        if sign_in_id is None:
            publish([Disconnect(user_id, code, keep_sign_in_id=str(keep or ""))])
        elif ended:
            publish([Disconnect(user_id, code, sign_in_id=str(sign_in_id))])
    return len(ended)


def end_one(user_id: int, sign_in_id: UUID) -> None:
    """For a person who picks it from the list; raises `not_found` for what is not theirs, or over already."""
    if not end(user_id, sign_in_id):
        raise not_found()


def password_changed(request: HttpRequest, user: User) -> None:
    """All sign-ins but the one that changed it are over. Django has given that one's session another key."""
    keep = None
    if getattr(request, "session", None) is not None and request.session.get(SESSION_KEY) == str(user.pk):
        keep = begin_browser(request, user).pk
    end(user.pk, keep=keep)


def way_in_removed(request: HttpRequest | None, user: User) -> None:
    """A second factor, a passkey or a provider was taken away: whoever came in by it elsewhere is out."""
    session = getattr(request, "session", None)
    current = _row(session.get(IN_SESSION)) if session is not None else None
    end(user.pk, keep=current.pk if current and current.user_id == user.pk else None)


def alive(sign_in: SignIn, user: User) -> bool:
    return why_over(sign_in.ended_at is not None, sign_in.stamp, user.password, user.is_active) == 0


def why_over(ended: bool, stamp: str, password_hash: str, is_active: bool) -> int:
    """0 while a sign-in stands, else the code with which its sockets close."""
    if not is_active:
        return SUSPENDED
    if ended or not constant_time_compare(stamp, stamp_of(password_hash)):
        return NOT_SIGNED_IN
    return 0


def of_session(session: SessionBase) -> SignIn | None:
    """The sign-in behind a browser's session, with its person, dead or alive. One query besides the session's own."""
    sign_in = _row(session.get(IN_SESSION), with_user=True)
    if sign_in is None or session.get(SESSION_KEY) != str(sign_in.user_id):
        return None
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    # As django.contrib.auth.get_user: a session made under another password is nobody's.
    kept_hash = session.get(HASH_SESSION_KEY, "")
    if sign_in.user.is_active and not constant_time_compare(kept_hash, sign_in.user.get_session_auth_hash()):
        return None
    return sign_in


def open_ones(user_id: int) -> list[SignIn]:
    """What the person's list of sessions shows, last used first: those that can still be used."""
    now = timezone.now()
    sessions_last = Q(kind=SignIn.Kind.BROWSER, last_used_at__gt=now - timedelta(seconds=settings.SESSION_COOKIE_AGE))
    tokens_last = Q(kind=SignIn.Kind.TOKEN, last_used_at__gt=now - timedelta(days=settings.REFRESH_TOKEN_DAYS))
    rows = SignIn.objects.filter(sessions_last | tokens_last, user_id=user_id, ended_at=None).select_related("user")
    return [row for row in rows if alive(row, row.user)]


def touch(sign_in: SignIn) -> bool:
    """It was used just now. Says whether that was written, at most once in TOUCH_SECONDS."""
    now = timezone.now()
    if now - sign_in.last_used_at < timedelta(seconds=TOUCH_SECONDS):
        return False
    try:
        written = SignIn.objects.filter(pk=sign_in.pk, ended_at=None).update(last_used_at=now)
    except OperationalError:  # a database too busy to write this down can still be read
        return False
    sign_in.last_used_at = now
    return bool(written)


def session_store() -> type[SessionBase]:
    return import_module(settings.SESSION_ENGINE).SessionStore


def _row(text: str | None, *, with_user: bool = False) -> SignIn | None:
    try:
        pk = UUID(text or "")
    except (ValueError, AttributeError, TypeError):
        return None
    rows = SignIn.objects.select_related("user") if with_user else SignIn.objects
    return rows.filter(pk=pk).first()


def _address_or_none(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None
