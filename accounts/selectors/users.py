"""Reads users by their ids or logins."""

from __future__ import annotations

from collections.abc import Iterable

from allauth.account.models import EmailAddress

from accounts.models import User
from accounts.schemas import UserSchema, user_schema
from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton


def find_user(user_id: int) -> User | None:
    """Returns the user with this id, or None. Suspended and deleted accounts are found, too.

    Does not check who may see the user.
    """
    return User.objects.filter(pk=user_id).first()


def get_users(user_ids: Iterable[int]) -> dict[int, UserSchema]:
    """Returns the public data of these users by user id. Makes one query, or none if there are no ids."""
    ids = set(user_ids)
    return {user.pk: user_schema(user) for user in User.objects.filter(pk__in=ids)} if ids else {}


def get_display_names(user_ids: Iterable[int]) -> dict[int, str]:
    """Returns the display names of these users by user id. Makes one query, or none if there are no ids."""
    ids = set(user_ids)
    return {user.pk: user.display_name for user in User.objects.filter(pk__in=ids)} if ids else {}


def find_account(login: str) -> User | None:
    """Returns the account with this user name or e-mail.

    If several accounts have the same e-mail, returns the one that has confirmed the e-mail, else the oldest.
    """
    text = strip_unstorable(login.strip())
    if "@" not in text:
        return User.objects.filter(username_key=skeleton(text)).first()
    email = text.lower()
    confirmed = EmailAddress.objects.filter(email=email, verified=True).select_related("user").first()
    return confirmed.user if confirmed else User.objects.filter(email=email).order_by("pk").first()
