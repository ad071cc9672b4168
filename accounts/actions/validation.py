"""Validates values of a user's profile and settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import PRIVACY_FIELDS, Audience, Theme, User
from accounts.selectors.timezones import available_zone_names
from accounts.text.cleaning import clean_single_line
from accounts.usernames.rules import normalize_username
from messenger.core.errors import ApplicationError

Cleaner = Callable[[Any], str]  # returns the value as it is stored, or raises ValidationError


def _one_of(choices: Callable[[], Any]) -> Cleaner:
    def clean(value: Any) -> str:
        if not isinstance(value, str) or value not in choices():
            raise ValidationError(_("Choose one of the options."))
        return value

    return clean


def _single_line(max_length: int) -> Cleaner:
    def clean(value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(_("This must be text."))
        return clean_single_line(value, max_length)

    return clean


def _username(value: Any) -> str:
    if not isinstance(value, str):
        raise ValidationError(_("This must be text."))
    return normalize_username(value)


def _max_length(field_name: str) -> int:
    return getattr(User._meta.get_field(field_name), "max_length", 0)


_CLEANERS: dict[str, Cleaner] = {
    "username": _username,
    "name": _single_line(_max_length("name")),
    "bio": _single_line(_max_length("bio")),
    "language": _one_of(lambda: {"", *dict(settings.LANGUAGES)}),
    "time_zone": _one_of(lambda: {"", *available_zone_names()}),
    "theme": _one_of(lambda: Theme.values),
    **dict.fromkeys(PRIVACY_FIELDS, _one_of(lambda: Audience.values)),
}


def clean_profile_changes(changes: dict[str, Any]) -> dict[str, Any]:
    """Checks changes of a profile (a dict of values by field) and returns the values to store, also by field.

    Raises `invalid` with the errors of all fields.
    """
    cleaned, errors = {}, {}
    for name, value in changes.items():
        try:
            if name not in _CLEANERS:
                raise ValidationError(_("This can’t be changed."))
            cleaned[name] = _CLEANERS[name](value)
        except ValidationError as error:
            errors[name] = error.messages
    if errors:
        raise field_errors(errors, {})
    return cleaned


def field_errors(errors: dict[str, Any], renamed_fields: dict[str, str]) -> ApplicationError:
    """Converts form errors (messages by form field) to an `invalid` error of the API.

    `renamed_fields` maps names of form fields to the names of the same fields in the API.
    """
    fields = {
        renamed_fields.get(name, name): [str(message) for message in messages] for name, messages in errors.items()
    }
    return ApplicationError("invalid", next(iter(fields.values()))[0], fields)
