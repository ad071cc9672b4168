"""View of the page on which users change their privacy settings."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import actions, unsent_forms
from accounts.authentication import require_sign_in
from accounts.decorators import login_required_for_form
from accounts.forms import PrivacyForm
from accounts.models import PRIVACY_FIELDS, User
from messenger.core.errors import ApplicationError


@login_required_for_form
@require_http_methods(["GET", "HEAD", "POST"])
def privacy(request: HttpRequest) -> HttpResponse:
    user = User.objects.get(pk=require_sign_in(request).user_id)
    unsent = unsent_forms.get_initial(PrivacyForm, unsent_forms.pop_form(request))
    form = PrivacyForm(request.POST or None, instance=user, initial=unsent)
    status = HTTPStatus.OK
    if request.method == "POST":
        if form.is_valid() and _save(user.pk, form):
            messages.success(request, _("Saved."))
            return redirect("privacy")
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    context = {"form": form, "blocked_count": len(user.blocked_ids)}
    return render(request, "settings/privacy.html", context, status=status)


def _save(user_id: int, form: PrivacyForm) -> bool:
    """Stores the privacy settings of a valid form. If an error occurs, adds it to the form and returns False."""
    try:
        actions.update_profile(user_id, {name: form.cleaned_data[name] for name in PRIVACY_FIELDS})
    except ApplicationError as error:
        form.add_action_errors(error)
        return False
    return True
