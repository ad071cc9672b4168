"""Actions that change a user's own profile and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import avatars, hooks
from accounts.actions.user_version import allocate_me_versions
from accounts.actions.validation import clean_profile_changes
from accounts.models import USERNAME_TAKEN, RetiredUsername, User
from accounts.schemas import MeSchema, profile_schema
from accounts.selectors.usernames import is_username_taken
from accounts.usernames.rules import clean_username
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import invalid, not_found
from messenger.live.events import RefreshVisibility, UserEvent, publish
from messenger.live.frames import encode_frame

PUBLIC_FIELDS = {"username", "name", "avatar"}  # other users see them
PUBLISHED_FIELDS = PUBLIC_FIELDS | {"show_presence", "show_receipts"}  # their change is published to other users


def update_profile(user_id: int, changes: dict[str, Any]) -> User:
    """Changes fields of the profile and the settings, and publishes `me.updated` if a value is different from before.

    Raises `invalid` for wrong values, `rate_limited` after too many changes, and `not_found` for an account that is not
    active.
    """
    cleaned = clean_profile_changes(changes)
    try:
        with write_transaction():
            user = _get_locked_user(user_id)
            changed = {name: value for name, value in cleaned.items() if getattr(user, name) != value}
            if changed.keys() & PUBLISHED_FIELDS:
                rate_limits.require("profile", user_id)
            if "username" in changed:
                _check_new_username(user, changed["username"])
                RetiredUsername.objects.release(user.username, user.pk)
            for name, value in changed.items():
                setattr(user, name, value)
            if changed:
                user.save(update_fields=list(changed))
                _publish_change(user, set(changed))
    except IntegrityError:
        raise invalid(username=str(USERNAME_TAKEN)) from None
    return user


def set_avatar(user_id: int, upload: BinaryIO, size: int) -> User:
    """Replaces the user's avatar by an uploaded picture. `size` is the size of the upload in bytes.

    Raises `rate_limited` after too many uploads, `too_large`, `invalid` for a file that is not a supported picture, and
    `unavailable` while the server is busy with other pictures.
    """
    rate_limits.require("avatar", user_id)
    picture = avatars.make_avatar(upload, size)
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
        user = _get_locked_user(user_id)
        old_name, storage = user.avatar.name or "", user.avatar.storage
        if old_name == name:
            return user
        user.avatar = name
        user.save(update_fields=["avatar"])
        if old_name:
            transaction.on_commit(partial(storage.delete, old_name), robust=True)
        _publish_change(user, {"avatar"})
    return user


def dismiss_hints(user_id: int) -> None:
    """Hides the hints for new users from this user permanently."""
    User.objects.filter(pk=user_id).update(hints_done=True)


def remember_browser(user: User, language: str, time_zone: str) -> None:
    """Stores the language and the time zone of the browser that the user uses, unless empty or stored already."""
    found = {"browser_language": language, "browser_time_zone": time_zone}
    changes = {name: value for name, value in found.items() if value and value != getattr(user, name)}
    if changes:
        User.objects.filter(pk=user.pk).update(**changes)
        for name, value in changes.items():
            setattr(user, name, value)


def record_last_seen(last_seen_by_user: Mapping[int, datetime]) -> None:
    """Stores when these users were last online."""
    users = [User(pk=user_id, last_seen_at=last_seen) for user_id, last_seen in last_seen_by_user.items()]
    User.objects.bulk_update(users, ["last_seen_at"], batch_size=300)


def publish_admin_change(user: User, changed_fields: set[str]) -> None:
    """Publishes profile fields of a user that were changed in the admin.

    The events are the same as if the user had changed the fields.
    """
    with write_transaction():
        _publish_change(user, changed_fields)


def me_updated_event(user: User) -> UserEvent:
    """Returns the `me.updated` event with the profile and settings of this user, for the user's own devices."""
    payload = MeSchema(user.me_version, profile_schema(user))
    return UserEvent(user.pk, encode_frame("me.updated", payload), user.me_version)


def _publish_change(user: User, changed_fields: set[str]) -> None:
    user.me_version = allocate_me_versions([user.pk])[user.pk][0]
    publish([me_updated_event(user)])
    if changed_fields & PUBLIC_FIELDS:
        _call_hooks(hooks.profile_changed, user.pk)
    if "show_receipts" in changed_fields:
        transaction.on_commit(partial(_call_hooks, hooks.receipts_setting_changed, user.pk), robust=True)
    if {"show_presence", "show_receipts"} & changed_fields:
        publish([RefreshVisibility(user.pk)])
    if "show_presence" in changed_fields:
        transaction.on_commit(partial(_call_hooks, hooks.presence_setting_changed, user.pk), robust=True)


def _call_hooks(functions: list[Callable[[int], object]], user_id: int) -> None:
    for function in functions:
        function(user_id)


def _get_locked_user(user_id: int) -> User:
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id, is_active=True).first()
    if user is None:
        raise not_found()
    return user


def _check_new_username(user: User, name: str) -> None:
    """Raises `invalid` if a new user name is malformed, reserved or taken.

    Call this only if the name changes: a user who already has a reserved name must be able to change other fields.
    """
    try:
        clean_username(name)
    except ValidationError as error:
        raise invalid(username=error.messages[0]) from None
    if is_username_taken(name, exclude_user_id=user.pk):
        raise invalid(username=str(USERNAME_TAKEN))
