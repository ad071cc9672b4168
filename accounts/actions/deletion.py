"""The end of an account. What is erased here is erased at once and for good; what it leaves in conversations is seen to
by chat (chat/actions/account_deletion.py), in the background.

The row stays, without a name: others' conversations have a place for whoever wrote in them.
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
from accounts.models import PRIVACY_FIELDS, Audience, SignIn, SpentName, Theme, User
from accounts.text.usernames import DELETED
from messenger.core.database import write_transaction
from messenger.core.errors import forbidden, not_found

_KEPT = {"id", "date_joined", "me_version"}  # of the person's row; who they were does not follow from these


def must_not_be_the_last(user: User) -> None:
    """A site without an administrator could not be run any more."""
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        raise forbidden(_("You are the only administrator of this site. Make somebody else one first."))


def erase(user_id: int) -> None:
    """Who this person was, how they came in, whom they knew. Every sign-in ends, with its sockets and tokens."""
    with write_transaction():
        contacts.lock_around(user_id)
        user = User.objects.filter(pk=user_id, deleted_at=None).first()
        if user is None:
            raise not_found()
        must_not_be_the_last(user)
        SpentName.objects.keep(user.username)
        sign_ins.end(user.pk)
        SignIn.objects.filter(user=user).delete()
        for model in (EmailAddress, SocialAccount, Authenticator):
            model._default_manager.filter(user=user).delete()
        user.groups.clear()
        user.user_permissions.clear()
        picture, storage = user.avatar.name, user.avatar.storage
        _blank(user)
        user.save()
        _forget_in_the_log(user)
        for choice_changed in (*hooks.receipts_choice_changed, *hooks.presence_choice_changed):  # to nobody now
            transaction.on_commit(partial(choice_changed, user.pk), robust=True)
        contacts.forget(user.pk)
        if picture:
            transaction.on_commit(partial(storage.delete, picture), robust=True)


def _blank(user: User) -> None:
    for field in User._meta.concrete_fields:
        if field.name not in _KEPT:
            setattr(user, field.name, field.get_default() if field.has_default() or not field.null else None)
    user.username, user.name = _free_name(user), deleted_words()
    user.set_unusable_password()
    user.is_active, user.deleted_at = False, timezone.now()
    user.theme = Theme.SYSTEM
    for setting in PRIVACY_FIELDS:
        setattr(user, setting, Audience.NOBODY)


def _free_name(user: User) -> str:
    """Nobody can sign up as `deleted-…`; the operator may have made such a one."""
    name = f"{DELETED}{user.pk}"
    while User.objects.like(name).exclude(pk=user.pk).exists():
        name = f"{DELETED}{user.pk}-{get_random_string(4, 'abcdefghkmnpqrstuvwxyz')}"
    return name


def deleted_words() -> str:
    """The name that stands beside what they wrote. It goes to all readers alike, so it is said in each language."""
    words = []
    for language, _name in settings.LANGUAGES:
        with override(language):
            # Translators: stands where the name of somebody stood who has deleted their account
            words.append(_("Deleted account"))
    return " · ".join(dict.fromkeys(words))


def _forget_in_the_log(user: User) -> None:
    """The admin's log names people in plain text."""
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk))
    about.update(object_repr=user.username, change_message="")
