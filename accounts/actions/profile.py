"""What can be done with an account. Each verb asks whether it may, changes rows in one transaction, tells the news.

They raise `ApplicationError`; see messenger/core/errors.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO

from allauth.account import app_settings as allauth_settings
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import avatars, hooks, username_reservations
from accounts.actions import contacts
from accounts.actions.user_version import next_me_versions
from accounts.auth import auth_backends, login_limits, mfa, sign_ins
from accounts.forms import SignupForm
from accounts.models import PRIVACY_FIELDS, TAKEN, Audience, SpentName, Theme, User
from accounts.schemas import MeSchema, profile_schema
from accounts.text.usernames import clean_line, clean_username, tidy_username
from accounts.timezones import known_zones
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError, forbidden, invalid, not_found, rate_limited
from messenger.live.events import RefreshVisibility, UserEvent, publish
from messenger.live.frames import encode_frame
from messenger.live.identity import SUSPENDED

SEEN_BY_OTHERS = {"username", "name", "avatar"}
AVATARS, AVATARS_PER_SECOND = 5, 1 / 60  # pictures of one person: decoding them is work


# ── In ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def sign_in(login: str, password: str, address: str, code: str = "") -> User:
    """The person behind a user name or e-mail and a password. Nothing tells whether there is such an account.

    Where they have a second factor, `code` too: of their authenticator app, or a recovery code.
    """
    if wait := login_limits.count(login, address):
        raise rate_limited(wait)
    user = auth_backends.check(login, password)
    wrong = ApplicationError("unauthenticated", auth_backends.wrong_words())
    if user is None:
        raise wrong
    if must_confirm_email(user):
        # As for a wrong password, and counted like one: otherwise whoever signed up with somebody's e-mail would learn
        # here whether an account was made, and so whether that e-mail had one before.
        raise wrong
    login_limits.was_right(login, address)
    if not user.is_active:
        raise forbidden(_("This account is suspended."))
    mfa.check_code(user, code)
    return user


def sign_up(request: HttpRequest, username: str, email: str, password: str) -> tuple[User | None, bool]:
    """A new account by the rules of the sign-up page: the person, and whether their e-mail must be confirmed first.

    Where the e-mail has an account already and mail can be sent, its owner is told by mail, and the answer here is
    the same as for a new one: (None, True).
    """
    if not get_adapter().is_open_for_signup(request):
        raise forbidden(_("Nobody can sign up here by themselves."))
    form = SignupForm({"username": username, "email": email, "password1": password})
    if not form.is_valid():
        if form.wait:
            raise rate_limited(form.wait)
        raise _by_field(form.errors, {"password1": "password", "__all__": "username"})
    if form.account_already_exists:
        form.pretend()
        get_adapter().send_account_already_exists_mail(form.cleaned_data["email"])
        return None, True
    try:
        user, _answer_of_page = form.try_save(request)
    except ValidationError as error:  # somebody was quicker
        raise _by_field(error.message_dict, {}) from None
    if address := EmailAddress.objects.filter(user=user).first():
        address.send_confirmation(request, signup=True)
    return user, must_confirm_email(user)


def must_confirm_email(user: User) -> bool:
    """Whoever has no address at all, having come by WeChat say, has none to confirm."""
    mandatory = allauth_settings.EMAIL_VERIFICATION == allauth_settings.EmailVerificationMethod.MANDATORY
    if not mandatory or EmailAddress.objects.filter(user=user, verified=True).exists():
        return False
    return bool(user.email) or EmailAddress.objects.filter(user=user).exists()


# ── One's own profile ────────────────────────────────────────────────────────────────────────────────────────────
def update_profile(user_id: int, changes: dict[str, Any]) -> User:
    """Change one's profile and settings: any of the names in `_CHECKS`. What is the same already is no change."""
    cleaned = _cleaned(changes)
    try:
        with write_transaction():
            user = _locked(user_id)
            changed = {name: value for name, value in cleaned.items() if getattr(user, name) != value}
            if "username" in changed:
                _check_username(user, changed["username"])
            for name, value in changed.items():
                setattr(user, name, value)
            if changed:
                user.save(update_fields=list(changed))
                _tell_own_change(user, set(changed))
    except IntegrityError:
        raise invalid(username=str(TAKEN)) from None
    return user


def set_avatar(user_id: int, upload: BinaryIO, size: int) -> User:
    """Give oneself a picture. `size` is in bytes."""
    if wait := rate_limits.acquire(f"avatar.{user_id}", AVATARS, AVATARS_PER_SECOND):
        raise rate_limited(wait)
    picture = avatars.redrawn(upload, size)
    storage = User._meta.get_field("avatar").storage
    name = storage.save(f"avatars/{picture.name}", picture)
    try:
        return _replace_avatar(user_id, name)
    except BaseException:
        storage.delete(name)
        raise


def remove_avatar(user_id: int) -> User:
    return _replace_avatar(user_id, "")


def _replace_avatar(user_id: int, name: str) -> User:
    with write_transaction():
        user = _locked(user_id)
        old, storage = user.avatar.name or "", user.avatar.storage
        if old == name:
            return user
        user.avatar = name
        user.save(update_fields=["avatar"])
        if old:
            transaction.on_commit(partial(storage.delete, old), robust=True)
        _tell_own_change(user, {"avatar"})
    return user


