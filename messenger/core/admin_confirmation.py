"""Defines a decorator for admin actions that ask "are you sure?" on a page of their own before they run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REASON = "reason"  # field of this form: why the moderator does it
DURATION = "days"  # field of this form: for how long
# The choices of this field: hours if they end with `h`, otherwise days. Empty: without an end.
Durations = Mapping[str, str | Promise]
SUSPENSION_DURATIONS: Durations = {"": _("without an end"), "1": _("1 day"), "7": _("7 days"), "30": _("30 days")}
MUTE_DURATIONS: Durations = {"1h": _("1 hour"), "1": _("1 day"), "7": _("7 days"), "30": _("30 days")}
RECENT_DURATIONS: Durations = {"1h": _("1 hour"), "6h": _("6 hours"), "1": _("1 day"), "7": _("7 days")}
MAX_REASON = 500  # characters
CONFIRMED = "confirmed"  # field of the form that the page with the question posts
MAX_NAMED_ROWS = 10  # rows that the question names; the page only counts the others


def asks_first(
    question: str | Promise | Callable[[QuerySet], str], *, dangerous: bool = False, durations: Durations | None = None
) -> Callable:
    """Makes an admin action show a page with `question` first. It runs when the form of this page is posted.

    `question` may be a function, which gets the selected rows and returns a text or safe HTML.

    `dangerous` marks the button in red. With `durations` the page asks for how long (`get_duration`). Place the
    decorator above `@admin.action`. It works for the action menu of a list and for buttons that post the name of the
    action, because the page posts all fields again.
    """

    def decorate(action: Callable) -> Callable:
        @wraps(action)
        def run_or_ask(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
            if request.POST.get(CONFIRMED) == "yes":
                return action(model_admin, request, queryset)
            return _ask(model_admin, request, queryset, run_or_ask)

        run_or_ask.question, run_or_ask.dangerous = question, dangerous  # type: ignore[attr-defined]
        run_or_ask.durations = durations or {}  # type: ignore[attr-defined]
        return run_or_ask

    return decorate


def get_reason(request: HttpRequest) -> str:
    """Returns the reason that the moderator has given, beside the buttons or with the question; "" if none."""
    text = request.POST.get(REASON, "").replace("\0", "").encode("utf-8", "ignore").decode()
    return " ".join(text.split())[:MAX_REASON]


def get_duration(request: HttpRequest) -> timedelta | None:
    """Returns for how long the action has effect, as chosen on the page with the question; None: without an end."""
    value = request.POST.get(DURATION, "")
    if not re.fullmatch(r"[1-9]\d{0,2}h?", value):
        return None
    number = int(value.removesuffix("h"))
    return timedelta(hours=number) if value.endswith("h") else timedelta(days=number)


def is_dangerous(action: Callable) -> bool:
    return getattr(action, "dangerous", False)


def _ask(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet, action: Any) -> HttpResponse:
    rows = list(queryset[:MAX_NAMED_ROWS])
    describe = getattr(model_admin, "describe", str)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": action.short_description,
        "question": action.question(queryset) if callable(action.question) else action.question,
        "rows": [describe(row) for row in rows],
        "rest_count": max(queryset.count() - len(rows), 0),
        "back": _back_url(model_admin, request, rows),
        "dangerous": action.dangerous,
        "reason": get_reason(request),
        "durations": action.durations,
        "fields": [
            (name, value)
            for name, values in request.POST.lists()
            if name not in ("csrfmiddlewaretoken", CONFIRMED, REASON, DURATION)
            for value in values
        ],
        "media": model_admin.media,
    }
    return TemplateResponse(request, "admin/confirm_action.html", context)


def _back_url(model_admin: admin.ModelAdmin, request: HttpRequest, rows: list[Any]) -> str:
    """Returns the URL of the page that the action was chosen on: the list, or the page of the only row."""
    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    assert request.resolver_match is not None
    if request.resolver_match.url_name == f"{name}_changelist".removeprefix("admin:") or not rows:
        return f"{reverse(f'{name}_changelist')}?{request.GET.urlencode()}"
    return reverse(f"{name}_change", args=[rows[0].pk])
