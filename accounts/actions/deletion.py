"""Deletes accounts.

Personal data is erased at once and permanently. Messages, memberships and groups of the user are handled by the app
`chat` in the background (chat/actions/account_deletion.py). The row of the user is kept without personal data, because
messages in conversations refer to it.
"""

from __future__ import annotations

from functools import partial

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import hooks
from accounts.actions import contacts
from accounts.auth import sign_ins
from accounts.models import PRIVACY_FIELDS, Audience, RetiredUsername, SignIn, Theme, User
from accounts.usernames.rules import DELETED_PREFIX
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, not_found

_KEPT_FIELDS = {"id", "date_joined", "me_version"}  # they do not identify the person


def require_another_administrator(user: User) -> None:
    """Raises `forbidden` if this user is the last superuser. Without a superuser nobody could administer the site."""
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        raise forbidden(_("You are the only administrator of this site. Make someone else an administrator first."))


def erase_account(user_id: int) -> None:
    """Erases the profile, e-mails, credentials, relationships and sign-ins of a user. Closes the user's sockets."""
    with write_transaction():
        contacts.lock_related_users(user_id)
        user = User.objects.filter(pk=user_id, deleted_at=None).first()
        if user is None:
            raise not_found()
        require_another_administrator(user)
        RetiredUsername.objects.retire(user.username)
        sign_ins.end_sign_ins(user.pk)
        SignIn.objects.filter(user=user).delete()
        for model in (EmailAddress, SocialAccount, Authenticator):
            model._default_manager.filter(user=user).delete()
        user.groups.clear()
        user.user_permissions.clear()
        avatar_name, storage = user.avatar.name, user.avatar.storage
        _blank_fields(user)
        user.save()
        _anonymize_admin_log(user)
        # Both settings are "nobody" from now on.
        for setting_changed in (*hooks.receipts_setting_changed, *hooks.presence_setting_changed):
            transaction.on_commit(partial(setting_changed, user.pk), robust=True)
        contacts.delete_relationships(user.pk)
        if avatar_name:
            transaction.on_commit(partial(storage.delete, avatar_name), robust=True)


def _blank_fields(user: User) -> None:
    for field in User._meta.concrete_fields:
        if field.name not in _KEPT_FIELDS:
            setattr(user, field.name, field.get_default() if field.has_default() or not field.null else None)
    user.username, user.name = _free_deleted_username(user), deleted_account_label()
    user.set_unusable_password()
    user.is_active, user.deleted_at = False, timezone.now()
    user.theme = Theme.SYSTEM
    for setting in PRIVACY_FIELDS:
        setattr(user, setting, Audience.NOBODY)


def _free_deleted_username(user: User) -> str:
    """Returns the new user name `deleted-<id>`, with a random suffix if an account with that name already exists."""
    name = f"{DELETED_PREFIX}{user.pk}"
    while User.objects.find_lookalikes(name).exclude(pk=user.pk).exists():
        name = f"{DELETED_PREFIX}{user.pk}-{get_random_string(4, 'abcdefghkmnpqrstuvwxyz')}"
    return name


def deleted_account_label() -> str:
    """Returns the display name of deleted accounts, which contains the words "Deleted account" in all site languages.

    All readers see the same stored name, whatever their language is.
    """
    labels = []
    for language, _name in settings.LANGUAGES:
        with override(language):
            # Translators: stands where the name of somebody stood who has deleted their account
            labels.append(_("Deleted account"))
    return " · ".join(dict.fromkeys(labels))


def _anonymize_admin_log(user: User) -> None:
    """Replaces the old user name of a deleted account in Django's admin log, which stores user names as plain text."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk))
    entries.update(object_repr=user.username, change_message="")
