"""The page of a suspended account: the reason, the end, and the form for an appeal.

A suspended user cannot sign in. After the right password (or code, or provider), the session of the browser remembers
whose page it may see.
"""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts import actions
from accounts.auth.adapters import SUSPENDED_USER_KEY
from messenger.core.errors import ApplicationError, error_message


class AppealForm(forms.Form):
    text = forms.CharField(
        label=_("Why should the suspension end?"),
        max_length=actions.APPEAL_LIMIT,
        widget=forms.Textarea(attrs={"rows": 5, "dir": "auto"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def suspended(request: HttpRequest) -> HttpResponse:
    """Shows the suspension of the user who has tried to sign in with this browser. POST sends an appeal."""
    user_id = request.session.get(SUSPENDED_USER_KEY)
    suspension = actions.find_suspension(user_id) if user_id else None
    if suspension is None:
        request.session.pop(SUSPENDED_USER_KEY, None)
        return redirect("account_login")
    form = AppealForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.appeal(suspension.user_id, form.cleaned_data["text"])
            return redirect("suspended")
        except ApplicationError as error:
            form.add_error(None, error_message(error))
    status = 400 if form.errors else 200
    return render(request, "account/suspended.html", {"suspension": suspension, "form": form}, status=status)
