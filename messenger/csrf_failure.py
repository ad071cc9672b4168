"""The page for a form whose CSRF token is missing or out of date, for example after the user has signed in again."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import unsent_forms


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Shows the values of a rejected form in a new form with a valid CSRF token, so that the user can send them again.

    The values are shown only if the Origin header names this site. Otherwise another site could send a form here with
    its own text, and the user would send this text with one click. Passwords are not shown. The pages for
    signing in and signing up show the other values again themselves.
    """
    fields: list[tuple[str, str]] = []
    if request.method == "POST" and request.META.get("HTTP_ORIGIN") in settings.SITE_ORIGINS:
        fields = unsent_forms.list_values(request)
    has_password = any("password" in name for name in request.POST)  # it is not shown, so the form would be incomplete
    is_kept = bool(fields) and request.path in (reverse("account_login"), reverse("account_signup"))
    if is_kept:
        unsent_forms.keep_form(request, request.path)
    context = {
        "fields": [(name, value) for name, value in fields if name != "body"],
        "body": next((value for name, value in fields if name == "body"), None),
        "can_send_again": bool(fields) and not has_password and not request.FILES,
        "is_kept": is_kept,
    }
    return render(request, "403_csrf.html", context, status=403)
