"""Checks whether a moderator has muted a user: such a user may read, but not write."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import lazy
from django.utils.translation import gettext as _

from accounts.models import User
from messenger.core.errors import ApplicationError, forbidden


def _muted_text(until: datetime) -> str:
    time = date_format(timezone.localtime(until), "DATETIME_FORMAT")
    return _("You are muted until %(time)s. You can read, but not write.") % {"time": time}


muted_text = lazy(_muted_text, str)  # in the language of the reader: one thread stores the messages of many users


def is_muted(muted_until: datetime | None) -> bool:
    return muted_until is not None and muted_until > timezone.now()


def mute_error(muted_until: datetime | None) -> ApplicationError | None:
    """Returns the error for a user who may not write until `muted_until`, or None for a user who may."""
    return forbidden(muted_text(muted_until)) if muted_until and is_muted(muted_until) else None


def _group_mute_text(until: datetime) -> str:
    time = date_format(timezone.localtime(until), "DATETIME_FORMAT")
    return _("The admins of this group have muted you until %(time)s. You can read, but not write.") % {"time": time}


group_mute_text = lazy(_group_mute_text, str)


def group_mute_error(muted_until: datetime | None) -> ApplicationError | None:
    """Returns the error for a member who may not write in a group until `muted_until`, or None."""
    return forbidden(group_mute_text(muted_until)) if muted_until and is_muted(muted_until) else None


def require_not_muted(user: User | int) -> None:
    """Raises `forbidden` if the user is muted. Makes a query only if it gets an id."""
    if isinstance(user, User):
        muted_until = user.muted_until
    else:
        muted_until = User.objects.filter(pk=user).values_list("muted_until", flat=True).first()
    if error := mute_error(muted_until):
        raise error
