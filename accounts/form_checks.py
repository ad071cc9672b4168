"""Lists the checks that a page makes on a form field before the form is sent.

A check is a regular expression of JavaScript (flags `s` and `u`), which the value must match, and an error message.
The script static/js/pages/form-checks.js runs the checks in their order. They are only a convenience: the server makes
its own checks, which are stricter, and works for browsers without scripts. A check never rejects a value that the
server accepts. The messages are those of the server.
"""

from __future__ import annotations

from typing import NamedTuple

from django import forms
from django.contrib.auth import password_validation
from django.forms import BoundField
from django.utils.functional import Promise
from django.utils.translation import gettext as _


class Check(NamedTuple):
    pattern: str
    message: str | Promise


def list_checks(bound: BoundField) -> list[Check]:
    """Returns the checks of a field. A form adds checks of its own as `field.page_checks`, a list of `Check`."""
    field = bound.field
    if not _is_typed(field.widget):
        return []
    checks = []
    if field.required:
        is_password = isinstance(field.widget, forms.PasswordInput)  # a password may consist of spaces
        checks.append(Check("." if is_password else r"\S", field.error_messages["required"]))
    if isinstance(field, forms.EmailField):
        checks.append(Check(r"^\s*\S+@[^\s@]+\s*$", _("Enter a valid email address.")))
    if bound.name == "password1":  # a new password, in all forms of allauth
        checks += _list_password_checks()
    return [*checks, *getattr(field, "page_checks", ())]


def _is_typed(widget: forms.Widget) -> bool:
    """Returns whether people type the value, instead of choosing it."""
    if isinstance(widget, forms.Textarea):
        return True
    return isinstance(widget, forms.widgets.Input) and widget.input_type not in ("checkbox", "radio", "file", "hidden")


def find_repeated_field(bound: BoundField) -> str:
    """Returns the HTML id of the field whose value this field repeats ("New password again"), or ""."""
    is_repetition = bound.name == "password2" and "password1" in bound.form.fields
    return bound.form["password1"].id_for_label if is_repetition else ""


def repetition_message() -> str:
    """Returns the error message if a password was not repeated correctly. It is the message of allauth."""
    return _("You must type the same password each time.")


def _list_password_checks() -> list[Check]:
    checks = []
    for validator in password_validation.get_default_password_validators():
        if isinstance(validator, password_validation.MinimumLengthValidator):
            checks.append(Check(f"^.{{{validator.min_length},}}$", validator.get_error_message()))
        elif isinstance(validator, password_validation.NumericPasswordValidator):
            checks.append(Check(r"\P{Nd}", validator.get_error_message()))
    return checks
