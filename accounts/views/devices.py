"""Views of the page of devices: it lists where the user is signed in, and each device can be signed out there."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import hooks
from accounts.auth import sign_ins
from accounts.authentication import require_sign_in
from accounts.decorators import login_required_for_post
from messenger.core.errors import ApplicationError


@login_required
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    current = require_sign_in(request)
    notes = hooks.device_notes(current.user_id)
    devices = [(sign_in, notes.get(sign_in.pk)) for sign_in in sign_ins.list_active_sign_ins(current.user_id)]
    context = {"devices": devices, "current_id": current.pk}
    return render(request, "settings/devices.html", context)


@require_POST
@login_required_for_post
def end_session(request: HttpRequest, sign_in_id: UUID) -> HttpResponse:
    current = require_sign_in(request)
    try:
        sign_ins.end_sign_in(current.user_id, sign_in_id)
    except ApplicationError:
        raise Http404 from None
    if current.pk == sign_in_id:
        request.session.flush()
        return redirect(settings.LOGOUT_REDIRECT_URL)
    messages.success(request, _("Device signed out."))
    return redirect("sessions")


@require_POST
@login_required_for_post
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    current = require_sign_in(request)
    sign_ins.end_sign_ins(current.user_id, keep=current.pk)
    messages.success(request, _("All other devices signed out."))
    return redirect("sessions")
