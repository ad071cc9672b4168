"""Pages of the settings of calls: who may call a user, and whether a group has calls."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.authentication import require_sign_in
from calls import actions, rules
from calls.forms import CallSettingsForm, GroupCallSettingsForm
from chat.views.decorators import post_view


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def call_settings(request: HttpRequest) -> HttpResponse:
    user_id = require_sign_in(request).user_id
    form = CallSettingsForm(request.POST or None, initial={"call_me": rules.get_audience(user_id)})
    if request.method == "POST" and form.is_valid():
        actions.set_audience(user_id, form.cleaned_data["call_me"])
        messages.success(request, _("Saved."))
        return redirect("call_settings")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if request.method == "POST" else HTTPStatus.OK
    return render(request, "calls/call_settings.html", {"form": form}, status=status)


@login_required
@require_safe
def call_templates(request: HttpRequest) -> HttpResponse:
    """Returns the templates and texts that scripts need for a call. Pages load them only when there is a call."""
    return render(request, "calls/call_templates.html")


@post_view
def group_call_settings(request: HttpRequest, conversation_id: int) -> HttpResponse:
    form = GroupCallSettingsForm(request.POST)
    is_allowed = form.is_valid() and form.cleaned_data["calls_allowed"]
    actions.set_allowed_in_group(require_sign_in(request).user_id, conversation_id, is_allowed)
    messages.success(request, _("Saved."))
    return redirect("group_settings", conversation_id)