def _locked(user_id: int) -> User:
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id, is_active=True).first()
    if user is None:
        raise not_found()
    return user


def _tell_own_change(user: User, changed: set[str]) -> None:
    user.me_version = next_me_versions([user.pk])[user.pk][0]
    publish([me_updated(user)])
    if changed & SEEN_BY_OTHERS:
        # After commit, and not in here: rows of conversations are locked before those of people, never the other way.
        transaction.on_commit(partial(_call, hooks.profile_changed, user.pk), robust=True)
    if "show_receipts" in changed:
        transaction.on_commit(partial(_call, hooks.receipts_choice_changed, user.pk), robust=True)
    if {"show_presence", "show_receipts"} & changed:
        publish([RefreshVisibility(user.pk)])
    if "show_presence" in changed:
        transaction.on_commit(partial(_call, hooks.presence_choice_changed, user.pk), robust=True)


def changed_by_administrator(user: User, changed: set[str]) -> None:
    """What was stored in the admin is told as if they had done it themselves."""
    with write_transaction():
        _tell_own_change(user, changed)


def me_updated(user: User) -> UserEvent:
    """The news of one's own profile and settings, as they are in this row."""
    return UserEvent(
        user.pk, encode_frame("me.updated", MeSchema(user.me_version, profile_schema(user))), user.me_version
    )


def _call(functions: list[Callable[[int], object]], user_id: int) -> None:
    for function in functions:
        function(user_id)


# ── What a value may be ──────────────────────────────────────────────────────────────────────────────────────────
def _one_of(values: Callable[[], Any]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in values():
            raise ValidationError(_("This is none of the choices."))
        return value

    return check


def _line(longest: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(_("This is no text."))
        return clean_line(value, longest)

    return check


def _tidy(value: Any) -> str:
    if not isinstance(value, str):
        raise ValidationError(_("This is no text."))
    return tidy_username(value)


def _length(name: str) -> int:
    return getattr(User._meta.get_field(name), "max_length", 0)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "username": _tidy,
    "name": _line(_length("name")),
    "bio": _line(_length("bio")),
    "language": _one_of(lambda: {"", *dict(settings.LANGUAGES)}),
    "time_zone": _one_of(lambda: {"", *known_zones()}),
    "theme": _one_of(lambda: Theme.values),
    **dict.fromkeys(PRIVACY_FIELDS, _one_of(lambda: Audience.values)),
}


def _cleaned(changes: dict[str, Any]) -> dict[str, Any]:
    cleaned, wrong = {}, {}
    for name, value in changes.items():
        try:
            if name not in _CHECKS:
                raise ValidationError(_("This cannot be changed."))
            cleaned[name] = _CHECKS[name](value)
        except ValidationError as error:
            wrong[name] = error.messages
    if wrong:
        raise _by_field(wrong, {})
    return cleaned


def _check_username(user: User, name: str) -> None:
    """Asked only of a new name: whoever was given a reserved one keeps it while they change other things."""
    try:
        clean_username(name)
    except ValidationError as error:
        raise invalid(username=error.messages[0]) from None
    if is_taken(name, but_by=user.pk):
        raise invalid(username=str(TAKEN))


def is_taken(name: str, but_by: int | None = None) -> bool:
    """By somebody, by somebody who has left, or by somebody who only seems to have signed up (accounts/username_reservations.py)."""
    there = User.objects.like(name).exclude(pk=but_by).exists()
    return there or SpentName.objects.has(name) or username_reservations.is_promised(name)


def _by_field(errors: dict[str, Any], names: dict[str, str]) -> ApplicationError:
    fields = {names.get(name, name): [str(word) for word in words] for name, words in errors.items()}
    return ApplicationError("invalid", next(iter(fields.values()))[0], fields)


# ── Moderation ───────────────────────────────────────────────────────────────────────────────────────────────────
def suspend(user_id: int, by_id: int) -> User:
    """Shut a person out: every sign-in ends, every socket closes with 4403, and nobody finds them."""
    with write_transaction():
        contacts.lock_around(user_id)
        user = _in_their_power(user_id, by_id)
        if user.is_active:
            user.is_active, user.suspended_at = False, timezone.now()
            user.save(update_fields=["is_active", "suspended_at"])
            contacts.account_changed(user.pk)
        sign_ins.end(user.pk, code=SUSPENDED)
    return user


def restore(user_id: int, by_id: int) -> User:
    """Let a suspended person in again. They sign in anew."""
    with write_transaction():
        contacts.lock_around(user_id)
        user = _in_their_power(user_id, by_id)
        if user.deleted_at:
            raise forbidden(_("This account was deleted by its owner; there is nobody left to restore."))
        if not user.is_active:
            user.is_active, user.suspended_at = True, None
            user.save(update_fields=["is_active", "suspended_at"])
            contacts.account_changed(user.pk)
    return user


def _in_their_power(user_id: int, by_id: int) -> User:
    """Moderators act on ordinary people, superusers on everybody; nobody on themselves."""
    by = User.objects.filter(pk=by_id).first()
    if by is None or not by.has_perm("accounts.suspend_user"):
        raise forbidden()
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise not_found()
    if user.pk == by.pk:
        raise forbidden(_("You cannot suspend or restore yourself."))
    if (user.is_staff or user.is_superuser) and not by.is_superuser:
        raise forbidden(_("Only an administrator can do this to a moderator."))
    return user
