"""The page for a form whose CSRF token is missing or out of date, for example after the user has signed in again."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

MAX_FIELDS = 50


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Shows the values of a rejected form in a new form with a valid CSRF token, so that the user can send them again.

    The values are shown only if the Origin header names this site. Otherwise another site could send a form here with
    its own text, and the user would send this text with one click. Passwords are not shown.
    """
    fields: list[tuple[str, str]] = []
    if request.method == "POST" and request.META.get("HTTP_ORIGIN") in settings.SITE_ORIGINS:
        fields = [
            (name, value)
            for name, values in request.POST.lists()
            for value in values
            if name != "csrfmiddlewaretoken" and "password" not in name
        ][:MAX_FIELDS]
    context = {
        "fields": [(name, value) for name, value in fields if name != "body"],
        "body": next((value for name, value in fields if name == "body"), None),
    }
    return render(request, "403_csrf.html", context, status=403)
