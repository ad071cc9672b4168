"""Keeps the values of a form that was posted after the sign-in had ended, so that its page can show them again.

Scripts keep what was typed in the browser; this is for browsers without scripts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.http import HttpRequest, QueryDict

from messenger.core import rate_limits
from messenger.core.client_ip import request_network

SESSION_KEY = "unsent_form"
MAX_FIELDS = 50


def list_values(request: HttpRequest) -> list[tuple[str, str]]:
    """Returns the names and values of a posted form, without its CSRF token and without passwords."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken" and "password" not in name
    ][:MAX_FIELDS]


def keep_form(request: HttpRequest, url: str) -> None:
    """Keeps the values of a posted form in the session, for the page `url` that contains the form.

    The number of kept forms is limited for each IP address, because each kept form is a row in the database. A form
    whose values are longer than a message may be is not kept.
    """
    fields = list_values(request)
    length = sum(len(value) for _name, value in fields)
    if not any(value.strip() for _name, value in fields) or length > 2 * settings.BODY_LIMIT:
        return
    if not rate_limits.acquire("unsent.address", request_network(request)):
        request.session[SESSION_KEY] = {"path": urlsplit(url).path, "fields": fields}


def pop_form(request: HttpRequest) -> QueryDict:
    """Returns the values of the form that was posted from this page but not handled, because the sign-in had ended.

    Removes them from the session, so that the next call does not return them again. Returns no values if there are
    none.
    """
    values = QueryDict(mutable=True)
    kept = request.session.get(SESSION_KEY)
    if kept and kept["path"] == request.path and request.method == "GET":
        del request.session[SESSION_KEY]
        for name, value in kept["fields"]:
            values.appendlist(name, value)
    return values


def get_initial(form_class: type[forms.Form | forms.ModelForm], values: QueryDict) -> dict[str, Any]:
    """Returns `values` as the initial data of a form that shows them without checking them. Files are left out.

    Returns an empty dictionary if `values` are not those of this form.
    """
    return _read_values(form_class.base_fields, values)


def restore(form: forms.BaseForm, values: QueryDict) -> None:
    """Shows `values` in a form, as `get_initial` does. For forms that create fields when they are created."""
    form.initial = {**form.initial, **_read_values(form.fields, values)}


def _read_values(form_fields: Mapping[str, forms.Field], values: QueryDict) -> dict[str, Any]:
    fields = {name: field for name, field in form_fields.items() if not isinstance(field, forms.FileField)}
    if not fields.keys() & values.keys():
        return {}
    return {name: field.widget.value_from_datadict(values, {}, name) for name, field in fields.items()}
